from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import Image

CUBE = np.arange(2 * 3 * 4 * 5, dtype="u2").reshape(2, 3, 4, 5)


@pytest.mark.parametrize(
    ("shape", "axes", "found"),
    [
        ((4, 5), "CYX", "one letter"),
        ((2, 4, 5), "QYX", "one of TCZYX"),
        ((2, 2, 4, 5), "TTYX", "once"),
        ((4, 5, 2), "YXC", "end in YX"),
        ((2, 0, 5), "CYX", "no pixel"),
    ],
)
def test_axes_that_do_not_fit_are_refused(shape, axes, found):
    with pytest.raises(ImageError, match=f"'cells'.*{found}"):
        Image(np.zeros(shape), axes, name="cells")


def test_as_many_names_as_channels_are_asked_for():
    with pytest.raises(ImageError, match="2 channels but 1 channel names"):
        Image(CUBE[:, 0], "CYX", channel_names=("actin",))
    assert Image(CUBE[0, 0], "YX", channel_names=("actin",)).n_channels == 1


def test_names_that_do_not_fit_are_left_out():
    image = Image(CUBE[:, 0], "CYX")
    assert image.with_channel_names(("a", "b")).channel_names == ("a", "b")
    assert image.with_channel_names(("a", "b", "c")).channel_names == ()


@settings(max_examples=30, deadline=None)
@given(
    here=st.lists(st.sampled_from("TCZ"), unique=True),
    there=st.permutations("TCZYX"),
    size=st.integers(2, 4),
)
def test_transposing_there_and_back_restores_the_image(here, there, size):
    axes = "".join(here) + "YX"
    data = np.arange(size ** len(axes)).reshape((size,) * len(axes))
    image = Image(data, axes)
    # Axes of size 1 come on the way and go on the way back.
    order = "".join(a for a in there if a in "TCZ") + "YX"
    moved = image.transposed(order)
    assert moved.shape == tuple(image.size(a) for a in order)
    assert_array_equal(moved.transposed(axes).data, data)


def test_axes_of_size_one_come_and_go():
    image = Image(CUBE[0], "CYX", channel_names=("a", "b", "c"))
    wide = image.transposed("TCZYX")
    assert wide.shape == (1, 3, 1, 4, 5)
    assert wide.channel_names == ("a", "b", "c")
    assert_array_equal(wide.transposed("CYX").data, CUBE[0])


def test_an_axis_with_several_steps_is_not_dropped():
    with pytest.raises(ImageError, match="2 steps along T: choose one"):
        Image(CUBE, "TCYX").transposed("CYX")


def unread(block: np.ndarray) -> np.ndarray:
    raise AssertionError("a lazy image was read")


def test_a_lazy_image_is_transposed_without_being_read():
    lazy = da.from_array(CUBE, chunks=(1, 1, 4, 5)).map_blocks(unread, meta=CUBE[:0])
    assert Image(lazy, "TCYX").transposed("CZTYX").shape == (3, 1, 2, 4, 5)


def test_an_array_of_zarr_is_transposed_like_one_of_numpy():
    stored = zarr.array(CUBE, chunks=(1, 1, 4, 5))
    turned = Image(stored, "TCYX").transposed("CZTYX")
    assert not isinstance(turned.data, np.ndarray)
    assert_array_equal(turned.data, CUBE.transpose(1, 0, 2, 3)[:, None])


def test_fields_are_the_channels_of_each_time_point_and_plane():
    data = np.arange(2 * 3 * 2 * 4 * 5).reshape(2, 3, 2, 4, 5)  # T, Z, C
    fields = Image(data, "TZCYX").fields()
    assert [f.dtype for f in fields] == [np.float32] * 6
    assert_array_equal(fields, data.reshape(6, 2, 4, 5))
    assert Image(data, "TZCYX").field_shapes == [(4, 5)] * 6


def test_one_plane_is_one_field_with_one_channel():
    (field,) = Image(CUBE[0, 0], "YX").fields()
    assert_array_equal(field, CUBE[0, :1])


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ([[1, 2], [3, 4]], "holds a list"),
        (np.zeros((2, 2), "c8"), "type complex64"),
        (np.zeros((2, 2), object), "type object"),
        (np.ma.masked_equal([[1, 2], [3, 4]], 2), "holds masked pixels \\(1\\)"),
    ],
)
def test_what_would_become_numbers_silently_is_refused(data, found):
    with pytest.raises(ImageError, match=f"'cells'.*{found}"):
        Image(data, "YX", name="cells")
