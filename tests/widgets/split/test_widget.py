"""The Split widget in a real window, with a job that needs no network."""

from __future__ import annotations

import gc
import threading
from time import thread_time

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QThreadPool, QTimer, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication
from tests.widgets.conftest import layer

from napari_denoisplit.errors import ImageError, JobError
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.widgets.layers.results import ResultLayers
from napari_denoisplit.widgets.split.widget import SplitWidget

KINDS = ("", " spread", " answers")


@pytest.fixture
def image(rng):
    return rng.normal(100, 10, (24, 32)).astype(np.float32)


@pytest.fixture
def widget(viewer, image, model, jobs, dock):
    return prepared(viewer, image, model, dock)


def prepared(viewer, image, model, dock):
    viewer.add_image(image, name="cells", scale=(0.5, 0.25), translate=(3, 4), units=("um", "um"))
    widget = dock(viewer, SplitWidget(viewer))
    widget.open_model(model)
    widget.settings["n_samples"].set_value(4)
    widget.more["keep_samples"].set_value(3)
    return widget


def wait_for_end(qtbot, widget):
    qtbot.waitUntil(lambda: not (widget.is_busy or widget.panel.is_running), timeout=10_000)


def click(widget):
    """Press the big button."""
    widget.panel.button.click()


def test_a_split_makes_layers_named_after_input_structure_and_kind(qtbot, viewer, widget, image):
    click(widget)
    wait_for_end(qtbot, widget)
    expected = {f"{name}{kind} · cells" for name in ("nuclei", "actin") for kind in KINDS}
    assert {one.name for one in viewer.layers} == {"cells", *expected}
    np.testing.assert_allclose(layer(viewer, "nuclei · cells").data, 0.25 * image)
    np.testing.assert_allclose(layer(viewer, "actin · cells").data, 0.75 * image)


def test_results_lie_where_the_input_lies(qtbot, viewer, widget):
    click(widget)
    wait_for_end(qtbot, widget)
    source = layer(viewer, "cells")
    mmse = layer(viewer, "nuclei · cells")
    samples = layer(viewer, "nuclei answers · cells")
    np.testing.assert_allclose(mmse.scale, source.scale)
    np.testing.assert_allclose(mmse.translate, source.translate)
    assert mmse.units == source.units
    assert mmse.axis_labels == ("y", "x")
    assert samples.axis_labels == ("answer", "y", "x")
    assert samples.data.shape == (3, 24, 32)
    np.testing.assert_allclose(samples.scale[1:], source.scale)


def test_structures_are_told_apart_and_add_up(qtbot, viewer, widget):
    click(widget)
    wait_for_end(qtbot, widget)
    nuclei, actin = (layer(viewer, f"{name} · cells") for name in ("nuclei", "actin"))
    assert (nuclei.colormap.name, actin.colormap.name) == ("bop orange", "bop blue")
    assert nuclei.blending == "additive"
    assert actin.blending == "translucent_no_depth"  # it covers what else lies there
    assert nuclei.visible
    assert not layer(viewer, "cells").visible  # it would drown the colours


def test_every_result_says_where_it_came_from(qtbot, viewer, widget):
    widget.more["seed"].set_value(7)
    click(widget)
    wait_for_end(qtbot, widget)
    note = layer(viewer, "actin · cells").metadata["denoisplit"]
    assert note["seed"] == 7
    assert (note["input"], note["structure"], note["kind"]) == ("cells", "actin", "MMSE")


def test_the_first_sample_is_shown_while_the_job_runs(qtbot, window, image, model, jobs, dock):
    viewer, widget = window, prepared(window, image, model, dock)
    jobs.endless = True
    click(widget)
    qtbot.waitUntil(lambda: "nuclei · cells" in viewer.layers)
    assert widget.panel.is_running
    click(widget)
    wait_for_end(qtbot, widget)


def test_the_result_is_told_before_the_button_is_free(qtbot, widget):
    seen, often = [], QTimer()
    often.timeout.connect(
        lambda: seen.append((widget.panel.button.text(), widget.panel.status.text()))
    )
    often.start(0)
    click(widget)
    wait_for_end(qtbot, widget)
    qtbot.waitUntil(lambda: seen[-1][0] == "Split")
    free = [told for text, told in seen if text == "Split"]
    assert "Showing…" in {text for text, _ in seen}
    assert all(told.startswith("Split cells into") for told in free), free[0]


