from __future__ import annotations

import json
from dataclasses import replace

import pytest
import zarr
from numpy.testing import assert_allclose
from tests.calibrations import calibrated_by

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.results.files import ResultFiles, open_split
from napari_denoisplit.images.results.levels import SplitLevels, Window

RECORD = {
    "samples": 20,
    "calibration": calibrated_by(1.5, 0.8).model_dump(mode="json"),
}


@pytest.fixture
def samples(rng):
    return rng.normal(size=(3, 2, 8, 9)).astype("f4")


def image(pixels):
    return Image(pixels, "CYX", {"Y": 0.2, "X": 0.2}, {"Y": "µm", "X": "µm"}, ("a", "b"))


def write_tiffs(folder, samples):
    record = json.dumps(RECORD)
    for number, sample in enumerate(samples, start=1):
        path = folder / "cell_samples" / f"{number:03d}.ome.tif"
        write_image(path, image(sample), description=record)
    write_image(folder / "cell_mmse.ome.tif", image(samples.mean(0)), description=record)
    write_image(folder / "cell_sigma.ome.tif", image(samples.std(0)), description=record)


def write_zarr(path, samples, origin=None):
    names = ["mmse", *(f"samples/{k:03d}" for k in range(len(samples)))]
    settings = {"settings": {"n_samples": 20}, "calibration": RECORD["calibration"]}
    attributes = {
        "ome": {"bioformats2raw.layout": 3},
        "denoisplit": {"provenance": settings},
    }
    zarr.create_group(path, attributes=attributes).create_group(
        "OME", attributes={"ome": {"series": names}}
    )
    for name, pixels in zip(names, [samples.mean(0), *samples], strict=True):
        (path / name).parent.mkdir(exist_ok=True)
        one = replace(image(pixels), origin=origin or {})
        write_image(path.parent / "one.zarr", one)
        (path.parent / "one.zarr").rename(path / name)


@pytest.mark.parametrize(
    "chosen",
    ["cell_samples", "cell_mmse.ome.tif", "cell_sigma.ome.tif", "cell_samples/002.ome.tif", ""],
)
def test_any_file_of_a_result_leads_to_its_samples(tmp_path, samples, chosen):
    write_tiffs(tmp_path, samples)
    stack = open_split(tmp_path / chosen)
    assert (stack.name, stack.structures, stack.n_samples) == ("cell", ("a", "b"), 20)
    assert stack.calibration.factors == (1.5, 0.8)
    assert_allclose(stack.read_sample(2, ()), samples[2])
    assert_allclose(stack.read_mmse(()), samples.mean(0), rtol=1e-5)
    assert_allclose(stack.sigma_arrays[1], samples.std(0)[1], rtol=1e-5)
    assert stack.pixel_size["Y"] == pytest.approx(0.2)


def test_samples_of_a_zarr_folder_stay_on_disk(tmp_path, samples):
    write_zarr(tmp_path / "cell.ome.zarr", samples)
    stack = open_split(tmp_path / "cell.ome.zarr")
    assert (stack.name, stack.n_samples, stack.calibration.factors) == ("cell", 20, (1.5, 0.8))
    assert stack.is_lazy
    assert_allclose(stack.read_sample(1, ()), samples[1])


def test_a_result_of_a_part_knows_where_it_lies(tmp_path, samples):
    write_zarr(tmp_path / "part.ome.zarr", samples, origin={"Y": 30.0, "X": 70.0})
    stack = open_split(tmp_path / "part.ome.zarr")
    assert stack.origin == {"Y": 30.0, "X": 70.0}
    cut = SplitLevels(stack).cut(Window(0, (2, 8), (3, 9)))
    steps = (stack.pixel_size.get(axis, 1.0) for axis in "YX")
    assert [cut.origin[axis] for axis in "YX"] == [
        start + first * step for start, first, step in zip((30, 70), (2, 3), steps, strict=True)
    ]


def test_a_result_without_samples_says_how_to_keep_them(tmp_path, samples):
    write_image(tmp_path / "cell_mmse.ome.tif", image(samples[0]))
    split = open_split(tmp_path / "cell_mmse.ome.tif")
    assert_allclose(split.mmse.data, samples[0])
    assert (split.samples, split.n_kept) == (None, 0)
    with pytest.raises(ImageError, match="keep samples"):
        split.need_samples()
    with pytest.raises(ImageError, match="not a result"):
        open_split(tmp_path / "other.tif")


def test_the_result_of_a_file_with_a_very_long_name_is_written_and_opened(tmp_path, samples):
    files = ResultFiles(tmp_path / ("a" * 245))
    write_image(files.mmse, image(samples.mean(0)), description=json.dumps(RECORD))
    write_image(files.sample(1), image(samples[0]), description=json.dumps(RECORD))
    assert_allclose(open_split(files.mmse).samples[0], samples[0])
