"""The browser of samples; in a real window where that matters."""

from __future__ import annotations

from types import SimpleNamespace

import dask.array as da
import numpy as np
import pytest
from numpy.testing import assert_allclose
from qtpy.QtCore import Qt
from tests.calibrations import calibrated_by
from tests.widgets.samples_layers import NAMES, add_split, make_samples

from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.layer_record import kind_of
from napari_denoisplit.images.results.layers import levels_of
from napari_denoisplit.images.results.split import Split
from napari_denoisplit.measures.trust.footprint import pixel
from napari_denoisplit.widgets.layers.opened import OpenedResult, add_result
from napari_denoisplit.widgets.layers.place import viewer_reference
from napari_denoisplit.widgets.layers.results import OwnLayers
from napari_denoisplit.widgets.samples.place import LAYER
from napari_denoisplit.widgets.samples.widget import SamplesWidget


@pytest.fixture
def samples(rng):
    return make_samples(rng)


def opened(qtbot, viewer, dock, samples):
    """Open the widget on one split, whose samples are shown."""
    add_split(viewer, samples)
    widget = dock(viewer, SamplesWidget(viewer))
    widget.show_button.click()
    yield widget
    widget.player.pause()
    widget.browser.reader.rest()
    qtbot.waitUntil(lambda: not widget.measuring.probe.is_busy)


@pytest.fixture
def browse(qtbot, viewer, dock, samples):
    yield from opened(qtbot, viewer, dock, samples)


@pytest.fixture
def browse_in_window(qtbot, window, dock, samples):
    yield from opened(qtbot, window, dock, samples)


def shown(widget):
    return np.stack([layer.data for layer in widget.browser.picture.layers])


def click(viewer, world, *, drag=0, button=1, modifiers=()):
    """Press and release the mouse as napari's canvas tells it."""
    viewer = viewer.__wrapped__
    event = SimpleNamespace(
        type="mouse_press", button=button, modifiers=modifiers, pos=(50, 50), position=world
    )
    for callback in viewer.mouse_drag_callbacks:
        if getattr(callback, "__name__", "") != "_on_press":
            continue
        steps = callback(viewer, event)
        next(steps, None)
        event.type, event.pos = "mouse_move", (50 + drag, 50)
        next(steps, None)
        event.type = "mouse_release"
        next(steps, None)


def compare_with(browse, index):
    browse.view.number.setValue(index + 1)
    browse.view["against"].set_value("answer")


def test_the_plot_of_a_place_has_all_its_room_before_it_is_painted(qtbot, browse):
    browse.resize(330, 930)  # of a large screen: what is shown before leaves some room, not enough
    browse.show()
    qtbot.waitExposed(browse)
    plot, heights = browse.measuring.plot, []
    browse.measuring.found.connect(
        lambda: heights.append((plot.height(), plot.figure.canvas.height()))
    )
    browse.measuring.measure(pixel(3, 4))
    qtbot.waitUntil(lambda: bool(heights))
    assert heights[0][0] == heights[0][1] > 300


def test_showing_hides_what_lies_there_and_hiding_brings_it_back(window, browse_in_window, samples):
    browse = browse_in_window
    before = {layer.name for layer in window.layers if layer.visible}
    assert before == {f"{name} shown answer · cell" for name in NAMES}
    assert_allclose(shown(browse), samples[:, 0])
    browse.show_button.click()
    visible = {layer.name for layer in window.layers if layer.visible}
    assert visible == {f"{name} · cell" for name in NAMES}
    assert not any("shown answer" in layer.name for layer in window.layers)


def test_every_way_to_a_sample_leads_to_the_same_picture(viewer, browse, samples):
    browse.transport.slider.setValue(3)
    assert_allclose(shown(browse), samples[:, 3])
    browse.transport.forward.click()
    assert_allclose(shown(browse), samples[:, 4])
    browse.player.go(0)
    browse.transport.back.click()
    assert_allclose(shown(browse), samples[:, 5])
    viewer.dims.set_current_step(0, 2)  # napari's own slider
    assert_allclose(shown(browse), samples[:, 2])
    assert browse.transport.label.text() == "3 of 6"