def test_an_error_while_a_result_is_shown_leaves_the_button_free(qtbot, widget, monkeypatch):
    def broken(layers):
        if widget.panel.is_running:
            return False  # until the job is over
        raise RuntimeError("no layer")

    monkeypatch.setattr(ResultLayers, "flush", broken)
    with qtbot.captureExceptions() as errors:
        click(widget)
        qtbot.waitUntil(lambda: bool(errors))
    assert widget.panel.button.text() == "Split"
    assert widget.panel.button.isEnabled()


def test_the_button_stops_a_run_and_keeps_what_is_done(qtbot, viewer, widget, jobs):
    jobs.endless = True
    click(widget)
    assert widget.panel.button.text() == "Stop"
    assert not widget.panel.bar.isHidden()
    qtbot.waitUntil(lambda: "nuclei · cells" in viewer.layers)
    click(widget)
    assert widget.panel.button.text() == "Stopping…"
    wait_for_end(qtbot, widget)
    assert widget.panel.button.text() == "Split"
    assert "stopped early" in widget.panel.status.text()
    assert widget.results[0].split.stopped_early


def test_a_second_run_makes_new_layers(qtbot, viewer, widget):
    click(widget)
    wait_for_end(qtbot, widget)
    first = layer(viewer, "nuclei · cells")
    before = len(viewer.layers)
    click(widget)
    wait_for_end(qtbot, widget)
    assert any(one is first for one in viewer.layers)
    assert len(viewer.layers) == 2 * before - 1


def test_layers_renamed_during_a_run_are_still_refined(qtbot, viewer, widget, jobs, image):
    jobs.endless = True
    click(widget)
    qtbot.waitUntil(lambda: "nuclei · cells" in viewer.layers)
    mmse = layer(viewer, "nuclei · cells")
    mmse.name = "mine"
    viewer.layers["cells"].name = "raw"
    mmse.data[:] = 0
    click(widget)
    wait_for_end(qtbot, widget)
    assert "nuclei · cells" not in viewer.layers
    np.testing.assert_allclose(mmse.data, 0.25 * image)


def test_layers_removed_during_a_run_stay_removed(qtbot, viewer, widget, jobs):
    jobs.seconds = 0.1
    click(widget)
    qtbot.waitUntil(lambda: "nuclei · cells" in viewer.layers)
    viewer.layers.remove("nuclei · cells")
    viewer.layers.remove("cells")
    wait_for_end(qtbot, widget)
    names = [one.name for one in viewer.layers]
    assert "nuclei · cells" not in names
    assert "cells" not in names
    assert "actin answers · cells" in names


def test_contrast_that_the_user_has_set_is_kept(qtbot, viewer, widget, jobs):
    jobs.seconds = 0.1
    click(widget)
    qtbot.waitUntil(lambda: "nuclei · cells" in viewer.layers)
    layer(viewer, "nuclei · cells").contrast_limits = (26, 27)
    wait_for_end(qtbot, widget)
    assert tuple(layer(viewer, "nuclei · cells").contrast_limits) == (26, 27)


def test_closing_the_viewer_ends_the_job(qtbot, window, image, model, jobs, dock):
    jobs.endless = True
    viewer = window
    widget = prepared(viewer, image, model, dock)
    before = threading.active_count()
    click(widget)
    qtbot.waitUntil(lambda: "nuclei · cells" in viewer.layers)
    viewer.close()
    assert QThreadPool.globalInstance().waitForDone(1000)
    qtbot.wait(50)
    assert not len(viewer.layers)  # nothing came late
    assert threading.active_count() <= before + 1


@pytest.mark.parametrize("leading", [(3,), (2, 3)])
def test_stacks_are_split_plane_by_plane(qtbot, viewer, widget, rng, leading):
    stack = rng.normal(100, 10, (*leading, 16, 20)).astype(np.float32)
    viewer.add_image(stack, name="stack", scale=(2.0,) * len(leading) + (0.5, 0.5))
    widget.source.layer.layer = layer(viewer, "stack")
    click(widget)
    wait_for_end(qtbot, widget)
    mmse = layer(viewer, "actin · stack")
    np.testing.assert_allclose(mmse.data, 0.75 * stack)
    np.testing.assert_allclose(mmse.scale, layer(viewer, "stack").scale)
    samples = layer(viewer, "actin answers · stack")
    assert samples.data.shape == (3, *stack.shape)


