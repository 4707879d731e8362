"""A plane is mirrored at its edges, and only what is needed for it is read."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import Image
from napari_denoisplit.sampling.border import (
    border_of,
    bordered,
    mirrored,
    read_bordered,
    within,
)


@pytest.mark.parametrize(("size", "multiple"), [(64, 16), (181, 4), (7, 16), (1, 2), (50, 64)])
def test_a_bordered_plane_is_the_symmetric_padding_in_whole_multiples(size, multiple):
    border, whole = border_of(multiple), bordered(size, multiple)
    assert border >= 16
    assert border % multiple == whole % multiple == 0
    padded = np.pad(np.arange(size), (border, whole - size - border), mode="symmetric")
    np.testing.assert_array_equal(mirrored((0, whole), size, multiple), padded)


def test_a_range_of_the_image_has_a_place_that_is_divided():
    assert within((32, 45), 16) == (48, 64)
    assert within((0, 64), 64) == (64, 128)


@pytest.mark.parametrize("y", [(0, 32), (48, 80), (64, 112), (0, 112)])
@pytest.mark.parametrize("x", [(0, 16), (32, 48)])
def test_a_part_of_a_bordered_plane_is_cut_from_it(rng, y, x):
    data = rng.random((2, 70, 9)).astype(np.float32)
    expected = np.pad(data[1], ((16, 26), (16, 23)), mode="symmetric")[slice(*y), slice(*x)]
    for image in (Image(data, "ZYX"), Image(da.from_array(data, chunks=(1, 16, 4)), "ZYX")):
        part = read_bordered(image, (1,), y, x, 16, "here")
        np.testing.assert_array_equal(part, expected)
        assert part.flags.writeable
        assert not np.shares_memory(part, data)


def test_at_an_edge_nothing_is_read_but_what_is_mirrored():
    read = []

    def remember(data, block_info):
        read.append(block_info[0]["chunk-location"])
        return data

    big = da.zeros((96, 96), chunks=16, dtype=np.float32)
    image = Image(big.map_blocks(remember, dtype=np.float32, meta=np.zeros((0, 0), "f4")), "YX")
    read_bordered(image, (), (0, 48), (80, 128), 16, "here")
    assert set(read) == {(y, x) for y in (0, 1) for x in (4, 5)}


def test_a_pixel_that_is_not_finite_is_counted_once_though_it_is_mirrored():
    data = np.zeros((40, 40), np.float32)
    data[3, 3] = np.inf
    with pytest.raises(ImageError, match=r"'dish' has 1 pixel .* in or near the corner"):
        read_bordered(Image(data, "YX", name="dish"), (), (0, 48), (0, 48), 16, "the corner")
