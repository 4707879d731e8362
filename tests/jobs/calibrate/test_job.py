from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from tests.quick_training import training_quickly

from napari_denoisplit.checkpoint import Model, load_model, save_model
from napari_denoisplit.errors import CalibrationError, ImageError
from napari_denoisplit.events import Progress, run
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.jobs.calibrate.fields import make_fields
from napari_denoisplit.jobs.calibrate.job import HEADINGS, calibrate_job, rows, write_table
from napari_denoisplit.jobs.calibrate.pixels import draw_field
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.train.job import train_job
from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian
from napari_denoisplit.settings import (
    CalibrateSettings,
    LadderSettings,
    MixSettings,
    SplitSettings,
    TrainSettings,
)

NETWORK = LadderSettings(n_levels=2, n_filters=8, n_latents=4, upsampling="nearest")
TRAINING = TrainSettings(
    network=NETWORK,
    mix=MixSettings(),
    minutes=None,
    steps=100,
    patch_size=32,
    batch_size=4,
    device="cpu",
    precision="float32",
)
SETTINGS = CalibrateSettings(n_samples=10, probe_samples=4, device="cpu", precision="float32")
NAMES = ("filaments", "pits")
SIGMA = 150.0
CAMERA = PoissonGaussian(0.1, 0.0, SIGMA, 0.0, 3000.0)


def exposure(clean, seed) -> np.ndarray:
    return clean + np.random.default_rng(seed).normal(0, SIGMA, clean.shape).astype("f4")


@pytest.fixture(scope="module")
def model() -> Model:
    clean = phantom((160, 160), NAMES, 1)
    fields = TrainingFields((exposure(clean, 0),), NAMES, ("dish 0",))
    with training_quickly():
        return run(train_job(fields, TRAINING, noise_models=(CAMERA, CAMERA))).model


@pytest.fixture(scope="module")
def images() -> TrainingFields:
    clean = phantom((160, 160), NAMES, 2)
    return TrainingFields((exposure(clean, 1),), NAMES, ("dish 1",), clean=(clean,))


@pytest.fixture(scope="module")
def calibrated(model, images):
    return run(calibrate_job(model, images, SETTINGS))


def test_the_mean_squared_error_of_the_rest_is_that_of_sigma(calibrated):
    for channel, score in zip(calibrated.channels, calibrated.record.scores, strict=True):
        after = channel.curves.after[channel.curves.chosen]
        mse, variance = (np.average(a**2, weights=after.counts) for a in (after.rmse, after.rmv))
        assert mse == pytest.approx(variance, rel=0.4)
        assert score.ece_after < 0.4 * score.ece_before
        assert [step.n_samples for step in channel.curves.by_samples] == [2, 5, 10]


def test_the_response_to_noise_is_the_covariance_of_noise_and_prediction(model, images):
    (clean,) = images.clean
    covariance, probed = np.zeros(2), np.zeros(2)
    n = 6
    for seed in range(n):
        noisy = exposure(clean, seed)
        fields = make_fields(TrainingFields((noisy,), NAMES), MixSettings())
        stop = threading.Event()
        drawn = run(draw_field(model, fields[0], (CAMERA, CAMERA), SETTINGS, seed=0, stop=stop))
        mmse = drawn.moments[SETTINGS.n_samples][0]
        covariance += ((noisy - clean) * (mmse - clean)).mean(axis=(1, 2)) / n
        probed += drawn.covariance.mean(axis=(1, 2)) / n
    np.testing.assert_allclose(probed, covariance, rtol=0.15)
    assert probed.min() > 0.005 * SIGMA**2  # there is something to measure


def test_noisy_targets_give_the_factor_of_clean_ones(model, images, calibrated):
    noisy = run(calibrate_job(model, replace(images, clean=None), SETTINGS))
    second = replace(images, fields=(exposure(images.clean[0], 2),), clean=None)
    mixed = images.fields[0].mean(axis=0)
    other = run(calibrate_job(model, second, SETTINGS, superpositions=[mixed]))
    assert (noisy.record.target, other.record.target) == ("noisy", "second_exposure")
    expected = [channel.factors["variance"] for channel in calibrated.channels]
    for result in (noisy, other):
        found = [channel.factors["variance"] for channel in result.channels]
        assert found == pytest.approx(expected, rel=0.1), result.record.target
    assert "uncorrected" in noisy.channels[0].factors
    assert "uncorrected" not in other.channels[0].factors