def test_results_keep_the_axis_order_of_their_layer(qtbot, viewer, widget, rng):
    stack = rng.normal(100, 10, (2, 3, 16, 20)).astype(np.float32)
    viewer.add_image(stack, name="stack", axis_labels=("z", "t", "y", "x"))
    widget.source.layer.layer = layer(viewer, "stack")
    assert widget.source.layer.axes == "ZTYX"
    click(widget)
    wait_for_end(qtbot, widget)
    mmse = layer(viewer, "actin · stack")
    np.testing.assert_allclose(mmse.data, 0.75 * stack)
    assert mmse.axis_labels == ("z", "t", "y", "x")


def test_channels_are_superposed_or_one_is_taken(qtbot, viewer, widget, jobs, rng):
    channels = rng.normal(100, 10, (2, 16, 20)).astype(np.float32)
    assert widget.source.channel_choice.isHidden()
    viewer.add_image(channels, name="both", axis_labels=("c", "y", "x"))
    assert not widget.source.channel_choice.isHidden()
    for box, expected in zip((None, 0), (channels.mean(0), channels[1]), strict=True):
        if box is not None:
            widget.source.channel_choice.boxes[box].click()
        click(widget)
        wait_for_end(qtbot, widget)
        given = jobs.calls[-1]["image"]
        assert given.axes == "YX"
        np.testing.assert_allclose(given.data, expected, rtol=1e-6)


def test_more_channels_than_structures_cannot_be_superposed(qtbot, viewer, widget, jobs):
    viewer.add_image(np.zeros((3, 16, 20)), name="three", axis_labels=("c", "y", "x"))
    widget.source.layer.layer = layer(viewer, "three")
    hint = widget.panel.hint.text()  # before anything is read or split
    assert hint.startswith("3 channels are chosen: take the one that shows all structures")
    assert "one of each structure (nuclei, actin)" in hint
    assert not widget.panel.button.isEnabled()
    widget.source.channel_choice.boxes[1].setChecked(False)
    assert widget.panel.button.isEnabled()  # two of two structures are superposed
    widget.source.channel_choice.boxes[0].setChecked(False)
    assert widget.panel.button.isEnabled()
    assert not jobs.calls


def test_a_dask_layer_is_read_in_the_background(qtbot, viewer, widget, image):
    import dask.array

    readers = []

    def note(block):
        readers.append(threading.current_thread())
        return block

    lazy = dask.array.from_array(image[None], chunks=(1, 24, 32)).map_blocks(
        note, dtype=image.dtype, meta=np.empty((0, 0, 0), image.dtype)
    )
    viewer.add_image(lazy, name="lazy", contrast_limits=(0, 200))
    widget.source.layer.layer = layer(viewer, "lazy")
    click(widget)
    wait_for_end(qtbot, widget)
    np.testing.assert_allclose(layer(viewer, "nuclei · lazy").data, 0.25 * image[None])


def test_files_are_split_one_after_the_other(qtbot, viewer, widget, jobs, tmp_path, image):
    paths = [tmp_path / "one.tif", tmp_path / "two.tif"]
    for path in paths:
        tifffile.imwrite(path, image, metadata={"axes": "YX"})
    widget.open_files(paths)
    click(widget)
    wait_for_end(qtbot, widget)
    assert [call["image"].name for call in jobs.calls] == ["one", "two"]
    assert {"one", "two", "nuclei · one", "nuclei · two"} <= {one.name for one in viewer.layers}
    assert [widget.source.files.list.item(row).text() for row in (0, 1)] == [
        "one.tif — done",
        "two.tif — done",
    ]
    assert not layer(viewer, "nuclei · one").visible  # the newest is on show
    assert "2 images" in widget.panel.status.text()


def test_a_file_that_cannot_be_read_does_not_hold_up_the_others(
    qtbot, viewer, widget, tmp_path, image
):
    bad, good = tmp_path / "bad.tif", tmp_path / "good.tif"
    bad.write_bytes(b"no image at all")
    tifffile.imwrite(good, image)
    widget.open_files([bad, good])
    click(widget)
    wait_for_end(qtbot, widget)
    assert "nuclei · good" in viewer.layers
    assert "bad.tif" in widget.panel.status.text()


