"""MRC files, written here byte by byte as the published ones are."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.reading import read_image

MODES = {"i1": 0, "i2": 1, "f4": 2, "u2": 6, "f2": 12}


def mrc(data, order="<", *, step=0.0, extended=b"", volume=False, changes=()) -> bytes:
    """A file of (Z, Y, X); with the stamps of MRC2014 where there is a step, in ångström."""
    z, y, x = data.shape
    header = bytearray(1024)
    struct.pack_into(f"{order}4i", header, 0, x, y, z, MODES[data.dtype.str[1:]])
    struct.pack_into(f"{order}i", header, 92, len(extended))
    if step:
        struct.pack_into(f"{order}3i3f", header, 28, x, y, z, x * step, y * step, z * step)
        struct.pack_into(f"{order}3i", header, 64, 1, 2, 3)
        struct.pack_into(f"{order}i", header, 88, int(volume))
        header[208:212] = b"MAP "
    for place, value in changes:
        struct.pack_into(f"{order}i", header, place, value)
    return bytes(header) + extended + data.astype(data.dtype.newbyteorder(order)).tobytes()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", MODES)
def test_pixels_of_every_real_mode_and_byte_order_are_read(tmp_path, rng, kind, order):
    data = rng.integers(-100, 100, (4, 5, 7)).astype(kind)
    path = tmp_path / "GT_all.mrc"
    path.write_bytes(mrc(data, order))
    image = read_image(path)
    np.testing.assert_array_equal(image.data, data)
    assert image.data.dtype == np.dtype(kind)
    assert image.axes == "TYX"
    assert not image.pixel_size


def test_the_pixel_size_is_told_in_micrometres_and_a_volume_has_planes_along_z(tmp_path, rng):
    path = tmp_path / "cell.mrc"
    path.write_bytes(mrc(rng.normal(size=(3, 8, 6)).astype("f4"), step=313.0, volume=True))
    image = read_image(path)
    assert image.axes == "ZYX"
    assert image.pixel_size == pytest.approx({"X": 0.0313, "Y": 0.0313, "Z": 0.0313})
    assert set(image.units.values()) == {"µm"}


def test_pixels_begin_behind_the_extended_header_where_there_is_one(tmp_path, rng):
    data = rng.integers(0, 999, (2, 6, 6)).astype("u2")
    path = tmp_path / "a.mrc"
    path.write_bytes(mrc(data, extended=bytes(200)))
    np.testing.assert_array_equal(read_image(path).data, data)
    path.write_bytes(mrc(data, changes=[(92, 200)]))  # told of, and left out
    np.testing.assert_array_equal(read_image(path).data, data)


def test_axes_may_be_stated_and_one_section_is_a_plane(tmp_path, rng):
    data = rng.integers(0, 9, (2, 6, 6)).astype("u2")
    path = tmp_path / "a.mrc"
    path.write_bytes(mrc(data))
    assert read_image(path, axes="CYX").n_channels == 2
    with pytest.raises(ImageError, match="do not fit 2 section"):
        read_image(path, axes="YX")
    path.write_bytes(mrc(data[:1]))
    assert read_image(path).axes == "YX"


def test_there_is_one_image_to_choose(tmp_path):
    path = tmp_path / "a.mrc"
    path.write_bytes(mrc(np.ones((1, 6, 6), "u2")))
    assert read_image(path, series=0).shape == (6, 6)
    with pytest.raises(ImageError, match=r"a\.mrc has no image 1; it holds one"):
        read_image(path, series=1)


def test_a_large_file_is_read_where_it_is_used(tmp_path, rng):
    data = rng.integers(0, 999, (3, 6, 6)).astype("u2")
    path = tmp_path / "a.mrc"
    path.write_bytes(mrc(data, ">"))
    image = read_image(path, lazy_above=10)
    assert not isinstance(image.data, np.ndarray)
    np.testing.assert_array_equal(np.asarray(image.data), data)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([(12, 4)], "complex numbers"),
        ([(12, 101)], "4 bits"),
        ([(12, 7)], "mode 7"),
        ([(8, -3)], "header claims"),
        ([(0, 2**30)], "header claims"),
        ([(8, 2**23)], "is not complete"),
        ([(64, 2), (68, 1), (72, 3)], r"order \(2, 1, 3\)"),
    ],
)
def test_what_cannot_be_true_or_read_is_refused_before_pixels_are(tmp_path, changes, told):
    path = tmp_path / "a.mrc"
    path.write_bytes(mrc(np.zeros((2, 6, 6), "u2"), changes=changes))
    with pytest.raises(ImageError, match=told):
        read_image(path)


@pytest.mark.parametrize("size", [0, 900, 1100])
def test_a_truncated_file_is_refused(tmp_path, size):
    path = tmp_path / "a.mrc"
    path.write_bytes(mrc(np.zeros((2, 6, 6), "u2"))[:size])
    with pytest.raises(ImageError, match="Copy it again"):
        read_image(path)


@pytest.mark.parametrize("surplus", [8, 2 * 6 * 6])
@pytest.mark.parametrize("lazy_above", [0, 10**6])
def test_bytes_beyond_what_the_header_speaks_of_are_told(tmp_path, surplus, lazy_above):
    path = tmp_path / "a.mrc"
    data = mrc(np.ones((2, 6, 6), "u2"))
    path.write_bytes(data)
    assert not read_image(path, lazy_above=lazy_above).notes
    path.write_bytes(data + bytes(surplus))
    assert f"{surplus} bytes beyond" in read_image(path, lazy_above=lazy_above).notes[0]
