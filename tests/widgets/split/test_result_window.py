from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_denoisplit.images.image import Image
from napari_denoisplit.images.layer_record import MMSE
from napari_denoisplit.widgets.choosers.layer import LayerChoice
from napari_denoisplit.widgets.layers.found import find_results
from napari_denoisplit.widgets.split.result_window import add_image


@pytest.fixture
def viewer(rng) -> ViewerModel:
    """Viewer with a superposition, and an estimate and a truth of two structures."""
    viewer = ViewerModel()
    scale, units = {"Y": 0.5, "X": 0.5}, {"Y": "µm", "X": "µm"}
    add_image(viewer, Image(rng.random((20, 30)), "YX", scale, units, name="superposition"))
    for name in ("mmse", "truth"):
        channels = rng.random((2, 20, 30))
        add_image(viewer, Image(channels, "CYX", scale, units, ("nuclei", "actin"), name))
    return viewer


def test_every_structure_is_a_layer_named_after_it(viewer):
    names = [layer.name for layer in viewer.layers]
    assert names == ["superposition", "mmse nuclei", "mmse actin", "truth nuclei", "truth actin"]


def test_pictures_do_not_cover_each_other(viewer):
    corners = [layer.translate for layer in viewer.layers]
    for i, a in enumerate(corners):
        for b in corners[i + 1 :]:
            # 20 x 30 pixels of 0.5 µm
            assert np.any(np.abs(a - b) >= (10, 15))


def test_a_structure_has_one_colour_in_estimate_and_truth(viewer):
    colours = {layer.name: layer.colormap.name for layer in viewer.layers}
    assert colours["mmse nuclei"] == colours["truth nuclei"]
    assert colours["mmse nuclei"] != colours["mmse actin"]


def test_only_the_superposition_is_proposed_as_input(qtbot, viewer):
    choice = LayerChoice(lambda: viewer, "Image")
    qtbot.addWidget(choice)
    assert choice.layer.name == "superposition"
    assert find_results(viewer.layers, MMSE) == ()


def test_layers_keep_pixel_size_and_unit(viewer):
    for layer in viewer.layers:
        assert list(layer.scale) == [0.5, 0.5]
        assert [str(unit) for unit in layer.units] == ["micrometer", "micrometer"]
