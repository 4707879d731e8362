"""Who removes the layers of a result gets its memory back."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from tests.widgets.conftest import layer

from napari_denoisplit.widgets import DenoiseWidget, SamplesWidget, SplitWidget

SPLIT = [f"{name} · cells" for name in ("nuclei", "actin")]


@pytest.fixture
def cells(viewer, rng):
    viewer.add_image(rng.normal(size=(64, 64)).astype(np.float32), name="cells")


def arrays(viewer):
    """References to the arrays behind the pixels of all layers but the input."""
    found = {}
    for shown in viewer.__wrapped__.layers:
        for data in shown.data if shown.multiscale else [shown.data]:
            while isinstance(getattr(data, "base", None), np.ndarray):
                data = data.base
            if shown.name != "cells":
                found[id(data)] = weakref.ref(data)
    return list(found.values())


def left(qtbot, references, rounds=10):
    """How many of the arrays are still in memory when what holds them has had time to go."""
    n = len(references)
    for _ in range(rounds):
        qtbot.wait(20)
        gc.collect()
        n = sum(reference() is not None for reference in references)
        if n == 0:
            break
    return n


def remove_results(viewer):
    for name in [one.name for one in viewer.layers if one.name != "cells"]:
        viewer.layers.remove(name)
    # Without a list of layers in a window, napari itself keeps the one that was chosen last.
    viewer.layers.selection.active = layer(viewer, "cells")


def split(qtbot, viewer, dock, model, place="memory"):
    widget = dock(viewer, SplitWidget(viewer))
    widget.open_model(model)
    widget.settings["n_samples"].set_value(3)
    widget.where.choice.choose(place)
    widget.panel.button.click()
    qtbot.waitUntil(lambda: not widget.is_busy)
    assert set(SPLIT) <= {one.name for one in viewer.layers}, widget.panel.status.text()
    return widget


@pytest.mark.parametrize("place", ["memory", "temporary"])
def test_a_split_is_freed_and_no_longer_offered_for_saving(
    qtbot, viewer, dock, cells, small_model, place
):
    widget = split(qtbot, viewer, dock, small_model, place)
    kept = arrays(viewer)
    assert len(kept) > 2
    assert not widget.row.isHidden()
    remove_results(viewer)
    assert left(qtbot, kept) == 0
    assert widget.row.isHidden()


def test_one_layer_that_stays_keeps_the_whole_result_for_saving(
    qtbot, viewer, dock, cells, small_model
):
    widget = split(qtbot, viewer, dock, small_model)
    before = widget.results
    for name in SPLIT:
        viewer.layers.remove(name)
    assert left(qtbot, arrays(viewer), rounds=2) > 0
    assert widget.results == before


def test_what_the_lens_showed_is_freed(qtbot, window, dock, small_model, rng):
    window.add_image(rng.normal(size=(64, 64)).astype(np.float32), name="cells")
    widget = dock(window, SplitWidget(window))
    widget.open_model(small_model)
    widget.lens.switch.setChecked(True)
    qtbot.waitUntil(lambda: "actin lens · cells" in window.layers)
    kept = arrays(window)
    widget.lens.switch.setChecked(False)
    qtbot.waitUntil(lambda: not widget.lens.is_busy and len(window.layers) == 1)
    assert left(qtbot, kept) == 0


def test_what_the_samples_page_showed_is_freed(qtbot, viewer, dock, cells, small_model):
    split(qtbot, viewer, dock, small_model)
    samples = dock(viewer, SamplesWidget(viewer))
    samples.show_button.click()
    qtbot.waitUntil(lambda: samples.browser.picture.is_shown)
    kept = arrays(viewer)
    assert len(kept) > 4
    remove_results(viewer)
    assert left(qtbot, kept) == 0


def test_a_denoised_image_is_freed(qtbot, viewer, dock, cells):
    widget = dock(viewer, DenoiseWidget(viewer))
    for name, value in {"steps": 5, "patch_size": 32, "batch_size": 2}.items():
        widget.more[name].set_value(value)
    widget.panel.button.click()
    qtbot.waitUntil(lambda: not widget.panel.is_busy)
    result = layer(viewer, "cells denoised")
    assert result.data.shape == (64, 64)
    del result
    kept = arrays(viewer)
    remove_results(viewer)
    assert left(qtbot, kept) == 0
