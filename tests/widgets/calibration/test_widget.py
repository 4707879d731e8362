"""The Calibration widget, with the real job and a network so small that it takes a second."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtWidgets import QMessageBox
from tests.widgets.conftest import layer

from napari_denoisplit.checkpoint import Model, ModelHeader, load_model, save_model
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.phantom.synthetic_noise import add_noise
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.jobs.lock import locked
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian
from napari_denoisplit.settings import LadderSettings, MixSettings
from napari_denoisplit.widgets import CalibrationWidget, SplitWidget
from napari_denoisplit.widgets.calibration.images import CLEAN_RECORDED, NOISY_CLEAN, NOISY_RECORDED

NAMES = ("filaments", "pits")


@pytest.fixture(scope="module")
def clean():
    return phantom((96, 128), seed=1)


@pytest.fixture(scope="module")
def noisy(clean):
    return add_noise(clean, gaussian=0.5, seed=1)


@pytest.fixture
def model(tmp_path, clean, noisy):
    network = LadderSettings(n_levels=2, n_filters=4, n_latents=2)
    sigma = float((noisy - clean).std())
    camera = PoissonGaussian(1e-3, 0.0, sigma, float(clean.min()), float(clean.max()))
    header = ModelHeader(
        network=network,
        mix=MixSettings(),
        normalization=Normalization(
            input_mean=float(noisy.mean()),
            input_std=float(noisy.std()),
            channel_means=tuple(clean.mean((1, 2)).tolist()),
            channel_stds=tuple(clean.std((1, 2)).tolist()),
        ),
        channel_names=NAMES,
        noise_models=(camera.to_dict(), camera.to_dict()),
        training={"history": [{"psnr": [27.5, 26.9], "is_best": True}]},
    )
    path = tmp_path / "cells.denoisplit"
    save_model(path, Model(VSE(network), header))
    return path


def prepared(viewer, dock, model, noisy, clean):
    for name, data, truth in zip(NAMES, noisy, clean, strict=True):
        viewer.add_image(data, name=name)
        viewer.add_image(truth, name=f"{name}, clean")
    widget = dock(viewer, CalibrationWidget(viewer))
    widget.open_model(model)
    widget.settings["n_samples"].set_value(5)
    widget.settings["device"].set_value("cpu")
    widget.more["probe_samples"].set_value(2)
    return widget


@pytest.fixture
def widget(viewer, dock, model, noisy, clean):
    return prepared(viewer, dock, model, noisy, clean)


def compare_with_clean(widget, viewer):
    choose(widget, NOISY_CLEAN)
    for choice, name in zip(widget.data.images.clean.layers.choices, NAMES, strict=True):
        choice.layer = layer(viewer, f"{name}, clean")


def choose(widget, kind):
    widget.data.kind.setCurrentIndex(widget.data.kind.findData(kind))


def finish(qtbot, widget):
    qtbot.waitUntil(lambda: not widget.panel.is_running, timeout=120_000)


def calibrate(qtbot, widget):
    widget.panel.button.click()
    assert widget.panel.is_running, widget.panel.hint.text() or widget.panel.status.text()
    finish(qtbot, widget)
    assert widget.result is not None, widget.panel.status.text()
    return widget.result


def test_a_model_is_calibrated_saved_and_known_as_calibrated(
    qtbot, window, dock, model, noisy, clean
):
    split = dock(window, SplitWidget(window))
    split.open_model(model)
    assert "Tools > Calibrate" in split.model.about.text()
    widget = prepared(window, dock, model, noisy, clean)
    compare_with_clean(widget, window)
    assert not widget.saving.isVisibleTo(widget)
    result = calibrate(qtbot, widget)
    assert result.record.target == "clean"
    assert all(channel.verdict.grade in widget.verdict.text() for channel in result.channels)
    assert f"{result.record.channels[1].factor:.3f}" in widget.figures.text()
    assert widget.plot.isVisibleTo(widget)

    before = load_model(model)
    widget.saving.save_to(model)
    finish(qtbot, widget)
    after = load_model(model)
    assert after.header.calibration == result.record
    assert after.header.model_copy(update={"calibration": None}) == before.header
    for old, new in zip(before.network.parameters(), after.network.parameters(), strict=True):
        np.testing.assert_array_equal(old.detach(), new.detach())
    # The other widget was not touched: it follows the file.
    qtbot.waitUntil(lambda: result.record.in_words in split.model.about.toolTip(), timeout=10_000)
    assert split.model.header.calibration == result.record


def test_of_noisy_images_the_bias_by_shared_noise_is_told(qtbot, widget):
    result = calibrate(qtbot, widget)
    assert result.record.target == "noisy"
    assert all("uncorrected" in channel.factors for channel in result.channels)
    assert widget.verdict.text().count("is in the input, too") == len(NAMES)
    assert "shared noise ignored" in widget.figures.text()


def test_what_sigma_is_not_is_said_once(qtbot, viewer, widget):
    compare_with_clean(widget, viewer)
    calibrate(qtbot, widget)
    assert widget.verdict.text().count("not the model's own error") == 1
    assert widget.verdict.text().count("not the model's own error") == 1


def test_files_do_as_well_as_layers(qtbot, widget, noisy, clean, tmp_path):
    choose(widget, CLEAN_RECORDED)
    paths = [tmp_path / "clean.tif", tmp_path / "recorded.tif"]
    write_image(paths[0], Image(clean, "CYX", channel_names=NAMES))
    write_image(paths[1], Image(superpose(noisy, (0.5, 0.5)), "YX"))
    for path in paths:  # one source after the other
        widget.open_files([path])
    assert [s.files.paths for s in (widget.data.images.clean, widget.data.images.recorded)] == [
        (path,) for path in paths
    ]
    assert calibrate(qtbot, widget).record.target == "clean"


def test_layers_are_found_by_the_names_of_the_structures_and_refused_in_another_order(
    viewer, widget
):
    clean = widget.data.images.clean.layers.choices
    assert [choice.layer.name for choice in clean] == [f"{name}, clean" for name in NAMES]
    first, second = widget.data.images.noisy.layers.choices
    assert [choice.layer.name for choice in (first, second)] == list(NAMES)
    first.layer, second.layer = layer(viewer, "pits"), layer(viewer, "filaments")
    assert "another order" in widget.panel.hint.text()
    assert not widget.panel.button.isEnabled()


def test_a_calibration_is_judged_on_other_layers_and_says_so(qtbot, viewer, widget, model):
    truth = phantom((96, 128), seed=2)
    for name, data in zip(NAMES, add_noise(truth, gaussian=0.5, seed=2), strict=True):
        viewer.add_image(data, name=f"{name} dish 2")
    widget.data.judge.setChecked(True)
    others = widget.data.others.noisy.layers.choices
    assert [choice.layer.name for choice in others] == [f"{name} dish 2" for name in NAMES]
    result = calibrate(qtbot, widget)
    assert [line.split(" YX")[0] for line in result.record.judged_on] == [
        f"{name} dish 2" for name in NAMES
    ]
    assert result.record.scores[0].n_pixels == result.record.n_pixels == 96 * 128
    assert "Judged on other images" in widget.figures.text()


def test_clean_layers_to_judge_on_are_those_that_are_not_in_use(viewer, widget):
    truth = phantom((96, 128), seed=2)
    for name, data in zip(NAMES, truth, strict=True):
        viewer.add_image(data, name=f"{name} dish 2")
        viewer.add_image(data, name=f"{name} dish 2, clean")
    widget.data.judge.setChecked(True)
    choose(widget, NOISY_CLEAN)
    others = widget.data.others.clean.layers.choices
    assert [choice.layer.name for choice in others] == [f"{name} dish 2, clean" for name in NAMES]
    assert widget.panel.button.isEnabled()


def test_layers_that_come_later_are_found_until_the_user_has_chosen(
    viewer, dock, model, noisy, clean
):
    widget = dock(viewer, CalibrationWidget(viewer))
    widget.open_model(model)
    first, second = widget.data.images.noisy.layers.choices
    for name, data, truth in zip(NAMES, noisy, clean, strict=True):
        viewer.add_image(truth, name=f"{name}, clean")
        viewer.add_image(data, name=name)
    assert (first.layer.name, second.layer.name) == NAMES
    box = second.focusProxy()
    box.setCurrentText("filaments, clean")
    box.activated.emit(box.currentIndex())  # as a user does
    viewer.add_image(noisy[1], name="pits again")
    assert second.layer.name == "filaments, clean"
    assert "in the place of pits" in widget.panel.hint.text()


@pytest.mark.parametrize("kind", [NOISY_CLEAN, NOISY_RECORDED])
def test_a_noisy_layer_is_not_taken_for_a_clean_one_or_a_superposition(
    viewer, dock, model, noisy, kind
):
    widget = dock(viewer, CalibrationWidget(viewer))
    widget.open_model(model)
    for name, data in zip(NAMES, noisy, strict=True):
        viewer.add_image(data, name=name)
    choose(widget, kind)
    assert "chosen in two lists" in widget.panel.hint.text()
    assert not widget.panel.button.isEnabled()


def test_a_stop_is_no_error(qtbot, widget, monkeypatch):
    monkeypatch.setattr(widget.panel, "notify", pytest.fail)
    widget.settings["n_samples"].set_value(2000)
    widget.panel.button.click()
    qtbot.wait(300)
    widget.panel.button.click()
    finish(qtbot, widget)
    assert "was stopped before" in widget.panel.status.text()
    assert widget.panel.button.isEnabled()


def test_the_same_layers_cannot_be_judged_on(viewer, widget):
    widget.data.judge.setChecked(True)
    for choice, name in zip(widget.data.others.noisy.layers.choices, NAMES, strict=True):
        choice.layer = layer(viewer, name)
    assert "is in both sets of images" in widget.panel.hint.text()
    widget.data.judge.setChecked(False)
    assert widget.panel.button.isEnabled()


def test_files_go_to_the_images_to_judge_on_once_the_first_lists_have_theirs(
    qtbot, widget, noisy, tmp_path
):
    widget.data.judge.setChecked(True)
    truth = add_noise(phantom((96, 128), seed=2), gaussian=0.5, seed=2)
    paths = [tmp_path / "first.tif", tmp_path / "second.tif"]
    for path, data in zip(paths, (noisy, truth), strict=True):
        write_image(path, Image(data, "CYX", channel_names=NAMES))
        widget.open_files([path])
    assert widget.data.others.noisy.files.paths == (paths[1],)
    assert calibrate(qtbot, widget).record.judged_on[0].startswith("second")


def test_files_in_another_order_are_refused(qtbot, widget, noisy, tmp_path):
    path = tmp_path / "swapped.tif"
    write_image(path, Image(noisy, "CYX", channel_names=NAMES[::-1]))
    widget.open_files([path])
    widget.panel.button.click()
    finish(qtbot, widget)
    assert "in the order of the model" in widget.panel.status.text()
    assert widget.result is None


def test_a_model_that_is_trained_on_meanwhile_is_not_overwritten(qtbot, widget, viewer, model):
    compare_with_clean(widget, viewer)
    calibrate(qtbot, widget)
    read = load_model(model)
    newer = read.header.model_copy(update={"training": {"history": [], "epoch": 9}})
    save_model(model, replace(read, header=newer))
    widget.saving.save_to(model)
    finish(qtbot, widget)
    assert "was changed since it was calibrated" in widget.panel.status.text()
    assert load_model(model).header == newer
    other = model.with_name("other.denoisplit")
    with locked(other):
        widget.saving.save_to(other)
        finish(qtbot, widget)
    assert "is being written by process" in widget.panel.status.text()
    widget.saving.save_to(other)
    finish(qtbot, widget)
    assert load_model(other).header.calibration == widget.result.record
    assert widget.model.path == other


def test_a_sigma_that_is_not_to_be_used_is_saved_only_if_that_is_meant(
    qtbot, widget, viewer, model, monkeypatch
):
    compare_with_clean(widget, viewer)
    result = calibrate(qtbot, widget)
    assert "do not use" in {channel.verdict.grade for channel in result.channels}  # untrained
    asked = []

    def question(parent, title, text):
        asked.append(text)
        return QMessageBox.StandardButton.No

    monkeypatch.setattr(QMessageBox, "question", question)
    widget.saving.save_button.click()
    assert "do not use" in asked[0]
    assert load_model(model).header.calibration is None


def test_the_table_has_a_row_for_each_bin(qtbot, widget, viewer, tmp_path):
    compare_with_clean(widget, viewer)
    result = calibrate(qtbot, widget)
    widget.saving.save_table_to(tmp_path / "calibration.csv")
    finish(qtbot, widget)
    with (tmp_path / "calibration.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["sigma"] == "before"]
    before = [channel.curves.before for channel in result.channels]
    assert len(rows) == sum(len(curve.rmv) for curve in before)
    assert float(rows[0]["rmse"]) == pytest.approx(before[0].rmse[0])
