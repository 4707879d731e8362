"""Results are written beside what is there, never over it."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_denoisplit.events import run
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.results.split import Split
from napari_denoisplit.widgets.split.run import Result
from napari_denoisplit.widgets.split.saving import save_results


@pytest.mark.parametrize("taken", ["cell_mmse.ome.tif", "cell_split.json"])
def test_a_name_that_is_taken_is_numbered(tmp_path, taken):
    (tmp_path / taken).write_text("mine")
    image = Image(np.ones((2, 8, 9), np.float32), "CYX")
    result = Result("cell", Split.of_image(image, mmse=image.data, sigma=image.data, n_samples=2))
    written = run(save_results([result], tmp_path, threading.Event()))
    assert (tmp_path / taken).read_text() == "mine"
    assert {path.name for path in written} == {
        "cell-2_split.json",
        "cell-2_mmse.ome.tif",
        "cell-2_sigma-uncalibrated.ome.tif",
    }