def test_play_goes_round_and_pauses(qtbot, browse):
    seen = []
    browse.player.moved.connect(seen.append)
    browse.transport.settings["speed"].set_value(60)
    browse.transport.play.click()
    qtbot.waitUntil(lambda: len(seen) > 7, timeout=10_000)
    browse.transport.play.click()
    assert seen[:7] == [1, 2, 3, 4, 5, 0, 1]
    assert not browse.player.is_playing


def test_differences_have_limits_about_zero_and_stand_side_by_side(browse, samples):
    browse.player.go(1)
    browse.view.what = "difference"
    assert_allclose(shown(browse), samples[:, 1] - samples.mean(axis=1), atol=1e-3)
    layers = browse.browser.picture.layers
    assert all(layer.contrast_limits[0] == -layer.contrast_limits[1] for layer in layers)
    assert layers[0].translate[1] != layers[1].translate[1]
    compare_with(browse, 4)
    assert_allclose(shown(browse), samples[:, 1] - samples[:, 4], atol=1e-3)
    browse.view.what = "the answer"
    assert_allclose(shown(browse), samples[:, 1])
    assert layers[0].contrast_limits[0] > 0


def test_limits_that_a_user_sets_stay_while_samples_change(browse):
    layer = browse.browser.picture.layers[0]
    layer.contrast_limits = (50, 60)
    browse.player.go(2)
    browse.view.what = "difference"
    browse.view.what = "the answer"
    assert tuple(layer.contrast_limits) == (50, 60)


def test_blinking_turns_between_two_pictures(qtbot, browse, samples):
    compare_with(browse, 5)
    browse.view.what = "blink"
    qtbot.waitUntil(lambda: np.allclose(shown(browse), samples[:, 5]), timeout=3000)
    qtbot.waitUntil(lambda: np.allclose(shown(browse), samples[:, 0]), timeout=3000)


def test_a_removed_picture_is_not_painted_any_more(viewer, browse):
    viewer.layers.remove(browse.browser.picture.layers[0])
    assert not browse.browser.is_shown
    browse.player.go(3)
    assert browse.show_button.text() in ("Show the answers", "Hide the answers")


def test_nothing_is_said_to_be_in_sight_when_the_answers_are_hidden(browse):
    if not browse.browser.is_shown:
        browse.show_button.click()
    assert "In sight" in browse.status.text()
    browse.show_button.click()
    assert browse.status.text() == ""


def test_planes_of_a_stack_follow_the_viewer(qtbot, viewer, dock, rng):
    samples = make_samples(rng, lead=(3, 2))
    add_split(viewer, samples, "time answer z")
    widget = dock(viewer, SamplesWidget(viewer))
    viewer.dims.set_current_step((0, 2), (2, 1))
    widget.show_button.click()
    assert_allclose(shown(widget), samples[:, 0, 2, 1])
    viewer.dims.set_current_step(0, 1)
    assert_allclose(shown(widget), samples[:, 0, 1, 1])
    viewer.dims.set_current_step(1, 4)  # the axis of the samples, by its label
    assert_allclose(shown(widget), samples[:, 4, 1, 1])


def test_samples_on_disk_are_shown_when_they_have_been_read(qtbot, viewer, dock, samples):
    layers = [
        viewer.add_image(da.from_array(part, chunks=(1, 20, 24)), name=name)
        for part, name in zip(samples, NAMES, strict=True)
    ]
    for number, layer in enumerate(layers):
        layer.axis_labels = ("sample", "y", "x")
        own = {"input": "c", "structure": NAMES[number], "channel": number, "kind": "samples"}
        layer.metadata["denoisplit"] = own
    widget = dock(viewer, SamplesWidget(viewer))
    widget.show_button.click()
    qtbot.waitUntil(lambda: bool(widget.browser.picture.layers))
    widget.player.go(4)
    qtbot.waitUntil(lambda: np.allclose(shown(widget), samples[:, 4]))
    widget.view.what = "difference"  # to the mean of all, which must be read first
    expected = samples[:, 4] - samples.mean(axis=1)
    qtbot.waitUntil(lambda: np.allclose(shown(widget), expected, atol=1e-3))
    widget.browser.hide()


