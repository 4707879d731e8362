"""What pages show after another image was split, with the real jobs."""

from __future__ import annotations

import numpy as np
import pytest
from tests.widgets.conftest import layer

from napari_denoisplit.widgets import SamplesWidget, SplitWidget, TrustWidget


def split_image(qtbot, split, image):
    split.source.layer.layer = image
    split.panel.button.click()
    qtbot.waitUntil(lambda: not (split.is_busy or split.panel.is_running))


def shown(trust, samples):
    """Of which split and image the pages are."""
    return (
        trust.split.chosen.name,
        trust.residual.input.layer.name,
        samples.choice.result.chosen.name,
    )


@pytest.fixture
def pages(viewer, dock, small_model):
    made = [dock(viewer, kind(viewer)) for kind in (SplitWidget, TrustWidget, SamplesWidget)]
    made[0].settings["n_samples"].set_value(2)
    made[0].model.open(small_model)
    return made


@pytest.fixture
def images(viewer, rng):
    """Two images of equal size."""
    for name in ("first", "second"):
        viewer.add_image(rng.normal(size=(64, 80)).astype("f4"), name=name)
    return [layer(viewer, name) for name in ("first", "second")]


def test_open_pages_are_of_the_newest_split_and_of_its_image(qtbot, pages, images, small_model):
    split, trust, samples = pages
    split_image(qtbot, split, images[0])
    assert shown(trust, samples) == ("first", "first", "first")
    assert trust.residual.model.path == small_model
    trust.split.box.activated.emit(0)  # the older one, by hand: the user has split another since
    split_image(qtbot, split, images[1])
    assert shown(trust, samples) == ("second", "second", "second")
    trust.split.box.setCurrentIndex(1)
    assert trust.residual.input.layer is images[0]


def test_the_input_is_known_by_its_pixels_not_by_its_name_or_size(qtbot, viewer, pages, images):
    split, trust, _ = pages
    split_image(qtbot, split, images[0])
    images[0].name, images[1].name = "renamed", "first"
    assert trust.residual.input.layer is images[0]
    viewer.layers.remove("renamed")
    assert trust.residual.input.layers == []
    assert "'first', is not open" in trust.residual.panel.hint.text()
    viewer.add_image(images[0].data.copy(), name="opened again")
    assert trust.residual.input.layer is layer(viewer, "opened again")


def test_a_channel_that_was_split_is_found_in_its_layer(qtbot, viewer, pages, rng):
    split, trust, _ = pages
    stack = rng.normal(100, 10, (3, 64, 72)).astype("f4")
    viewer.add_image(stack, name="many", axis_labels=("c", "y", "x"))
    split.source.layer.layer = layer(viewer, "many")
    split.source.channel_choice.check("channel 2")
    split_image(qtbot, split, layer(viewer, "many"))
    assert trust.residual.input.layer is layer(viewer, "many")
    np.testing.assert_array_equal(trust.split.chosen.observed, stack[1])


def test_a_proposed_image_follows_what_is_opened_or_activated_and_a_chosen_one_stays(
    viewer, pages, images
):
    source = pages[0].source.layer
    assert source.layer is images[1]
    viewer.layers.selection.active = images[0]
    assert source.layer is images[0]
    viewer.add_image(np.zeros((8, 9)), name="third")
    assert source.layer is layer(viewer, "third")
    source.layer = images[1]
    viewer.layers.selection.active = images[0]
    viewer.add_image(np.zeros((8, 9)), name="fourth")
    assert source.layer is images[1]
