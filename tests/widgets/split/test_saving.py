"""Results are written beside what is there, never over it."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_denoisplit.events import run
from napari_denoisplit.images.results.split import Split
from napari_denoisplit.widgets.layers.results import OwnLayers
from napari_denoisplit.widgets.split.saving import Result, save_results


@pytest.mark.parametrize("taken", ["cell_mmse.ome.tif", "cell_sigma.ome.tif"])
def test_a_name_that_is_taken_is_numbered(tmp_path, taken):
    (tmp_path / taken).write_text("mine")
    pixels = np.ones((2, 8, 9), np.float32)
    split = Split("YX", ("a", "b"), mmse_arrays=pixels, sigma_arrays=pixels, name="cell")
    written = run(
        save_results([Result(split, "YX", OwnLayers(lambda: None))], tmp_path, threading.Event())
    )
    assert (tmp_path / taken).read_text() == "mine"
    assert {path.name for path in written} == {
        "cell-2_mmse.ome.tif",
        "cell-2_sigma.ome.tif",
    }
