"""The Train widget in a real window, with a job that needs no network."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import tifffile
from qtpy.QtWidgets import QFileDialog
from tests.stand_in import stand_in
from tests.widgets.conftest import layer

from napari_denoisplit.errors import JobError, TrainingError
from napari_denoisplit.settings import TrainSettings
from napari_denoisplit.widgets.choosers.images import CHANNELS, FILES
from napari_denoisplit.widgets.split.widget import SplitWidget
from napari_denoisplit.widgets.train.widget import TrainWidget


@pytest.fixture
def channels(rng):
    return rng.normal(100, 10, (2, 48, 40)).astype(np.float32)


@pytest.fixture
def widget(viewer, channels, jobs, dock, tmp_path):
    return prepared(viewer, channels, dock, tmp_path)


def prepared(viewer, channels, dock, folder):
    for name, data in zip(("nuclei", "actin"), channels, strict=True):
        viewer.add_image(data, name=name, scale=(0.5, 0.5), units=("um", "um"))
    widget = dock(viewer, TrainWidget(viewer))
    widget.target.save.set_path(folder / "cells.denoisplit")
    return widget


def run(qtbot, widget):
    widget.panel.button.click()
    assert widget.panel.is_running, widget.panel.status.text()
    qtbot.waitUntil(lambda: not widget.panel.is_running, timeout=10_000)


def test_two_layers_are_the_channels(qtbot, widget, jobs, channels):
    run(qtbot, widget)
    fields = jobs.calls[0]["fields"]
    assert fields.channel_names == ("nuclei", "actin")
    np.testing.assert_array_equal(fields.fields[0], channels)
    assert fields.pixel_size["X"] == 0.5


def test_layers_of_different_size_are_structures_of_fields_of_their_own(
    qtbot, viewer, widget, jobs, channels
):
    viewer.layers.remove(layer(viewer, "actin"))
    viewer.add_image(np.stack([channels[1, :40]] * 3), name="actin", axis_labels=("t", "y", "x"))
    widget.source.layers.choices[1].layer = layer(viewer, "actin")
    run(qtbot, widget)
    fields = jobs.calls[0]["fields"]
    assert fields.channel_names == ("nuclei", "actin")
    assert fields.shows == (0, 1, 1, 1)


def test_one_layer_with_channels_is_enough(qtbot, viewer, widget, jobs, channels):
    viewer.add_image(channels, name="both")
    widget.source.kind.setCurrentIndex(widget.source.kind.findData(CHANNELS))
    widget.source.stack.layer = layer(viewer, "both")
    widget.source.names.setText("nuclei, actin")
    run(qtbot, widget)
    fields = jobs.calls[0]["fields"]
    assert fields.channel_names == ("nuclei", "actin")
    np.testing.assert_array_equal(fields.fields[0], channels)


def test_structures_that_were_recorded_together_are_learned_from(
    qtbot, viewer, widget, jobs, channels
):
    viewer.add_image(channels.sum(axis=0), name="together")
    widget.recorded.use.setChecked(True)
    assert not widget.choices.mix.widget.isEnabled()
    widget.recorded.source.layer.layer = layer(viewer, "together")
    run(qtbot, widget)
    np.testing.assert_array_equal(
        jobs.calls[0]["fields"].superpositions, channels.sum(axis=0)[None]
    )


def test_what_was_recorded_together_is_asked_for_in_words(viewer, widget):
    widget.recorded.source.kind.setCurrentIndex(widget.recorded.source.kind.findData(FILES))
    assert not widget.problem
    widget.recorded.use.setChecked(True)
    assert "recorded together" in widget.problem
    widget.recorded.use.setChecked(False)
    assert not widget.problem
    assert widget.choices.mix.widget.isEnabled()


def test_files_are_read_in_the_background(qtbot, widget, jobs, channels, tmp_path):
    paths = [tmp_path / "dapi.ome.tif", tmp_path / "phalloidin.tif"]
    for path, data in zip(paths, channels, strict=True):
        tifffile.imwrite(path, data)
    widget.target.save.set_path(Path(widget.target._suggested))
    widget.open_files(paths)
    assert widget.target.save.path.name == "dapi-phalloidin.denoisplit"
    widget.target.save.set_path(tmp_path / "cells.denoisplit")
    assert widget.source.kind.currentData() == FILES
    run(qtbot, widget)
    fields = jobs.calls[0]["fields"]
    assert fields.channel_names == ("dapi", "phalloidin")
    np.testing.assert_array_equal(fields.fields[0], channels)


def test_curves_and_preview_follow_the_training(qtbot, viewer, widget):
    run(qtbot, widget)
    names = {one.name for one in viewer.layers}
    assert "preview superposition · cells" in names
    for name in ("nuclei", "actin"):
        preview = layer(viewer, f"preview {name} · cells")
        assert preview.data.shape == (32, 32)
        np.testing.assert_allclose(preview.scale, (0.5, 0.5))
        # beside the user's images, not on them
        assert preview.translate[-1] > layer(viewer, "nuclei").extent.world[1][-1]
    assert widget.plot.curves.epoch == (1, 2, 3, 4)
    assert "24.0 dB" in widget.panel.status.text()


def test_the_window_does_not_wait_for_matplotlib(qtbot, widget, monkeypatch):
    seen = []

    def load(modules):
        assert "matplotlib.figure" in modules
        seen.append((threading.current_thread(), widget.plot.isHidden()))

    monkeypatch.setattr("napari_denoisplit.widgets.parts.worker._import", load)
    run(qtbot, widget)
    ((thread, was_hidden),) = seen
    assert thread is not threading.main_thread()
    assert was_hidden
    assert not widget.plot.isHidden()


def test_a_preview_is_made_only_where_it_is_wanted(qtbot, viewer, widget):
    widget.preview.setChecked(False)
    run(qtbot, widget)
    assert len(viewer.layers) == 2


def test_the_preview_is_renewed_in_place_and_stays_away_when_removed(qtbot, viewer, widget, jobs):
    jobs.seconds = 0.1
    widget.panel.button.click()
    name = "preview nuclei · cells"
    qtbot.waitUntil(lambda: "preview actin · cells" in viewer.layers)  # the last of them
    n_layers = len(viewer.layers)
    viewer.layers.remove(name)
    viewer.layers.remove("actin")
    qtbot.waitUntil(lambda: not widget.panel.is_running, timeout=10_000)
    assert len(viewer.layers) == n_layers - 2


def test_a_training_takes_the_place_of_an_earlier_preview(qtbot, viewer, widget, tmp_path):
    run(qtbot, widget)
    n_layers = len(viewer.layers)
    (tmp_path / "cells.last.denoisplit").write_bytes(b"state")
    widget.target.resume_from([tmp_path / "cells.last.denoisplit"])
    run(qtbot, widget)
    qtbot.waitUntil(lambda: len(viewer.layers) == n_layers)


def test_previews_make_way_for_a_split(qtbot, viewer, widget, dock, small_model):
    run(qtbot, widget)
    split = dock(viewer, SplitWidget(viewer))
    split.open_model(small_model)
    split.settings["n_samples"].set_value(1)
    split.panel.button.click()
    qtbot.waitUntil(lambda: not split.is_busy)
    qtbot.waitUntil(lambda: not [one for one in viewer.layers if "preview" in one.name])
    assert {"nuclei", "actin"} < {one.name for one in viewer.layers}


def test_stop_keeps_the_best_model(qtbot, widget, jobs, tmp_path):
    jobs.endless = True
    widget.panel.button.click()
    qtbot.waitUntil(lambda: bool(widget.plot.curves.epoch))
    widget.panel.button.click()
    qtbot.waitUntil(lambda: not widget.panel.is_running)
    assert (tmp_path / "cells.denoisplit").exists()
    assert "Stopped" in widget.panel.status.text()
    assert not widget.split_button.isHidden()


def test_the_next_training_does_not_overwrite_the_model(qtbot, widget, tmp_path):
    run(qtbot, widget)
    assert widget.target.save.path == tmp_path / "cells-2.denoisplit"
    run(qtbot, widget)
    assert (tmp_path / "cells-2.denoisplit").exists()


def test_a_model_is_never_overwritten_unasked(widget, tmp_path):
    taken = tmp_path / "taken.denoisplit"
    taken.write_bytes(b"a week of work")
    widget.target.save.set_path(taken)
    assert not widget.panel.button.isEnabled()
    assert "taken.denoisplit exists" in widget.panel.hint.text()
    assert widget.panel.button.toolTip() == widget.panel.hint.text()


def test_a_model_without_the_state_of_its_training_says_what_to_choose(widget, tmp_path):
    widget.open_files([tmp_path / "old.denoisplit"])
    assert "old.last.denoisplit does not exist" in widget.panel.hint.text()
    assert "clear Go on with" in widget.panel.hint.text()


def test_a_training_is_gone_on_with_where_its_model_lies(qtbot, widget, jobs, tmp_path):
    state = tmp_path / "old.last.denoisplit"
    state.write_bytes(b"state")
    (tmp_path / "old.denoisplit").write_bytes(b"best")
    widget.open_files([tmp_path / "old.denoisplit"])
    run(qtbot, widget)
    assert jobs.calls[0]["resume"] == state
    assert jobs.calls[0]["path"] == tmp_path / "old.denoisplit"


def test_a_training_that_goes_on_to_nothing_better_keeps_its_model_and_says_so(
    qtbot, widget, jobs, tmp_path
):
    (tmp_path / "old.last.denoisplit").write_bytes(b"state")
    (tmp_path / "old.denoisplit").write_bytes(b"best")
    widget.open_files([tmp_path / "old.denoisplit"])
    jobs.improves = False
    run(qtbot, widget)
    assert "the earlier model is kept" in widget.panel.status.text()
    assert not widget.split_button.isHidden()


def test_the_choices_reach_the_job(qtbot, widget, jobs):
    widget.choices.how["preset"].set_value("tiny")
    widget.choices.how["minutes"].set_value(0.5)
    widget.choices.mix.set_value("sum")
    widget.choices.more["alpha_low"].set_value(0.5)
    widget.choices.more["alpha_high"].set_value(1.5)
    widget.choices.more["noise_high"].set_value(2.0)
    run(qtbot, widget)
    settings = jobs.calls[0]["settings"]
    assert (settings.preset, settings.minutes, settings.mix.mode) == ("tiny", 0.5, "sum")
    assert (settings.mix.alpha_low, settings.mix.alpha_high) == (0.5, 1.5)
    assert settings.mix.noise_high == 2


def test_a_training_without_an_end_starts_no_thread(widget, jobs):
    widget.choices.how["minutes"].set_value(None)
    widget.panel.button.click()
    assert not widget.panel.is_running
    assert "needs an end" in widget.panel.status.text()


@pytest.mark.parametrize("error", [TrainingError("not finite"), JobError("out of memory")])
def test_an_error_is_shown_and_the_next_run_works(qtbot, widget, jobs, error):
    jobs.error = error
    run(qtbot, widget)
    assert str(error) in widget.panel.status.text()
    jobs.error = None
    run(qtbot, widget)
    assert "is kept" in widget.panel.status.text()


def test_what_a_superposition_is_for_is_told_below_its_choice(widget):
    told = widget.choices.mix_about
    assert "a program averages" in told.text()
    widget.choices.mix.set_value("sum")
    assert "a program" not in told.text()
    assert "camera" in told.text()
    assert told.isVisibleTo(widget)


def test_noise_models_are_asked_for_only_where_they_are_used(widget):
    assert not widget.choices.noise.not_needed.isVisibleTo(widget)
    widget.choices.more["method"].set_value("musplit")
    assert widget.choices.noise.not_needed.isVisibleTo(widget)
    widget.choices.more["method"].set_value("hdn_musplit")  # its denoisers use them
    assert not widget.choices.noise.not_needed.isVisibleTo(widget)


def test_closing_the_viewer_ends_the_training(qtbot, window, channels, jobs, dock, tmp_path):
    from qtpy.QtCore import QThreadPool

    jobs.endless = True
    widget = prepared(window, channels, dock, tmp_path)
    widget.panel.button.click()
    qtbot.waitUntil(lambda: len(window.layers) > 2, timeout=10_000)
    window.close()
    assert QThreadPool.globalInstance().waitForDone(1000)
    qtbot.wait(50)
    assert not len(window.layers)


def test_going_on_with_a_training_does_not_overwrite_another_model(widget, tmp_path):
    state, other = tmp_path / "a.last.denoisplit", tmp_path / "b.denoisplit"
    for path in (state, other):
        path.write_bytes(b"")
    widget.target.resume_from([state])
    assert not widget.target.problem
    widget.target.save.set_path(other)
    assert "b.denoisplit exists" in widget.target.problem


def test_the_published_recipe_shows_what_it_sets_and_follows_the_method(widget):
    choices = widget.choices
    choices.how["until_good"].set_value(True)
    choices.more["recipe"].set_value("paper")
    settings = choices.settings()
    assert settings == TrainSettings(recipe="paper", device=settings.device)
    assert choices.more["learning_rate"].value() == 1e-3
    choices.more["method"].set_value("musplit")
    assert choices.settings().monitor == "psnr"
    assert choices.more["patch_size"].value() == 64
    choices.more["recipe"].set_value("own")
    assert choices.settings().learning_rate == TrainSettings().learning_rate
    assert choices.settings().minutes == TrainSettings().minutes


def test_a_model_that_no_disk_took_can_be_saved_elsewhere(
    qtbot, widget, jobs, tmp_path, monkeypatch
):
    path = tmp_path / "elsewhere.denoisplit"

    def save_model(path, model, *, half=False):
        assert model is jobs.no_disk
        path.write_bytes(b"saved")

    stand_in(monkeypatch, "checkpoint", save_model)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    jobs.no_disk = object()
    run(qtbot, widget)
    assert widget.split_button.isHidden()
    assert not widget.save_button.isHidden()
    assert "Saved as" not in widget.panel.status.text()
    widget.save_button.click()
    assert path.read_bytes() == b"saved"
    assert not widget.split_button.isHidden()
    assert widget.save_button.isHidden()


@pytest.mark.parametrize("preset", ["hdn", "divnoising"])
def test_a_preset_that_denoises_is_no_choice_for_two_structures(widget, preset):
    widget.choices.how["preset"].set_value(preset)
    assert "denoises one structure, and 2 are given" in widget.panel.hint.text()
    assert not widget.panel.button.isEnabled()
    widget.choices.how["preset"].set_value("fast")
    assert widget.panel.button.isEnabled()


def test_what_a_model_is_worth_is_told_before_where_it_is(qtbot, widget, jobs):
    jobs.notes = ("Separation of the structures: do not use.",)
    run(qtbot, widget)
    told = widget.panel.status.text().split("\n")
    assert told[0] == jobs.notes[0]
    assert "is kept" in told[1]
    assert told[-1].startswith("PSNR")
