from __future__ import annotations

import re
from itertools import permutations

import dask.array as da
import numpy as np
import pytest
import tifffile
from numpy.testing import assert_array_equal

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files import writing
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image

ORDERS = ["".join(p) + "YX" for n in range(4) for p in permutations("TCZ", n)]
SIZES = {"T": 4, "C": 2, "Z": 3, "Y": 9, "X": 11}


def pixels(axes: str, dtype: str = "u2") -> np.ndarray:
    shape = [SIZES[a] for a in axes]
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


@pytest.mark.parametrize("axes", ORDERS)
def test_what_is_written_is_read_back_in_any_order_of_axes(tmp_path, axes):
    image = Image(pixels(axes), axes)
    write_image(tmp_path / "image.ome.tif", image)
    back = read_image(tmp_path / "image.ome.tif")
    assert back.axes == axes
    assert_array_equal(back.data, image.data)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8", ">u2", ">f4"])
def test_numbers_keep_their_type_in_the_byte_order_of_the_machine(tmp_path, dtype):
    write_image(tmp_path / "image.tif", Image(pixels("CYX", dtype), "CYX"))
    back = read_image(tmp_path / "image.tif")
    assert back.data.dtype == np.dtype(dtype).newbyteorder("=")
    assert back.data.dtype.isnative
    assert_array_equal(back.data, pixels("CYX", dtype))


def test_half_precision_is_widened_without_loss(tmp_path):
    write_image(tmp_path / "image.tif", Image(pixels("YX", "f2"), "YX"))
    assert_array_equal(read_image(tmp_path / "image.tif").data, pixels("YX", "f4"))


@pytest.mark.parametrize("dtype", ["i8", "?"])
def test_a_type_that_ome_does_not_know_is_refused(tmp_path, dtype):
    with pytest.raises(ImageError, match=r"'noise' .*convert it to uint16 or float32"):
        write_image(tmp_path / "image.tif", Image(pixels("YX", dtype), "YX", name="noise"))
    assert not list(tmp_path.iterdir())


def test_pixel_size_units_and_names_come_back(tmp_path):
    image = Image(
        pixels("TCZYX"),
        "TCZYX",
        {"T": 2.5, "Z": 0.3, "Y": 0.1, "X": 0.2},
        {"T": "s", "Z": "micrometer", "Y": "um", "X": "nm"},
        ("β-tubulin & <actin>", "nuclei"),
    )
    write_image(tmp_path / "Zellkern µ.ome.tif", image)
    back = read_image(tmp_path / "Zellkern µ.ome.tif")
    assert back.pixel_size == image.pixel_size
    assert back.units == {"T": "s", "Z": "µm", "Y": "µm", "X": "nm"}
    assert back.channel_names == image.channel_names
    assert back.name == "Zellkern µ"


def test_a_pixel_size_without_a_unit_does_not_gain_one(tmp_path):
    write_image(tmp_path / "a.tif", Image(pixels("YX"), "YX", {"Y": 2.0, "X": 2.0}))
    back = read_image(tmp_path / "a.tif")
    assert back.pixel_size == {"Y": 2.0, "X": 2.0}
    assert back.units == {}


def test_one_channel_keeps_its_name_without_an_axis(tmp_path):
    image = Image(pixels("YX")[None], "CYX", channel_names=("actin",))
    write_image(tmp_path / "a.tif", image)
    back = read_image(tmp_path / "a.tif")
    assert (back.axes, back.channel_names) == ("YX", ("actin",))


def test_a_name_with_control_characters_does_not_cost_the_axes(tmp_path):
    image = Image(pixels("CZYX"), "CZYX", {"Z": 0.3}, {"Z": "µm"}, ("a\x00b", "c\x1bd"))
    write_image(tmp_path / "a.ome.tif", image)
    back = read_image(tmp_path / "a.ome.tif")
    assert (back.axes, back.pixel_size, back.channel_names) == ("CZYX", {"Z": 0.3}, ("ab", "cd"))


def test_the_description_is_kept(tmp_path):
    write_image(tmp_path / "a.tif", Image(pixels("YX"), "YX"), description='{"K": 50}')
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Description"] == '{"K": 50}'


def test_three_channels_are_not_taken_for_colours(tmp_path):
    write_image(tmp_path / "a.tif", Image(np.ones((3, 8, 4), "u1"), "CYX"))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.pages[0].photometric == tifffile.PHOTOMETRIC.MINISBLACK
        assert file.series[0].axes == "CYX"


