from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.images.layer_record import kind_of
from napari_denoisplit.plugin import sample_data


@pytest.mark.parametrize("sample", [sample_data.cells, sample_data.cells_alone])
def test_napari_accepts_the_layers(sample):
    layers = pytest.importorskip("napari.layers")
    for data, options, kind in sample():
        layer = layers.Layer.create(data, dict(options), kind)
        assert layer.name == options["name"]
        assert layer.axis_labels == ("y", "x")
        low, high = layer.contrast_limits
        assert low < high


def test_cells_come_with_their_hidden_true_channels_and_others_to_train_on():
    options = [options for _, options, _ in sample_data.cells()]
    assert [o["name"] for o in options if o["visible"]] == ["cells"]
    hidden = [o for o in options if not o["visible"]]
    assert [kind_of(o["metadata"]) for o in hidden] == ["truth", "truth"]
    assert [o["name"] for _, o, _ in sample_data.cells_alone()] == ["nuclei", "actin"]


def test_critters_are_frames_of_two_structures():
    (first, about, _), (second, _, _) = sample_data.critters_to_train_on()
    assert first.shape == second.shape == (sample_data.CRITTER_FRAMES, 256, 256)
    assert about["axis_labels"] == ("t", "y", "x")
    assert not np.array_equal(first, second)