def test_stopping_leaves_the_rest_of_the_queue(qtbot, viewer, widget, jobs, tmp_path, image):
    jobs.endless = True
    paths = [tmp_path / "one.tif", tmp_path / "two.tif"]
    for path in paths:
        tifffile.imwrite(path, image)
    widget.open_files(paths)
    click(widget)
    qtbot.waitUntil(lambda: "nuclei · one" in viewer.layers)
    click(widget)
    wait_for_end(qtbot, widget)
    qtbot.wait(50)
    assert len(jobs.calls) == 1


# Of a whole-numbered place, which Qt before 6.12 needs and later ones do not want.
@pytest.mark.filterwarnings("ignore:Function. 'QDragEnterEvent:DeprecationWarning")
def test_dropped_files_find_their_place(qtbot, widget, model, tmp_path):
    image, text = tmp_path / "a.TIF", tmp_path / "notes.txt"
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in (model, image, text)])
    how = Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    # Qt remembers from the entry where a drop goes to.
    QApplication.sendEvent(widget, QDragEnterEvent(QPoint(5, 5), *how))
    QApplication.sendEvent(widget, QDropEvent(QPointF(5, 5), *how))
    assert widget.model.path == model
    assert widget.source.files.paths == (image,)
    assert "notes.txt" in widget.panel.status.text()


def test_a_disabled_button_says_why(viewer, jobs, dock):
    widget = dock(viewer, SplitWidget(viewer))
    assert not widget.panel.button.isEnabled()
    assert "model" in widget.panel.button.toolTip()
    assert widget.panel.hint.text() == widget.panel.button.toolTip()
    assert not widget.panel.hint.isHidden()


def test_a_damaged_model_is_refused_with_its_reason(widget, tmp_path):
    widget.open_model(tmp_path / "torn.denoisplit")
    assert not widget.panel.button.isEnabled()
    assert "torn.denoisplit" in widget.model.about.text()
    assert "model cannot be used" in widget.panel.button.toolTip()


def test_what_a_model_is_for_is_shown(widget):
    text = widget.model.about.text()
    assert "nuclei and actin" in text
    assert "D6.tif" in text
    assert "27.5 dB" in widget.model.about.toolTip()


@pytest.mark.parametrize("error", [JobError("out of memory"), ImageError("NaN in it")])
def test_an_error_is_shown_and_the_next_run_works(qtbot, viewer, widget, jobs, error):
    jobs.error = error
    click(widget)
    wait_for_end(qtbot, widget)
    assert str(error) in widget.panel.status.text()
    jobs.error = None
    click(widget)
    wait_for_end(qtbot, widget)
    assert widget.results


def test_a_wrong_number_starts_no_thread(widget, jobs):
    widget.more["tile_size"].set_value(70)  # not a multiple of 16
    click(widget)
    assert not widget.panel.is_running
    assert "tile size" in widget.panel.status.text()
    assert not jobs.calls


def test_results_are_saved_as_images_that_open_again(qtbot, widget, tmp_path):
    click(widget)
    wait_for_end(qtbot, widget)
    for _ in range(2):  # the second time nothing is overwritten
        widget.save_to(tmp_path)
        wait_for_end(qtbot, widget)
    image = read_image(tmp_path / "cells_mmse.ome.tif")
    assert image.channel_names == ("nuclei", "actin")
    assert image.pixel_size["X"] == pytest.approx(0.25)
    assert (tmp_path / "cells_samples" / "003.ome.tif").exists()
    assert (tmp_path / "cells-2_sigma.ome.tif").exists()


def test_the_window_stays_alive_during_a_split(qtbot, window, image, model, jobs, dock, request):
    widget = prepared(window, image, model, dock)
    jobs.endless, jobs.seconds = True, 0.0
    # The first layer with one more axis makes napari build a slider, for half a second.
    widget.more["keep_samples"].set_value(0)
    beats = []
    timer = QTimer()
    timer.timeout.connect(lambda: beats.append(thread_time()))
    # What other tests have left behind would take a second to be searched for garbage.
    gc.collect()
    gc.freeze()
    request.addfinalizer(gc.unfreeze)
    timer.start(50)
    click(widget)
    qtbot.wait(1500)
    click(widget)
    wait_for_end(qtbot, widget)
    timer.stop()
    # In time of this thread: other programs on the machine do not count.
    assert max(np.diff(beats)) < 0.4
