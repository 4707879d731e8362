from __future__ import annotations

import json
from itertools import permutations

import dask.array as da
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import AXES, Image

ORDERS = ["".join(p) + "YX" for n in (0, 1, 3) for p in permutations("TCZ", n)]
SIZES = {"T": 4, "C": 2, "Z": 3, "Y": 9, "X": 11}


def pixels(axes: str, dtype: str = "u2") -> np.ndarray:
    shape = [SIZES[a] for a in axes]
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


@pytest.mark.parametrize("axes", ORDERS)
def test_what_is_written_comes_back_with_its_axes_in_the_order_of_the_format(tmp_path, axes):
    names = ("actin", "nuclei") if "C" in axes else ("actin",)
    sizes = {a: n for a, n in {"T": 2.5, "Z": 0.3, "Y": 0.1, "X": 0.2}.items() if a in axes}
    units = {a: "s" if a == "T" else "nm" for a in sizes}
    image = Image(pixels(axes), axes, sizes, units, names)
    write_image(tmp_path / "a.ome.zarr", image)
    back = read_image(tmp_path / "a.ome.zarr")
    assert back.axes == "".join(a for a in AXES if a in axes)
    assert_array_equal(back.data, image.transposed(back.axes).data)
    assert (back.pixel_size, back.units, back.channel_names) == (sizes, units, names)
    assert not back.notes


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i8", "f4", "f8", ">u2", ">f4"])
def test_numbers_keep_their_type(tmp_path, dtype):
    write_image(tmp_path / "a.zarr", Image(pixels("YX", dtype), "YX"))
    back = read_image(tmp_path / "a.zarr")
    assert back.data.dtype == np.dtype(dtype).newbyteorder("=")
    assert_array_equal(back.data, pixels("YX", dtype))


@pytest.mark.parametrize("dtype", ["?"])
def test_what_is_no_intensity_is_refused(tmp_path, dtype):
    with pytest.raises(ImageError, match=r"'noise' .*convert it to uint16 or float32"):
        write_image(tmp_path / "a.zarr", Image(pixels("YX", dtype), "YX", name="noise"))
    assert not list(tmp_path.iterdir())


def test_a_lazy_image_is_computed_block_by_block(tmp_path):
    sizes = []

    def remember(block):
        sizes.append(block.size)
        return block

    lazy = da.zeros((5000, 300), chunks=(500, 300), dtype="u1").map_blocks(remember, dtype="u1")
    write_image(tmp_path / "a.zarr", Image(lazy, "YX"))
    assert sum(sizes) < 1.5 * 5000 * 300
    assert not read_image(tmp_path / "a.zarr").data.any()


def test_an_image_that_cannot_be_computed_leaves_what_was_there(tmp_path):
    write_image(tmp_path / "a.zarr", Image(pixels("YX"), "YX"))

    def fail(block):
        raise OSError("the disk is gone")

    broken = da.zeros((9, 11), dtype="f4").map_blocks(fail, dtype="f4", meta=np.empty((0, 0), "f4"))
    with pytest.raises(ImageError, match="could not be written"):
        write_image(tmp_path / "a.zarr", Image(broken, "YX"))
    assert_array_equal(read_image(tmp_path / "a.zarr").data, pixels("YX"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


def test_where_a_part_of_an_image_lies_comes_back_and_holds_for_every_level(tmp_path):
    data, sizes = np.zeros((600, 700), "u1"), {"Y": 0.5, "X": 0.25}
    part = Image(data, "YX", sizes, {"Y": "µm", "X": "µm"}, origin={"Y": 50.0, "X": -3.0})
    write_image(tmp_path / "a.ome.zarr", part)
    assert read_image(tmp_path / "a.ome.zarr").origin == part.origin
    ome = json.loads((tmp_path / "a.ome.zarr" / "zarr.json").read_text())["attributes"]["ome"]
    fine, coarse, *_ = (
        level["coordinateTransformations"] for level in ome["multiscales"][0]["datasets"]
    )
    assert [step["type"] for step in fine] == ["scale", "translation"]
    # The centre of the first coarse pixel lies between those of the first two fine ones.
    assert coarse[1]["translation"] == [50.25, -2.875]
