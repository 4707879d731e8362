"""From channels to a split through both widgets, with the real jobs."""

from __future__ import annotations

import numpy as np
from tests.widgets.conftest import layer

from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.phantom.synthetic_noise import add_noise
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.widgets import BatchWidget, NoiseWidget, SplitWidget, TrainWidget


def test_a_model_is_trained_and_used(qtbot, viewer, dock, tmp_path, monkeypatch):
    noisy = add_noise(phantom((160, 160), seed=1), gaussian=0.5, seed=1)
    for name, data in zip(("filaments", "pits"), noisy, strict=True):
        viewer.add_image(data, name=name)
    train = dock(viewer, TrainWidget(viewer))
    train.choices.how["preset"].set_value("tiny")
    train.choices.how["minutes"].set_value(0.02)
    train.choices.more["patch_size"].set_value(32)
    train.choices.more["batch_size"].set_value(2)
    train.target.save.set_path(tmp_path / "phantom.denoisplit")
    train.panel.button.click()
    qtbot.waitUntil(lambda: not train.panel.is_running, timeout=60_000)
    assert "is kept" in train.panel.status.text()
    assert "preview pits · phantom" in viewer.layers

    split = dock(viewer, SplitWidget(viewer))
    viewer.add_image(superpose(noisy, (0.5, 0.5)), name="cells")
    monkeypatch.setattr(train, "_open_page", {"Split": split}.get)
    train.split_button.click()
    assert split.model.path == tmp_path / "phantom.denoisplit"
    assert "filaments and pits" in split.model.about.text()
    assert split.source.layer.layer is layer(viewer, "cells")  # not an image of the training
    split.settings["n_samples"].set_value(3)
    split.panel.button.click()
    qtbot.waitUntil(lambda: not (split.is_busy or split.panel.is_running), timeout=60_000)
    assert "3 answers" in split.panel.status.text()
    samples = layer(viewer, "pits answers · cells").data
    mmse = layer(viewer, "pits · cells")
    np.testing.assert_allclose(samples.mean(0), mmse.data, rtol=1e-3)
    assert mmse.metadata["denoisplit"]["model"] == "phantom.denoisplit"
    assert layer(viewer, "pits spread · cells").data.max() > 0


def test_a_noise_model_is_fitted_saved_loaded_compared_and_handed_over(
    qtbot, viewer, dock, tmp_path, rng
):
    clean = phantom((96, 96), seed=1)[0]
    photons = rng.poisson(clean / clean.max() * 60, (8, 96, 96))
    viewer.add_image(100 + 4 * photons + rng.normal(0, 6, photons.shape), name="beads")
    widget = dock(viewer, NoiseWidget(viewer))
    widget.settings["kind"].set_value("poisson_gaussian")
    widget.panel.button.click()
    qtbot.waitUntil(lambda: not widget.panel.is_running, timeout=60_000)
    fitted = widget.shelf.current
    assert fitted is not None, widget.panel.status.text()
    assert abs(fitted.known.numbers["gain"] - 4) < 0.6
    widget.jobs.save(tmp_path / "camera.npz")
    qtbot.waitUntil(lambda: not widget.panel.is_running, timeout=10_000)

    widget.open_files([tmp_path / "camera.npz"])
    qtbot.waitUntil(lambda: not widget.panel.is_running, timeout=10_000)
    widget.shelf.other_box.setCurrentIndex(1)
    loaded, saved = widget.shelf.shown
    assert loaded.judged.curves.nll == saved.judged.curves.nll
    assert loaded.known.record == fitted.known.record

    train = dock(viewer, TrainWidget(viewer))
    train.take_noise_model(fitted.known)
    assert train.choices.noise_models() == (fitted.known.model,)
    assert fitted.known.record.verdict.headline in train.choices.noise.about.text()


def test_a_folder_with_bad_files_is_split_mended_and_looked_at(
    qtbot, viewer, dock, tmp_path, rng, small_model
):
    pixels = rng.normal(size=(3, 24, 24)).astype(np.float32)
    for name, image in (("a", Image(pixels[0], "YX")), ("b", Image(pixels, "CYX"))):
        write_image(tmp_path / "plate" / f"{name}.tif", image)
    (tmp_path / "plate" / "c.tif").write_bytes(b"no image")

    widget = dock(viewer, BatchWidget(viewer))

    def shown_after(action):
        action()
        qtbot.waitUntil(lambda: not (widget.is_busy or widget.panel.is_running), timeout=60_000)
        return [row.status for row in widget.files.rows]

    assert (
        shown_after(lambda: widget.open_files([small_model, tmp_path / "plate"])) == ["waiting"] * 3
    )
    widget.settings["n_samples"].set_value(2)
    assert shown_after(widget.panel.button.click) == ["done", "failed", "failed"]
    assert "1 split, 2 failed" in widget.panel.status.text()
    write_image(tmp_path / "plate" / "c.tif", Image(pixels[1], "YX"))
    assert shown_after(widget.retry_button.click) == ["done", "failed", "done"]
    assert shown_after(widget.panel.button.click) == ["skipped", "failed", "skipped"]
    widget.table.select(2)
    widget.open_button.click()
    qtbot.waitUntil(lambda: len(viewer.layers) == 4, timeout=10_000)
    assert layer(viewer, "actin · c").metadata["denoisplit"]["model"] == "small.denoisplit"