def test_a_result_is_opened_from_its_files(qtbot, viewer, dock, samples, tmp_path):
    for number, sample in enumerate(samples.swapaxes(0, 1), start=1):
        image = Image(sample, "CYX", channel_names=NAMES)
        write_image(tmp_path / "a_samples" / f"{number:03d}.ome.tif", image)
    widget = dock(viewer, SamplesWidget(viewer))
    assert not widget.show_button.isEnabled()
    assert "keep some" in widget.choice.note.text()
    widget.open_files([tmp_path / "a_samples" / "001.ome.tif"])
    qtbot.waitUntil(widget.show_button.isEnabled)
    assert "6 answers" in widget.choice.note.text()
    widget.open_files([tmp_path / "none.ome.tif"])
    qtbot.waitUntil(lambda: "not a result" in widget.status.text())


def test_samples_of_a_part_lie_in_their_place(viewer, samples):
    split = Split("YX", NAMES, sample_arrays=tuple(samples), origin={"Y": 30.0, "X": 70.0})
    add_result(OwnLayers(viewer_reference(viewer)), OpenedResult(split, levels_of(split, "YX")))
    assert {tuple(layer.translate[-2:]) for layer in viewer.layers} == {(30.0, 70.0)}


def test_a_pinned_sample_is_a_layer_and_leads_back_to_it(viewer, browse, samples):
    assert browse.pins.list.isHidden()  # nothing is in it
    browse.player.go(3)
    browse.pins.button.click()
    browse.pins.button.click()  # once is enough
    assert browse.pins.indices == (3,)
    assert not browse.pins.list.isHidden()
    assert_allclose(viewer.layers["actin answer 4 · cell"].data, samples[1, 3])
    browse.player.go(0)
    browse.pins.list.itemClicked.emit(browse.pins.list.item(0))
    assert browse.player.index == 3
    for name in NAMES:
        viewer.layers.remove(viewer.layers[f"{name} answer 4 · cell"])
    assert browse.pins.indices == ()


@pytest.mark.parametrize("where", ["first", "second"])
def test_a_clicked_pixel_tells_its_samples(qtbot, viewer, browse, samples, where):
    browse.view.layout_box.setCurrentText("side by side")
    browse.measuring.switch.setChecked(True)
    layer = browse.browser.picture.layers[where == "second"]
    with qtbot.waitSignal(browse.measuring.found):
        click(viewer, (0, *layer.data_to_world((7, 11))))
    reading = browse.measuring.plot.reading
    assert reading.where == (7, 11)
    assert_allclose(reading.values, samples[:, :, 7, 11])
    assert reading.observed == pytest.approx(300, abs=1)
    text = browse.measuring.text.text()
    assert "what one gains the other loses" in text
    assert "uncalibrated" in text
    assert "own error is not in it" in browse.measuring.caveat.text()
    assert len(viewer.layers["clicked pixel"].data) == 2


@pytest.mark.parametrize(
    "change",
    [{"drag": 30}, {"button": 2}, {"modifiers": ("Shift",)}, {"mode": "paint"}, {"off": True}],
    ids=lambda change: next(iter(change)),
)
def test_other_uses_of_the_mouse_are_left_alone(qtbot, viewer, browse, change):
    browse.measuring.switch.setChecked(True)
    if "mode" in change:
        labels = viewer.add_labels(np.zeros((20, 24), dtype=int))
        viewer.layers.selection.active = labels
        labels.mode = change.pop("mode")
    if change.pop("off", False):
        browse.measuring.switch.setChecked(False)
    with qtbot.assertNotEmitted(browse.measuring.found, wait=200):
        click(viewer, (0, 7, 11), **change)


def test_a_drawn_area_and_a_drawn_line_are_measured(qtbot, viewer, browse, samples):
    browse.measuring.drawn.area_button.click()
    shapes = viewer.layers[LAYER]
    assert str(shapes.mode) == "add_polygon"
    with qtbot.waitSignal(browse.measuring.found):
        shapes.add_rectangles(np.array([[1.5, 2.5], [1.5, 8.5], [6.5, 8.5], [6.5, 2.5]]))
    reading = browse.measuring.plot.reading
    assert_allclose(reading.values[0], samples[0, :, 2:7, 3:9].mean(axis=(1, 2)), rtol=1e-5)
    assert "If pixels were independent" in browse.measuring.text.text()
    with qtbot.waitSignal(browse.measuring.found):
        shapes.add_lines(np.array([[4, 3], [4, 20]]))
    assert browse.measuring.plot.reading.profile.mean.shape == (2, 18)
    with qtbot.waitSignal(browse.measuring.failed):
        shapes.add_lines(np.array([[-9, 3], [-9, 20]]))


