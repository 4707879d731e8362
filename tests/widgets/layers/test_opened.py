"""A result that is saved and opened again is the same result in every tool."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from tests.results import NAMES, stack_of_samples

from napari_denoisplit.calibration_record import CalibrationRecord, ChannelCalibration
from napari_denoisplit.events import run
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.layer_record import MMSE, SAMPLES
from napari_denoisplit.images.results.layers import levels_of
from napari_denoisplit.images.results.record import fields_of, make_record
from napari_denoisplit.images.results.split import Split
from napari_denoisplit.settings import SplitSettings
from napari_denoisplit.widgets.layers.found import find_results
from napari_denoisplit.widgets.layers.opened import OpenedResult, add_result, open_result
from napari_denoisplit.widgets.layers.place import viewer_reference
from napari_denoisplit.widgets.layers.results import OwnLayers
from napari_denoisplit.widgets.split.saving import Result, save_results


@pytest.fixture
def split(rng):
    """A result in memory, calibrated by a map, of mirrored samples."""
    mapped = ChannelCalibration(factor=2.0, spread=(1.0, 10.0), sigma=(3.0, 12.0))
    calibration = CalibrationRecord(channels=(mapped, ChannelCalibration(factor=1.5)))
    settings = SplitSettings(n_samples=8, keep_samples=4, antithetic=True)
    image = Image(np.zeros((3, 16, 20), np.float32), "ZYX", {"Y": 0.5, "X": 0.25}, name="cells")
    return stack_of_samples(
        rng,
        **fields_of(make_record(image, settings, calibration, Path("m.denoisplit"), samples=8)),
        name=image.name,
        pixel_size=image.pixel_size,
    )


def test_a_saved_result_is_found_among_the_layers_as_it_was(viewer, split, tmp_path):
    written = run(
        save_results([Result(split, "ZYX", OwnLayers(lambda: None))], tmp_path, threading.Event())
    )
    mmse = next(path for path in written if path.name.endswith("_mmse.ome.tif"))
    opened = run(open_result(mmse, threading.Event()))
    add_result(OwnLayers(viewer_reference(viewer)), opened)
    for kind in (MMSE, SAMPLES):
        (found,) = find_results(viewer.layers, kind)
        again = found.split
        assert (again.name, again.structures, again.axes) == ("cells", NAMES, "ZYX")
        assert again.calibration == split.calibration
        assert (again.mirrored, again.n_samples, again.n_kept) == (True, 8, 4)
        assert again.pixel_size == split.pixel_size
        for field in ("mmse_arrays", "sigma_arrays", "sample_arrays"):
            assert_array_equal(np.stack(getattr(again, field)), getattr(split, field))


def test_a_result_that_is_opened_again_gets_no_second_layers(viewer, split):
    layers = OwnLayers(viewer_reference(viewer))
    for factor in (1, 2):
        twice = Split("ZYX", NAMES, mmse_arrays=factor * np.stack(split.mmse_arrays))
        add_result(layers, OpenedResult(twice, levels_of(twice, "ZYX")))
    assert [one.name for one in viewer.layers] == ["actin · split", "nuclei · split"]
    assert_array_equal(viewer.layers[1].data, 2 * split.mmse_arrays[0])
