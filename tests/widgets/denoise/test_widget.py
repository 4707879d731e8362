"""The Denoise widget, with a network that learns for a few steps."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from tests.stand_in import stand_in
from tests.widgets.conftest import layer

from napari_denoisplit.checkpoint import read_header
from napari_denoisplit.images.layer_record import MMSE, SIGMA
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.noise.files.noise_file import write_noise_model
from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian
from napari_denoisplit.verdict import Verdict
from napari_denoisplit.widgets.denoise.widget import DenoiseWidget
from napari_denoisplit.widgets.layers.found import find_results


@pytest.fixture(scope="module")
def noisy():
    clean, rng = phantom((64, 96), ("filaments",))[0], np.random.default_rng(20240311)
    return (clean + rng.normal(0, 0.5 * clean.std(), clean.shape)).astype(np.float32)


@pytest.fixture
def widget(viewer, noisy, dock):
    viewer.add_image(noisy, name="cells", scale=(0.5, 0.25), translate=(3, 4), units=("um", "um"))
    widget = dock(viewer, DenoiseWidget(viewer))
    for name, value in {"steps": 25, "patch_size": 32, "batch_size": 4}.items():
        widget.more[name].set_value(value)
    widget.more["learning_rate"].set_value(4e-3)
    return widget


def denoise(qtbot, widget):
    """Press the big button and wait for the end."""
    widget.panel.button.click()
    qtbot.waitUntil(lambda: not widget.panel.is_busy, timeout=20_000)


def test_the_result_lies_where_the_layer_lies(qtbot, viewer, widget, noisy):
    denoise(qtbot, widget)
    before, after = layer(viewer, "cells"), layer(viewer, "cells denoised")
    assert after.data.shape == noisy.shape
    assert tuple(after.scale) == tuple(before.scale)
    assert tuple(after.translate) == tuple(before.translate)
    assert after.units == before.units
    assert not before.visible


def test_the_verdict_is_shown_and_the_origin_kept(qtbot, viewer, widget, monkeypatch):
    # What 25 steps deserve hangs on the last digits of sums, and so on the threads.
    def judge_denoised(noisy, denoised, *, correlation=None, most_correlation=0.2):
        return Verdict(grade="usable", reasons=("Structure was removed, as judged.",))

    stand_in(monkeypatch, "jobs.denoise.job", judge_denoised)
    denoise(qtbot, widget)
    assert "Verdict: usable: Structure was removed, as judged" in widget.panel.status.text()
    origin = layer(viewer, "cells denoised").metadata["denoisplit"]
    assert origin["learned from"] == ["cells"]
    assert origin["steps"] == {"channel 1": 25}


def test_a_blank_result_is_told_and_not_shown(qtbot, viewer, widget):
    widget.more["steps"].set_value(1)
    denoise(qtbot, widget)
    assert "do not use" in widget.panel.status.text()
    assert [one.name for one in viewer.layers] == ["cells"]


def test_channels_of_a_file_become_layers(qtbot, viewer, widget, noisy, tmp_path):
    path = tmp_path / "two.ome.tif"
    names = {"Channel": {"Name": ["actin", "nuclei"]}}
    tifffile.imwrite(path, np.stack([noisy, 2 * noisy]), metadata={"axes": "CYX"} | names)
    widget.source.add_files([path])
    denoise(qtbot, widget)
    shown = [one.name for one in viewer.layers if one.visible]
    assert [name for name in shown if "denoised" in name] == [
        "two denoised actin",
        "two denoised nuclei",
    ]


@pytest.mark.parametrize("chosen", [("channel 2",), ("channel 1", "channel 3")])
def test_the_channels_that_are_chosen_of_a_layer_are_denoised(qtbot, viewer, widget, noisy, chosen):
    stack = np.stack([k * noisy for k in (1, 2, 3)])
    viewer.add_image(stack, name="three", axis_labels=("c", "y", "x"), scale=(1, 0.5, 0.5))
    widget.source.layer.layer = viewer.layers["three"]
    widget.source.channel_choice.check(*chosen)
    denoise(qtbot, widget)
    result = layer(viewer, "three denoised")
    assert result.data.shape == (noisy.shape if len(chosen) == 1 else (2, *noisy.shape))
    assert tuple(result.scale[-2:]) == (0.5, 0.5)


def test_the_axes_of_the_layer_stay_in_their_order(qtbot, viewer, widget, noisy):
    stack = np.stack([noisy, noisy, noisy])
    viewer.add_image(stack, name="film", axis_labels=("time", "y", "x"))
    widget.source.layer.layer = viewer.layers["film"]
    denoise(qtbot, widget)
    result = layer(viewer, "film denoised")
    assert result.data.shape == stack.shape
    assert tuple(result.axis_labels) == ("time", "y", "x")


def test_a_noise_model_serves_the_methods_that_draw_samples(qtbot, viewer, widget, tmp_path):
    camera, kept = tmp_path / "camera.json", tmp_path / "kept.denoisplit"
    write_noise_model(camera, PoissonGaussian(1.0, 0.0, 5.0, 0.0, 1e4))
    widget.noise_model.set_path(camera)
    assert "Noise2Void needs no noise model" in widget.problem
    assert not widget.panel.button.isEnabled()
    widget.settings["method"].set_value("divnoising")
    assert widget.problem == ""
    for name, value in {"steps": 4, "batch_size": 2, "n_samples": 2}.items():
        widget.more[name].set_value(value)
    widget.model.set_path(kept)
    denoise(qtbot, widget)
    assert [values["kind"] for values in read_header(kept).noise_models] == ["poisson_gaussian"]


def test_by_samples_a_split_of_one_structure_is_shown_and_its_network_kept(
    qtbot, viewer, widget, tmp_path
):
    said = widget.what.text()
    widget.settings["method"].set_value("divnoising")
    assert widget.what.text() != said
    assert "uncertainty" in widget.what.text()
    for name, value in {"steps": 4, "batch_size": 2, "n_samples": 2}.items():
        widget.more[name].set_value(value)
    widget.model.edit.setText(str(tmp_path / "kept.denoisplit"))
    denoise(qtbot, widget)
    kinds = [one.metadata["denoisplit"]["kind"] for one in viewer.layers if one.name != "cells"]
    assert {MMSE, SIGMA} <= set(kinds)
    (found,) = find_results(viewer.layers, MMSE)
    assert found.name.startswith("cells")
    assert (tmp_path / "kept.denoisplit").exists()
