"""A split begins with what is on screen, and shows it piece by piece."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from tests.stand_in import stand_in
from tests.widgets.conftest import layer
from tests.widgets.split.test_widget import click, wait_for_end

from napari_denoisplit.events import PartDrawn
from napari_denoisplit.widgets.layers.view import bring_into_view, view_of
from napari_denoisplit.widgets.split.widget import SplitWidget


@pytest.fixture
def widget(viewer, rng, model, jobs, dock):
    viewer.add_image(rng.normal(100, 10, (4, 64, 48)).astype(np.float32), name="cells")
    widget = dock(viewer, SplitWidget(viewer))
    widget.open_model(model)
    widget.settings["n_samples"].set_value(2)
    return widget


def test_the_job_is_told_what_is_on_screen(qtbot, viewer, widget, jobs):
    viewer.dims.set_current_step(0, 2)
    click(widget)
    wait_for_end(qtbot, widget)
    view = jobs.calls[0]["view"]
    assert view.plane == (2,)
    assert view.within(64, 48, 64).n_pixels > 0


def test_a_part_is_shown_before_its_sample_and_the_rest_is_transparent(
    qtbot, viewer, widget, jobs, monkeypatch
):
    seen = threading.Event()

    def split_job(model, image, settings, *, stop=None, focus=None, region=None):
        yield PartDrawn((2,), 0, (0, 16), (16, 32), np.full((2, 16, 16), 7, np.float32))
        seen.wait(10)
        return (
            yield from jobs.split_job(model, image, settings, stop=stop, focus=focus, region=region)
        )

    stand_in(monkeypatch, "jobs.split.job", split_job)
    click(widget)
    qtbot.waitUntil(lambda: "actin · cells" in viewer.layers, timeout=10_000)
    shown = np.array(layer(viewer, "actin · cells").data)
    seen.set()
    wait_for_end(qtbot, widget)
    assert (shown[2, :16, 16:32] == 7).all()
    assert np.isfinite(shown).sum() == 16 * 16
    assert np.isfinite(layer(viewer, "actin · cells").data).all()


@pytest.mark.parametrize(
    ("translate", "scale", "moves"),
    [((0, 0), (1, 1), False), ((5000, 300), (1, 1), True), ((0, 0), (0.001, 0.001), True)],
    ids=["in view", "far away", "tiny"],
)
def test_the_view_moves_to_an_image_that_cannot_be_seen(viewer, rng, translate, scale, moves):
    real = viewer.__wrapped__
    real.add_image(rng.normal(size=(200, 200)), name="cells")
    real.reset_view()
    before = real.scene.camera.center, real.scene.camera.zoom
    added = real.add_image(rng.normal(size=(64, 48)), translate=translate, scale=scale)
    bring_into_view(real, added, "YX")
    assert ((real.scene.camera.center, real.scene.camera.zoom) != before) == moves
    seen = view_of(real, added, "YX").within(64, 48, 64)
    assert (seen.y, seen.x) == ((0, 64), (0, 48))


def test_the_view_moves_to_a_split_layer_from_where_a_training_left_it(qtbot, viewer, widget):
    real = viewer.__wrapped__
    # Where a split adds no axis, napari does not move the view by itself.
    real.add_image(np.zeros((1, 1, 1, 4, 8, 8)), name="other")
    real.scene.camera.center = (0.0, 5000.0, 5000.0)
    cells = layer(viewer, "cells")
    assert not view_of(real, cells, "TYX").within(64, 48, 64).n_pixels
    click(widget)
    wait_for_end(qtbot, widget)
    assert view_of(real, cells, "TYX").within(64, 48, 64).n_pixels == 64 * 48