def test_a_split_with_the_calibrated_model_has_the_sigma_that_was_found(
    calibrated, images, tmp_path
):
    path = tmp_path / "m.denoisplit"
    save_model(path, calibrated.model)
    loaded = load_model(path)
    assert loaded.header.calibration == calibrated.record
    assert calibrated.record.data == ("dish 1",)
    image = Image(images.fields[0].mean(axis=0), "YX")
    settings = SplitSettings(n_samples=10, keep_samples=0, device="cpu", precision="float32")
    split = run(split_job(loaded, image, settings))
    assert split.calibrated
    # The plane and the seed are those of the calibration: its RMSE must be met here.
    error = images.clean[0] - split.mmse.data
    rmse, rmv = (np.sqrt((a**2).mean(axis=(1, 2))) for a in (error, split.sigma.data))
    np.testing.assert_allclose(rmv, rmse, rtol=0.2)


def test_one_of_the_ways_can_be_asked_for(model, images):
    settings = SETTINGS.model_copy(update={"method": "likelihood"})
    result = run(calibrate_job(model, images, settings))
    record = result.record
    # Two samples are too often nearly alike for a likelihood.
    assert [step.n_samples for step in result.channels[0].curves.by_samples] == [5, 10]
    assert [channel.method for channel in record.channels] == ["likelihood"] * 2
    assert not any(channel.spread for channel in record.channels)


def test_other_images_can_be_reported_on(model, images):
    other = TrainingFields((exposure(phantom((160, 160), NAMES, 3), 3),), NAMES, ("dish 2",))
    result = run(calibrate_job(model, images, SETTINGS, report_on=other))
    assert result.record.n_pixels == 160 * 160
    assert result.record.scores[0].n_pixels == 160 * 160
    assert result.record.judged_on == ("dish 2",)


def test_images_are_not_judged_on_that_are_fitted_to_under_whatever_name(model, images):
    first, second = (replace(images, sources=(f"{name} sha256:abc",)) for name in ("a", "b"))
    with pytest.raises(CalibrationError, match="b is given both to fit to"):
        run(calibrate_job(model, first, SETTINGS, report_on=second))


def test_other_images_may_have_a_recorded_superposition(model, images):
    truth = phantom((160, 160), NAMES, 3)
    other = TrainingFields((truth,), NAMES, ("dish 2",), clean=(truth,))
    x = superpose(exposure(truth, 3), (0.5, 0.5))
    job = calibrate_job(model, images, SETTINGS, report_on=other, report_superpositions=[x])
    assert run(job).record.target == "clean"
    wrong = calibrate_job(model, images, SETTINGS, report_on=other, report_superpositions=[x[:80]])
    with pytest.raises(ImageError, match="must show the same fields"):
        run(wrong)


def test_of_an_image_that_the_model_was_trained_on_the_block_kept_aside_is_used(model, images):
    seen = replace(images, sources=("dish 0",))
    record = run(calibrate_job(model, seen, SETTINGS)).record
    assert record.n_pixels < 160 * 160 / 5  # the block kept for validation
    unknown = model.header.model_copy(update={"provenance": {"sources": ["dish 0"]}})
    with pytest.raises(CalibrationError, match="left out"):
        run(calibrate_job(replace(model, header=unknown), seen, SETTINGS))


def test_another_number_of_channels_is_refused_with_the_names(model):
    three = TrainingFields((np.zeros((3, 64, 64)),), ("a", "b", "c"))
    with pytest.raises(CalibrationError, match=r"3 channels \(a, b, c\).*filaments, pits"):
        run(calibrate_job(model, three, SETTINGS))


def test_a_stop_keeps_the_images_that_are_complete(model, images):
    two = TrainingFields(images.fields * 2, NAMES, clean=images.clean * 2)
    stop = threading.Event()

    def stop_in_the_second(event):
        if isinstance(event, Progress) and event.done > 0.5:
            stop.set()

    result = run(calibrate_job(model, two, SETTINGS, stop=stop), stop_in_the_second)
    assert result.stopped_early
    assert result.record.n_pixels < 160 * 160 / 2
    with pytest.raises(CalibrationError, match="stopped before"):
        run(calibrate_job(model, two, SETTINGS, stop=stop))


def test_the_table_holds_every_point_of_the_diagrams(calibrated, tmp_path):
    write_table(tmp_path / "points.csv", calibrated)
    lines = (tmp_path / "points.csv").read_text().splitlines()
    assert lines[0] == ",".join(HEADINGS)
    curves_of_a_channel = 1 + 3 + 2  # before, three ways, fewer samples
    assert len(lines) - 1 == len(rows(calibrated)) == 2 * curves_of_a_channel * SETTINGS.n_bins
