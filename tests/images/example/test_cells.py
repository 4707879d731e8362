"""The example that comes with the package shows what the program does, and stays small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_denoisplit.checkpoint import load_model
from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import run
from napari_denoisplit.images.example import cells
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.measures.psnr import range_invariant_psnr
from napari_denoisplit.settings import SplitSettings


def test_the_model_splits_the_cells():
    superposition, truth = cells.cells_to_split()
    window = np.s_[..., 192:320, 192:320]
    model = load_model(cells.MODEL)
    assert model.header.channel_names == truth.channel_names == cells.NAMES
    assert model.header.calibration is not None
    given = Image(superposition.data[window], "YX", name="cells")
    split = run(split_job(model, given, SplitSettings(n_samples=2)))
    assert split.provenance["recording"]["grade"] == "good"
    for clean, mmse in zip(truth.data[window], split.mmse_arrays, strict=True):
        assert range_invariant_psnr(clean, mmse) > range_invariant_psnr(clean, given.data) + 4


def test_it_takes_little_of_a_wheel():
    images = cells.SPLIT_FILE.stat().st_size + cells.TRAIN_FILE.stat().st_size
    assert images < 1e6
    assert cells.MODEL.stat().st_size < 1.5e6


def test_the_cells_are_the_same_every_time_and_others_than_those_to_train_on():
    (first, truth), (second, _) = cells.cells_to_split(), cells.cells_to_split()
    np.testing.assert_array_equal(first.data, second.data)
    nuclei, _ = cells.cells_to_train_on()
    assert abs(np.corrcoef(nuclei.data[:512, :512].ravel(), truth.data[0].ravel())[0, 1]) < 0.3


def test_files_of_it_come_back_as_they_are(tmp_path):
    superposition, model, *alone = cells.write_example(tmp_path / "new")
    np.testing.assert_array_equal(read_image(superposition).data, cells.cells_to_split()[0].data)
    assert [path.name for path in alone] == ["nuclei.ome.tif", "actin.ome.tif"]
    assert model.read_bytes() == cells.MODEL.read_bytes()


def test_files_that_are_there_are_not_replaced(tmp_path):
    mine = tmp_path / "actin.ome.tif"
    mine.write_bytes(b"mine")
    with pytest.raises(ImageError, match=r"actin\.ome\.tif exists: choose another folder"):
        cells.write_example(tmp_path)
    assert list(tmp_path.iterdir()) == [mine]


def test_who_took_the_images_is_named_beside_them():
    said = (Path(cells.__file__).parent / "__init__.py").read_text(encoding="utf-8")
    assert "CC-BY-4.0" in said
    assert "10.1101/2024.09.11.612546" in said
