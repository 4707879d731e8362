"""The Noise model widget, with jobs that fit at once."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from napari.layers import Shapes
from tests.stand_in import stand_in
from tests.widgets.conftest import layer
from tests.widgets.noise_fakes import BAD, FakeModel, FakeNoiseJobs

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.verdict import NoiseRecord
from napari_denoisplit.widgets.noise.plot import JOINT, LEVELS
from napari_denoisplit.widgets.noise.widget import NoiseWidget


@pytest.fixture
def jobs(monkeypatch):
    """Jobs without a fit in the place of the real ones."""
    fake = FakeNoiseJobs()
    stand_in(monkeypatch, "jobs.noise.job", fake.fit_noise_job, fake.judge_noise_job)
    return fake


@pytest.fixture
def repeats(rng):
    return rng.normal(100, 10, (5, 24, 32)).astype(np.float32)


@pytest.fixture
def widget(viewer, repeats, jobs, dock):
    viewer.add_image(repeats, name="beads", scale=(1, 0.5, 0.5))
    return dock(viewer, NoiseWidget(viewer))


def choose(widget, source):
    widget.source.source.setCurrentIndex(widget.source.source.findData(source))


def test_a_clean_image_that_is_opened_or_activated_is_not_taken_for_the_noisy_one(viewer, widget):
    choose(widget, "pairs")
    viewer.add_image(np.zeros((8, 9)), name="averaged")
    viewer.layers.selection.active = layer(viewer, "averaged")
    assert widget.source.noisy.layer.layer is layer(viewer, "beads")


def finish(qtbot, widget):
    qtbot.waitUntil(lambda: not widget.panel.is_running, timeout=10_000)


def fit(qtbot, widget):
    widget.panel.button.click()
    assert widget.panel.is_running, widget.panel.hint.text()
    finish(qtbot, widget)


def test_grey_levels_are_shown_before_any_fit(qtbot, widget):
    qtbot.waitUntil(lambda: not widget.plot.isHidden(), timeout=5000)
    assert widget.plot.page == LEVELS
    assert widget.verdict.isHidden()


def test_an_axis_without_a_name_is_time_where_repeats_are_asked_for(qtbot, widget, jobs, repeats):
    assert widget.source.noisy.layer.axes == "TYX"
    fit(qtbot, widget)
    data = jobs.data[0]
    assert (data.source, data.name) == ("repeats", "beads")
    np.testing.assert_array_equal(data.observation, repeats)


def test_without_a_time_axis_there_are_no_repeats(viewer, widget, rng):
    viewer.add_image(rng.normal(size=(24, 32)), name="lone")
    widget.source.noisy.layer.layer = layer(viewer, "lone")
    assert "time axis" in widget.panel.hint.text()
    choose(widget, "single")
    assert widget.panel.button.isEnabled()


def test_the_clean_image_is_another_layer(qtbot, viewer, widget, jobs, repeats):
    viewer.add_image(repeats.mean(0), name="clean")
    choose(widget, "pairs")
    widget.source.noisy.layer.layer = layer(viewer, "beads")
    widget.source.clean.layer.layer = layer(viewer, "clean")
    fit(qtbot, widget)
    np.testing.assert_array_equal(jobs.data[0].signal, repeats.mean(0))
    widget.source.clean.layer.layer = layer(viewer, "beads")
    assert "same layer" in widget.panel.hint.text()


def test_a_region_is_used_where_the_user_drew_one(qtbot, viewer, widget, jobs):
    assert widget.source.region.isHidden()
    outline = np.array([[1.9, 2.9], [1.9, 7.1], [5.1, 7.1], [5.1, 2.9]]) * 0.5
    viewer.layers.append(Shapes([outline], name="bead"))
    assert not widget.source.region.isHidden()
    widget.source.region.box.setCurrentIndex(1)
    fit(qtbot, widget)
    assert jobs.data[0].mask.sum() == 4 * 5
    assert jobs.data[0].mask[2:6, 3:8].all()


def test_one_channel_of_a_layer_is_used(qtbot, viewer, widget, jobs, rng):
    data = rng.normal(size=(4, 2, 24, 32))
    viewer.add_image(data, name="two", axis_labels=("t", "c", "y", "x"))
    widget.source.noisy.layer.layer = layer(viewer, "two")
    first, second = widget.source.noisy.channel_choice.boxes
    second.click()
    assert not first.isChecked()
    fit(qtbot, widget)
    np.testing.assert_array_equal(jobs.data[0].observation, data[:, 1])


def test_files_are_read_in_the_background(qtbot, widget, jobs, repeats, tmp_path):
    path = tmp_path / "exposures.ome.tif"
    tifffile.imwrite(path, repeats, metadata={"axes": "TYX"})
    widget.open_files([path])
    assert widget.source.clean.isHidden()
    fit(qtbot, widget)
    np.testing.assert_array_equal(jobs.data[0].observation, repeats)
    assert jobs.data[0].files == (str(path),)


def test_of_two_files_the_second_is_the_clean_one(qtbot, widget, jobs, repeats, tmp_path):
    paths = [tmp_path / "noisy.tif", tmp_path / "clean.tif"]
    for path, data in zip(paths, (repeats[0], repeats.mean(0)), strict=True):
        tifffile.imwrite(path, data)
    choose(widget, "pairs")
    widget.open_files(paths)
    fit(qtbot, widget)
    np.testing.assert_array_equal(jobs.data[0].observation, repeats[0])
    np.testing.assert_array_equal(jobs.data[0].signal, repeats.mean(0))


def test_the_choices_reach_the_job(qtbot, widget, jobs):
    choose(widget, "bootstrap")
    assert not widget.training.isHidden()
    widget.training["minutes"].set_value(0.5)
    widget.settings["kind"].set_value("histogram")
    widget.more["n_bins"].set_value(64)
    fit(qtbot, widget)
    settings, denoise = jobs.settings[0]
    assert (settings.kind, settings.n_bins, settings.n_gaussians) == ("histogram", 64, None)
    assert denoise.minutes == 0.5


def test_verdict_reasons_and_numbers_are_told_in_full(qtbot, widget, jobs):
    jobs.verdict = BAD
    fit(qtbot, widget)
    text = widget.verdict.text()
    assert "✖ do not use" in text
    assert "&lt;bin&gt; the image" in text
    assert "covers half the range" in text
    figures = widget.figures.text()
    for expected in ("gain", "read noise", "-3.2500", "-3.5000", "97%", "+0.20"):
        assert expected in figures
    assert widget.plot.page == JOINT


def test_pixels_and_likelihood_are_shown_while_the_fit_runs(qtbot, widget, jobs):
    fit(qtbot, widget)
    jobs.endless = True
    widget.panel.button.click()
    qtbot.waitUntil(lambda: "Trying 1 Gaussian: log-likelihood -4.0" in status(widget))
    assert widget.plot.page == JOINT
    assert widget.verdict.isHidden()  # of an earlier model it would mislead
    assert not widget.shelf.load_button.isEnabled()
    widget.panel.button.click()
    finish(qtbot, widget)
    assert widget.shelf.current is not None


def status(widget):
    return widget.panel.status.text()


def test_an_error_is_told_and_the_widget_goes_on(qtbot, widget, jobs, monkeypatch):
    monkeypatch.setattr("napari.utils.notifications.show_error", lambda *_: None)
    jobs.error = NoiseModelError("The image holds no noise: use the raw one.")
    fit(qtbot, widget)
    assert "holds no noise" in status(widget)
    jobs.error = None
    fit(qtbot, widget)
    assert "✔ good" in widget.verdict.text()


def test_a_second_model_is_judged_by_the_pixels_of_the_first(qtbot, widget, jobs, monkeypatch):
    fit(qtbot, widget)
    fit(qtbot, widget)
    widget.shelf.other_box.setCurrentIndex(1)
    finish(qtbot, widget)
    assert len(jobs.judged) == 1
    figures = widget.figures.text()
    assert "-3.2500" in figures
    assert "-4.8750" in figures
    assert "✔ good" in widget.verdict.text()  # of the first of the two


def test_a_file_is_described_before_it_is_loaded_and_then_judged(
    qtbot, widget, jobs, monkeypatch, tmp_path
):
    path = camera_file(tmp_path, monkeypatch)
    widget.open_files([path])
    assert "Nothing speaks" in widget.verdict.text()
    assert not jobs.judged
    fit(qtbot, widget)
    widget.shelf.current_box.setCurrentIndex(0)
    finish(qtbot, widget)
    assert len(jobs.judged) == 1
    assert "do not use" in widget.verdict.text()


def camera_file(folder, monkeypatch):
    from tests.widgets.noise_fakes import GOOD

    import napari_denoisplit.noise.files.noise_file as files

    path = folder / "camera.json"
    path.write_text("{}")
    record = NoiseRecord(name="camera", verdict=GOOD)
    header = files.NoiseHeader("poisson_gaussian", (0.0, 1.0), record, {"gain": 2.0})

    def read_noise_header(path):
        return header

    def read_noise_model(path):
        return FakeModel(record)

    stand_in(monkeypatch, "noise.files.noise_file", read_noise_header, read_noise_model)
    return path


def test_a_model_is_saved_with_its_record(qtbot, widget, monkeypatch, tmp_path):
    written = {}

    def write_noise_model(path, model):
        written[path] = model

    stand_in(monkeypatch, "noise.files.noise_file", write_noise_model)
    fit(qtbot, widget)
    widget.jobs.save(tmp_path / "camera.npz")
    finish(qtbot, widget)
    assert written[tmp_path / "camera.npz"].record.verdict.grade == "good"
    assert widget.shelf.current_box.currentText() == "camera.npz"
    assert "Saved as" in status(widget)
