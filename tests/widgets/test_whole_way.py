"""From channels to a split through both widgets, with the real jobs."""

from __future__ import annotations

import numpy as np
from tests.widgets.conftest import layer

from napari_denoisplit.images.phantoms import phantom
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.images.synthetic_noise import add_noise
from napari_denoisplit.widgets import SplitWidget, TrainWidget


def test_a_model_is_trained_and_used(qtbot, viewer, dock, tmp_path):
    noisy = add_noise(phantom((160, 160), seed=1), gaussian=0.5, seed=1)
    for name, data in zip(("filaments", "pits"), noisy, strict=True):
        viewer.add_image(data, name=name)
    train = dock(viewer, TrainWidget(viewer))
    train.choices.how["preset"].set_value("tiny")
    train.choices.how["minutes"].set_value(0.05)
    train.choices.more["patch_size"].set_value(32)
    train.choices.more["batch_size"].set_value(2)
    train.target.save.set_path(tmp_path / "phantom.denoisplit")
    train.panel.button.click()
    qtbot.waitUntil(lambda: not train.panel.is_running, timeout=60_000)
    assert "is kept" in train.panel.status.text()
    assert "phantom · preview · pits · MMSE" in viewer.layers

    viewer.add_image(superpose(noisy, (0.5, 0.5)), name="cells")
    split = dock(viewer, SplitWidget(viewer))
    split.open_model(tmp_path / "phantom.denoisplit")
    assert "filaments and pits" in split.model.about.text()
    split.source.layer.layer = layer(viewer, "cells")
    split.settings["n_samples"].set_value(3)
    split.panel.button.click()
    qtbot.waitUntil(lambda: not (split.is_busy or split.panel.is_running), timeout=60_000)
    assert "3 samples" in split.panel.status.text()
    samples = layer(viewer, "cells · pits · samples").data
    mmse = layer(viewer, "cells · pits · MMSE")
    np.testing.assert_allclose(samples.mean(0), mmse.data, rtol=1e-3)
    assert mmse.metadata["denoisplit"]["model"] == "phantom.denoisplit"
    assert layer(viewer, "cells · pits · sigma (uncalibrated)").data.max() > 0