def test_the_first_clicks_of_an_outline_are_no_error(qtbot, viewer, browse):
    browse.measuring.drawn.area_button.click()
    shapes = viewer.layers[LAYER]
    with qtbot.assertNotEmitted(browse.measuring.failed, wait=300):
        shapes.add_polygons(np.array([[3.2, 4.7], [3.2, 4.7], [3.2, 4.7]]))
        shapes.add_polygons(np.array([[3.2, 4.7], [3.2, 9.7], [3.2, 9.7]]))


def test_a_place_is_measured_again_in_another_plane(qtbot, viewer, dock, rng):
    samples = make_samples(rng, lead=(3,))
    add_split(viewer, samples, "answer z")
    viewer.dims.set_current_step(1, 0)  # napari begins in the middle
    widget = dock(viewer, SamplesWidget(viewer))
    for z in (0, 2):
        with qtbot.waitSignal(widget.measuring.found):
            widget.measuring.measure(pixel(1, 2)) if z == 0 else viewer.dims.set_current_step(1, z)
        assert_allclose(widget.measuring.plot.reading.values, samples[:, :, z, 1, 2])


def test_a_calibrated_split_says_so(qtbot, viewer, dock, samples):
    add_split(viewer, samples, calibration=calibrated_by(1.5, 0.5).model_dump(mode="json"))
    widget = dock(viewer, SamplesWidget(viewer))
    with qtbot.waitSignal(widget.measuring.found):
        widget.measuring.measure(pixel(4, 4))
    assert "uncalibrated" not in widget.measuring.text.text()
    assert "50 answers" in widget.measuring.text.text()
    assert "calibration images" in widget.measuring.caveat.text()


def test_what_is_shown_is_what_is_saved(qtbot, browse, samples, tmp_path):
    browse.view.what = "difference"
    browse.save(tmp_path / "a.ome.tif")
    qtbot.waitUntil(lambda: "Saved" in browse.panel.status.text())
    import tifffile

    expected = (samples - samples.mean(axis=1, keepdims=True)).swapaxes(0, 1)
    assert_allclose(tifffile.imread(tmp_path / "a.ome.tif"), expected, atol=1e-3)
    browse.save(tmp_path / "a.gif")
    qtbot.waitUntil(lambda: (tmp_path / "a.gif").exists())
    qtbot.waitUntil(lambda: not browse.panel.is_running)


def test_keys_act_while_the_dock_has_the_focus_and_napari_keeps_its_own(qtbot, viewer, browse):
    from napari.settings import get_settings
    from qtpy.QtGui import QShortcut

    own = {shortcut.key().toString() for shortcut in browse.findChildren(QShortcut)}
    near = {
        shortcut.key().toString()
        for shortcut in browse.findChildren(QShortcut)
        if shortcut.context() == Qt.ShortcutContext.WidgetWithChildrenShortcut
    }
    every = get_settings().shortcuts.shortcuts.values()
    napari = {str(key) for keys in every for key in keys}
    assert own - near == {"Alt+,", "Alt+.", "Alt+/"}
    assert not (own - near) & napari


def test_closing_the_dock_brings_back_what_was_seen(qtbot, window, dock, samples):
    add_split(window, samples)
    widget = dock(window, SamplesWidget(window))
    widget.show_button.click()
    widget.measuring.switch.setChecked(True)
    window.__wrapped__.window.remove_dock_widget(widget)
    assert not any("shown answer" in layer.name for layer in window.layers)
    assert window.layers["nuclei · cell"].visible
    assert not widget.measuring.click.is_on
    widget.deleteLater()  # it belongs to nobody now
    qtbot.wait(50)


