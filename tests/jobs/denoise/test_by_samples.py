from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from napari_denoisplit.checkpoint import load_model, read_header, save_model
from napari_denoisplit.errors import ImageError, ModelFileError, TrainingError
from napari_denoisplit.events import Stage, run
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.jobs.calibrate.job import calibrate_job
from napari_denoisplit.jobs.denoise.by_samples import denoise_by_samples_job
from napari_denoisplit.jobs.denoise.job import denoise_job, train_settings
from napari_denoisplit.measures.separation import KEY
from napari_denoisplit.noise.models.correlated import CorrelatedNoise
from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian
from napari_denoisplit.settings import CalibrateSettings, DenoiseSettings, DenoisingUNetSettings

TINY = DenoiseSettings(
    method="divnoising", minutes=None, steps=4, n_samples=4, patch_size=32, batch_size=2,
    device="cpu", precision="float32",
)  # fmt: skip


@pytest.fixture(scope="module")
def clean():
    return phantom((96, 112), ("filaments",))[0]


@pytest.fixture(scope="module")
def noisy(clean) -> Image:
    noise = np.random.default_rng(0).normal(0, 0.3 * clean.std(), clean.shape)
    data = (clean + noise).astype(np.float32)
    return Image(data, "YX", {"X": 0.2, "Y": 0.2}, name="cells")


@pytest.fixture(scope="module")
def known(clean) -> PoissonGaussian:
    """The noise as it is, so that nothing has to be fitted."""
    low, high = float(clean.min()), float(clean.max())
    return PoissonGaussian(1e-6, low - 1, 0.3 * float(clean.std()), low, high)


def test_divnoising_learns_the_structure_within_few_steps(clean, noisy, known):
    settings = TINY.model_copy(update={"steps": 100, "batch_size": 8})
    (split,) = run(denoise_by_samples_job([noisy], settings, noise_model=known))
    assert np.corrcoef(split.mmse.data.ravel(), clean.ravel())[0, 1] > 0.8
    assert (split.sigma.data > 0).all()
    assert split.structures == ("denoised",)
    assert split.pixel_size == {"X": 0.2, "Y": 0.2}


def test_the_network_is_kept_applied_and_calibrated(noisy, known, clean, tmp_path):
    path, events = tmp_path / "m.denoisplit", []
    (first,) = run(denoise_by_samples_job([noisy], TINY, path=path, noise_model=known))
    (again,) = run(denoise_by_samples_job([noisy], TINY, path=path), events.append)
    assert any("nothing is learned" in e.text for e in events if isinstance(e, Stage))
    np.testing.assert_array_equal(first.mmse.data, again.mmse.data)
    other = clean + np.random.default_rng(1).normal(0, clean.std(), clean.shape)
    fields = TrainingFields((other[None],), ("denoised",), clean=(clean[None],))
    settings = CalibrateSettings(n_samples=5, device="cpu", precision="float32")
    calibrated = run(calibrate_job(path, fields, settings))
    assert len(calibrated.model.header.calibration.channels) == 1
    run(denoise_by_samples_job([noisy], TINY, path=path, resume=True))
    assert read_header(path).training["steps"] == 8


def test_images_of_different_sizes_and_a_stack_are_learned_from_together(noisy, known):
    other = Image(np.stack([noisy.data[:80, :90]] * 2), "ZYX", name="stack")
    splits = run(denoise_by_samples_job([noisy, other], TINY, noise_model=known))
    assert [split.mmse.shape for split in splits] == [(1, 96, 112), (1, 2, 80, 90)]


def test_a_blank_result_is_told(noisy, known):
    events = []
    (split,) = run(denoise_by_samples_job([noisy], TINY, noise_model=known), events.append)
    (note,) = (note for note in split.notes if "blank" in note)
    assert note in [event.text for event in events if isinstance(event, Stage)]


def test_a_network_that_gives_no_number_is_told_and_not_taken_for_one_that_had_no_time(
    noisy, known, tmp_path
):
    path = tmp_path / "cells.denoisplit"
    run(denoise_by_samples_job([noisy], TINY, path=path, noise_model=known))
    model = load_model(path)
    with torch.no_grad():
        for weight in model.network.parameters():
            weight.mul_(1e9)
    save_model(path, model)
    (split,) = run(denoise_by_samples_job([noisy], TINY, path=path))
    assert not np.isfinite(split.mmse.data).any()
    (note,) = [note for note in split.notes if "NaN or infinite" in note]
    assert "lower learning rate" in note
    assert not any("let it run longer" in note for note in split.notes)


def test_an_image_is_not_strange_to_the_network_that_learned_from_it(rng, known):
    one_side = phantom((256, 256), ("filaments",))[0] * (np.arange(256) < 64)
    image = Image((one_side + rng.normal(0, 0.3 * one_side.std(), (256, 256))).astype("f4"), "YX")
    (split,) = run(denoise_by_samples_job([image], TINY, noise_model=known))
    assert not [note for note in split.notes if "does not look like" in note]


def test_contrast_is_not_judged_where_noise_looks_like_it(noisy, known, tmp_path):
    weights = ((0.0,) * 3, (0.5, 0.0, 0.0))
    numbers = (known.gain, known.offset, known.read_noise, *known.signal_range)
    rows = CorrelatedNoise(*numbers, weights, 0.87, along_both=False)
    for noise_model, name in ((known, "plain"), (rows, "rows")):
        path = tmp_path / f"{name}.denoisplit"
        run(denoise_by_samples_job([noisy], TINY, path=path, noise_model=noise_model))
        assert (KEY in read_header(path).training) == (name == "plain")


def test_stopped_in_training_it_draws_samples_by_the_network_as_it_is(noisy, known):
    stop = threading.Event()
    settings = TINY.model_copy(update={"steps": 10_000})

    def after_a_step(event):
        if "loss" in getattr(event, "text", ""):
            stop.set()

    job = denoise_by_samples_job([noisy], settings, noise_model=known, stop=stop)
    (split,) = run(job, after_a_step)
    assert split.n_samples == 4


def test_hdn_is_trained_as_the_settings_say():
    settings = DenoiseSettings(method="hdn", levels_off=2)
    training = train_settings(settings)
    assert training.network.n_levels == 6
    assert training.network.levels_off == (0, 1)
    assert (training.optimizer, training.learning_rate) == ("adamax", 4e-3)
    with pytest.raises(ValueError, match="no levels to switch off"):
        DenoiseSettings(levels_off=1)


def test_what_cannot_be_denoised_by_samples_is_refused(noisy, tmp_path):
    two = Image(np.stack([noisy.data] * 2), "CYX", name="two")
    with pytest.raises(ImageError, match="2 channels, and 'divnoising' denoises one"):
        run(denoise_by_samples_job([two], TINY))
    plain = TINY.model_copy(update={"method": "noise2void"})
    with pytest.raises(TrainingError, match="draws no samples"):
        run(denoise_by_samples_job([noisy], plain))
    with pytest.raises(TrainingError, match="denoises by samples"):
        run(denoise_job([noisy.data], TINY))
    path = tmp_path / "n2v.denoisplit"
    run(denoise_job([noisy.data], plain, path=path))
    assert load_model(path).header.network == DenoisingUNetSettings()
    with pytest.raises(ModelFileError, match="does not draw samples of one channel"):
        run(denoise_by_samples_job([noisy], TINY, path=path))
