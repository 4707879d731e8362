"""The lens of the Split widget, with a job that needs no network."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from qtpy.QtCore import QThreadPool
from tests.stand_in import stand_in
from tests.widgets.conftest import layer

from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import LensDrawn, Stage
from napari_denoisplit.widgets.layers.view import view_of
from napari_denoisplit.widgets.split import lens_layers
from napari_denoisplit.widgets.split.widget import SplitWidget

NAMES = ("nuclei lens · cells", "actin lens · cells")


class FakeLens:
    """A job that shows a quarter and three quarters of the image as the structures."""

    def __init__(self) -> None:
        self.views = []
        self.sessions = []
        self.seconds = 0.01
        self.error = None

    def lens_job(self, model, image, settings, requests, stop):
        self.sessions.append((image, settings))
        yield Stage("Loading")
        height, width = image.shape[-2:]
        view, n = None, 0
        while not stop.is_set():
            newest = requests.take(self.seconds)
            if newest is not None:
                view, n = newest.within(height, width, 1024), 0
                self.views.append(view)
            if self.error is not None:
                raise self.error
            if view is not None and n < settings.n_samples:
                n += 1
                place = (*view.plane, slice(*view.y), slice(*view.x))
                data = np.asarray(image.data[place], np.float32)
                mmse = np.stack([0.25 * data, 0.75 * data])
                sigma = np.full_like(mmse, np.nan if n < 2 else 1.0)
                yield LensDrawn(view.plane, view.y, view.x, mmse, sigma, n, settings.n_samples)


@pytest.fixture
def fake(monkeypatch):
    fake = FakeLens()
    stand_in(monkeypatch, "jobs.split.lens", fake.lens_job)
    return fake


@pytest.fixture
def stack(rng):
    return rng.normal(100, 10, (3, 200, 300)).astype(np.float32)


def prepared(viewer, stack, model, dock):
    viewer.add_image(stack, name="cells", scale=(2, 0.5, 0.25), translate=(0, 3, 4))
    widget = dock(viewer, SplitWidget(viewer))
    widget.open_model(model)
    widget.settings["n_samples"].set_value(4)
    viewer.dims.set_current_step(0, 1)
    zoom_in(viewer)
    return widget


@pytest.fixture
def widget(viewer, stack, model, jobs, dock, fake):
    return prepared(viewer, stack, model, dock)


@pytest.fixture
def widget_in_window(window, stack, model, jobs, dock, fake):
    return prepared(window, stack, model, dock)


def zoom_in(viewer, y=50, x=50):
    """Let about 60 x 100 pixels around a place fill the canvas."""
    camera = viewer.__wrapped__.scene.camera
    camera.center = (0, y, x)
    camera.zoom = 25


def switch_on(qtbot, viewer, widget):
    widget.lens.switch.setChecked(True)
    qtbot.waitUntil(lambda: all(name in viewer.layers for name in NAMES), timeout=10_000)
    qtbot.waitUntil(lambda: "4 of 4" in widget.lens.status.text(), timeout=10_000)


def switch_off(qtbot, widget):
    widget.lens.switch.setChecked(False)
    qtbot.waitUntil(lambda: not widget.lens.is_busy, timeout=10_000)


def view(viewer, axes="TYX"):
    return view_of(viewer.__wrapped__, layer(viewer, "cells"), axes)


def shown_place(viewer):
    note = layer(viewer, NAMES[0]).metadata["denoisplit"]
    return tuple(note["plane"]), tuple(note["rows"]), tuple(note["columns"])


def test_what_is_on_screen_is_split_in_its_place(qtbot, window, widget_in_window, stack):
    widget = widget_in_window
    switch_on(qtbot, window, widget)
    seen = view(window).within(200, 300, 1024)
    assert 0 < seen.n_pixels < 200 * 300
    assert seen.plane == (1,)
    source = layer(window, "cells")
    for name, share in zip(NAMES, (0.25, 0.75), strict=True):
        one = layer(window, name)
        assert one.data.shape[0] == 1
        at = np.array([0, 5, 7])
        there = np.round(source.world_to_data(one.data_to_world(at))).astype(int)
        assert tuple(there) == (1, seen.y[0] + 5, seen.x[0] + 7)
        np.testing.assert_allclose(one.data[tuple(at)], share * stack[tuple(there)], rtol=1e-5)
    switch_off(qtbot, widget)


def test_the_lens_follows_pan_zoom_and_steps(qtbot, viewer, widget):
    switch_on(qtbot, viewer, widget)
    for move in (
        lambda: zoom_in(viewer, 60, 40),
        lambda: viewer.dims.set_current_step(0, 2),
        lambda: setattr(viewer.__wrapped__.scene.camera, "zoom", 40),
    ):
        move()
        seen = view(viewer).within(200, 300, 1024)
        expected = seen.plane, seen.y, seen.x
        qtbot.waitUntil(lambda e=expected: shown_place(viewer) == e, timeout=5000)
    switch_off(qtbot, widget)


def test_adding_its_layers_neither_moves_the_view_nor_asks_again(
    qtbot, window, widget_in_window, fake
):
    widget = widget_in_window
    before = window.__wrapped__.scene.camera.center, window.__wrapped__.scene.camera.zoom
    window.layers.selection.active = layer(window, "cells")
    switch_on(qtbot, window, widget)
    qtbot.wait(300)
    assert len(fake.views) == 1
    assert len(fake.sessions) == 1
    assert (window.__wrapped__.scene.camera.center, window.__wrapped__.scene.camera.zoom) == before
    assert window.layers.selection.active.name == "cells"
    assert {one.name for one in window.layers.selection} == {"cells"}
    controls = window.window.__wrapped__._qt_viewer.controls
    assert controls.currentWidget() is controls.widgets[layer(window, "cells")]
    assert widget.source.layer.layer is layer(window, "cells")
    switch_off(qtbot, widget)


def test_napari_does_not_ask_whether_to_close_because_of_the_lens(qtbot, window, widget_in_window):
    widget = widget_in_window
    switch_on(qtbot, window, widget)
    assert not window.window.__wrapped__._task_status_manager.is_busy()
    switch_off(qtbot, widget)


def test_the_contrast_stays_while_the_view_is_refined(qtbot, viewer, widget, fake):
    limits = []
    fake.seconds = 0.05
    widget.lens.switch.setChecked(True)
    qtbot.waitUntil(lambda: NAMES[0] in viewer.layers, timeout=10_000)
    layer(viewer, NAMES[0]).events.contrast_limits.connect(lambda event: limits.append(event))
    qtbot.waitUntil(lambda: "4 of 4" in widget.lens.status.text(), timeout=10_000)
    assert not limits
    switch_off(qtbot, widget)


def test_the_window_does_not_look_for_display_limits(qtbot, viewer, widget, monkeypatch):
    in_the_window = []

    def limits(*args):
        in_the_window.append(threading.current_thread() is threading.main_thread())
        return 0.0, 1.0

    monkeypatch.setattr(lens_layers, "contrast_limits", limits)
    switch_on(qtbot, viewer, widget)
    zoom_in(viewer, 60, 40)
    seen = view(viewer).within(200, 300, 1024)
    qtbot.waitUntil(lambda: shown_place(viewer) == (seen.plane, seen.y, seen.x), timeout=5000)
    assert in_the_window
    assert not any(in_the_window)
    switch_off(qtbot, widget)


@pytest.mark.parametrize("keep", [False, True])
def test_switched_off_its_layers_go_or_stay(qtbot, viewer, widget, keep):
    switch_on(qtbot, viewer, widget)
    widget.lens.keep.setChecked(keep)
    switch_off(qtbot, widget)
    n_left = 5 if keep else 1
    qtbot.waitUntil(lambda: len(viewer.layers) == n_left, timeout=5000)
    assert (NAMES[0] in viewer.layers) == keep
    assert "cells" in viewer.layers


def test_another_seed_begins_anew(qtbot, viewer, widget, fake):
    switch_on(qtbot, viewer, widget)
    widget.more["seed"].set_value(7)
    qtbot.waitUntil(lambda: len(fake.sessions) == 2, timeout=5000)
    assert fake.sessions[-1][1].seed == 7
    qtbot.waitUntil(lambda: "4 of 4" in widget.lens.status.text(), timeout=10_000)
    qtbot.waitUntil(lambda: sum("lens" in one.name for one in viewer.layers) == 4, timeout=5000)
    switch_off(qtbot, widget)


def test_an_error_switches_the_lens_off_and_is_shown(qtbot, viewer, widget, fake):
    fake.error = ImageError("3 pixels are NaN")
    widget.lens.switch.setChecked(True)
    with qtbot.waitSignal(widget.lens.failed, timeout=10_000):
        pass
    assert not widget.lens.switch.isChecked()
    assert "3 pixels are NaN" in widget.lens.status.text()


def test_in_3d_it_says_what_it_needs_and_goes_on_in_2d(qtbot, viewer, widget):
    switch_on(qtbot, viewer, widget)
    viewer.dims.ndisplay = 3
    qtbot.waitUntil(lambda: "in 2D" in widget.lens.status.text(), timeout=5000)
    viewer.dims.ndisplay = 2
    qtbot.waitUntil(lambda: "answers for" in widget.lens.status.text(), timeout=5000)
    switch_off(qtbot, widget)


def test_without_a_model_it_says_so(viewer, stack, model, jobs, dock, fake):
    viewer.add_image(stack, name="cells")
    widget = dock(viewer, SplitWidget(viewer))
    widget.lens.switch.setChecked(True)
    assert "model" in widget.lens.status.text()
    assert not widget.lens.is_busy


def test_closing_the_viewer_ends_the_session(qtbot, window, widget_in_window):
    widget = widget_in_window
    switch_on(qtbot, window, widget)
    window.close()
    assert QThreadPool.globalInstance().waitForDone(2000)
    qtbot.wait(50)


@pytest.mark.parametrize("turn", [0, 30])
def test_the_view_is_found_through_the_transform_of_a_multiscale_layer(viewer, rng, turn):
    fine = rng.normal(size=(256, 256)).astype(np.float32)
    angle = np.deg2rad(turn)
    affine = np.eye(3)
    affine[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    one = viewer.add_image(
        [fine, fine[::2, ::2]], multiscale=True, scale=(0.5, 0.5), affine=affine, name="cells"
    )
    camera = viewer.__wrapped__.scene.camera
    camera.center = (0, *one.data_to_world((100, 90)))
    camera.zoom = 20
    seen = view(viewer, "YX")
    height, width = np.array(viewer.__wrapped__.canvas.size) / 20 / 0.5
    assert sum(seen.y) / 2 == pytest.approx(100, abs=1)
    assert sum(seen.x) / 2 == pytest.approx(90, abs=1)
    rows = height * np.cos(angle) + width * np.sin(angle)
    assert seen.y[1] - seen.y[0] == pytest.approx(rows, abs=3)