def test_what_comes_later_of_the_same_split_is_taken_along(viewer, dock, samples):
    add_split(viewer, samples)
    mean = [layer for layer in viewer.layers if kind_of(layer.metadata) == "MMSE"]
    for layer in mean:
        viewer.layers.remove(layer)
    widget = dock(viewer, SamplesWidget(viewer))
    assert not widget.browser.chosen.split.mmse_arrays
    for layer in mean:
        viewer.layers.append(layer)
    assert len(widget.browser.chosen.split.mmse_arrays) == 2
    widget.show_button.click()
    assert not any(layer.visible for layer in mean)


def test_all_layers_can_be_deleted_at_once(qtbot, window, browse_in_window):
    browse = browse_in_window
    browse.player.play()
    browse.measuring.switch.setChecked(True)
    with qtbot.waitSignal(browse.measuring.found):
        click(window, (0, 7, 11))
    window.layers.select_all()
    window.layers.remove_selected()
    qtbot.waitUntil(lambda: not browse.browser.is_shown)
    qtbot.wait(50)
    assert not list(window.layers)


def test_an_axis_that_gets_another_meaning_makes_another_set(viewer, dock, rng):
    add_split(viewer, make_samples(rng, lead=(3,)), "answer z")
    widget = dock(viewer, SamplesWidget(viewer))
    widget.player.go(5)
    for layer in viewer.layers:
        if kind_of(layer.metadata) == "samples":
            layer.axis_labels = ("z", "sample", "y", "x")
    widget.show_button.click()
    assert widget.transport.label.text() == "1 of 3"


def test_a_picture_without_a_number_is_not_called_a_sample(viewer, dock, samples):
    samples[:, 2] = np.nan
    add_split(viewer, samples)
    widget = dock(viewer, SamplesWidget(viewer))
    widget.show_button.click()
    widget.player.go(2)
    assert "Nothing is there" in widget.status.text()
    widget.player.go(3)
    assert "one possible answer" in widget.status.text()


@pytest.mark.parametrize("drawn", [0, 4])
def test_a_place_where_samples_are_missing_is_measured_without_an_error(
    qtbot, viewer, dock, samples, drawn
):
    samples[:, drawn:, 10, 12] = np.nan
    add_split(viewer, samples)
    widget = dock(viewer, SamplesWidget(viewer))
    widget.measuring.measure(pixel(10, 12))
    qtbot.waitUntil(lambda: "is not known" in widget.measuring.text.text(), timeout=5000)
    assert widget.measuring.plot.isHidden() == (drawn == 0)


def test_of_several_places_only_the_last_is_read_to_the_end(qtbot, viewer, dock, samples):
    import threading

    gate, n_read = threading.Event(), []

    def slow(block):
        n_read.append(1)
        gate.wait(5)
        return block

    add_split(viewer, samples)
    data = da.from_array(samples[0], chunks=(1, 20, 24)).map_blocks(slow, meta=samples[0][:0])
    viewer.layers["nuclei answers · cell"].data = data
    widget = dock(viewer, SamplesWidget(viewer))
    answers = []
    widget.measuring.probe.answered.connect(answers.append)
    widget.measuring.measure(pixel(1, 2))
    qtbot.waitUntil(lambda: bool(n_read))
    qtbot.waitUntil(lambda: "Reading the answers" in widget.measuring.text.text())
    widget.measuring.measure(pixel(3, 4))
    gate.set()
    qtbot.waitUntil(lambda: bool(answers))
    assert [answer.where for answer in answers] == [(3, 4)]
    assert len(n_read) < 2 * 6


def test_all_pictures_are_in_view_when_shown_and_the_view_stays_when_shown_again(
    window, dock, samples
):
    add_split(window, samples)
    window.reset_view()
    widget = dock(window, SamplesWidget(window))
    widget.view.layout_box.setCurrentText("side by side")
    widget.browser.hide()
    window.reset_view()
    camera = getattr(window, "scene", window).camera
    alone = camera.zoom
    other = make_samples(np.random.default_rng(1))
    window.layers.clear()
    add_split(window, other, name="other")
    widget.show_button.click()
    assert camera.zoom < 0.7 * alone
    camera.zoom = 3 * alone
    widget.show_button.click()
    widget.show_button.click()
    assert camera.zoom == 3 * alone