def test_of_a_lazy_image_one_plane_at_a_time_is_computed(tmp_path):
    computed: list[int] = []
    blocks = da.zeros((6, 8, 8), chunks=(1, 8, 8), dtype="f4").map_blocks(
        lambda block, block_info: computed.append(block_info[0]["chunk-location"][0]) or block,
        meta=np.empty((0, 0, 0), "f4"),
    )
    write_image(tmp_path / "a.tif", Image(blocks, "TYX"))
    assert computed == [0, 1, 2, 3, 4, 5]


def test_beyond_four_gigabytes_a_bigtiff_is_written(tmp_path, monkeypatch):
    write_image(tmp_path / "small.tif", Image(pixels("YX"), "YX"))
    monkeypatch.setattr(writing, "_LARGEST_CLASSIC", pixels("YX").nbytes - 1)
    write_image(tmp_path / "large.tif", Image(pixels("YX"), "YX"))
    for name, big in [("small", False), ("large", True)]:
        with tifffile.TiffFile(tmp_path / f"{name}.tif") as file:
            assert file.is_bigtiff is big


class Failing:
    """Data whose second plane cannot be computed."""

    shape = (3, 8, 8)
    dtype = np.dtype("u2")

    def __init__(self, error: Exception):
        self.error = error

    def __getitem__(self, index):
        if index == (1,):
            raise self.error
        return np.ones((8, 8), "u2")


@pytest.mark.parametrize(
    ("error", "seen"),
    [(OSError(28, "No space left on device"), ImageError), (MemoryError(), MemoryError)],
)
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, error, seen):
    path = tmp_path / "a.ome.tif"
    write_image(path, Image(pixels("YX"), "YX"))
    before = path.read_bytes()
    with pytest.raises(seen):
        write_image(path, Image(Failing(error), "TYX"))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_of_the_disk_names_the_file_and_the_reason(tmp_path):
    write_image(tmp_path / "a.tif", Image(pixels("YX"), "YX"))
    failing = Image(Failing(OSError(28, "No space left on device")), "TYX")
    with pytest.raises(ImageError, match=r"a\.tif could not be written \(No space left"):
        write_image(tmp_path / "a.tif", failing)
    with pytest.raises(ImageError, match=r"a\.tif could not be written .*folder may be written to"):
        write_image(tmp_path / "a.tif" / "no folder" / "a.tif", Image(pixels("YX"), "YX"))


def test_a_name_with_another_ending_is_refused(tmp_path):
    with pytest.raises(ImageError, match=r"end in \.ome\.tif"):
        write_image(tmp_path / "a.png", Image(pixels("YX"), "YX"))


def test_behind_a_link_the_file_is_replaced(tmp_path):
    (tmp_path / "link.tif").symlink_to(tmp_path / "file.tif")
    write_image(tmp_path / "link.tif", Image(pixels("YX"), "YX"))
    assert (tmp_path / "link.tif").is_symlink()
    assert_array_equal(read_image(tmp_path / "file.tif").data, pixels("YX"))


def test_a_part_of_an_image_says_where_every_plane_of_it_lies(tmp_path):
    sizes, units = {"Y": 0.5, "X": 0.25}, {"Y": "µm", "X": "nm"}
    write_image(
        tmp_path / "part.ome.tif",
        Image(pixels("TCYX"), "TCYX", sizes, units, origin={"Y": 50.0, "X": -3.0}),
    )
    with tifffile.TiffFile(tmp_path / "part.ome.tif") as file:
        planes = re.findall(r"<Plane ([^/]*)/>", file.ome_metadata)
    assert len(planes) == SIZES["T"] * SIZES["C"]
    for plane in planes:
        assert 'PositionX="-3.0" PositionXUnit="nm"' in plane
        assert 'PositionY="50.0" PositionYUnit="µm"' in plane


def test_a_length_in_any_unit_is_written_as_one_that_ome_knows(tmp_path):
    image = Image(np.ones((8, 9), "f4"), "YX", {"Y": 2.0, "X": 1e-6}, {"Y": "furlong", "X": "dm"})
    write_image(tmp_path / "a.ome.tif", image)
    again = read_image(tmp_path / "a.ome.tif")
    assert again.pixel_size == {"X": pytest.approx(0.1)}
    assert again.units == {"X": "µm"}
