from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_denoisplit.events import Stage, run
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.jobs.train.channel_noise import channel_noise_job

SIGMA = (40.0, 90.0)


def exposures(n: int) -> TrainingFields:
    """Exposures of one phantom whose channels have noise of different strength."""
    clean = phantom((160, 160), seed=1)
    rng = np.random.default_rng(0)
    sigma = np.array(SIGMA)[:, None, None]
    noisy = tuple((clean + rng.normal(size=clean.shape) * sigma).astype("f4") for _ in range(n))
    return TrainingFields(noisy, ("filaments", "pits"), clean=(clean,) * n)


def everywhere(fields: TrainingFields) -> tuple[np.ndarray, ...]:
    return tuple(np.ones(field.shape[1:], bool) for field in fields.fields)


@pytest.mark.parametrize(
    ("fields", "source"),
    [
        (exposures(1), "pairs"),
        (replace(exposures(4), clean=None, repeats=4), "repeats"),
        (replace(exposures(1), clean=None), "single"),
    ],
)
def test_the_best_source_there_is_gives_the_noise_of_each_channel(fields, source):
    models = run(channel_noise_job(fields, everywhere(fields)))
    for model, sigma, name in zip(models, SIGMA, fields.channel_names, strict=True):
        assert (model.record.source, model.record.name) == (source, name)
        found = float(model.variance(torch.tensor([1000.0])).sqrt())
        assert found == pytest.approx(sigma, rel=0.12)


def test_pixels_that_training_may_not_see_are_not_fitted_to():
    fields = exposures(1)
    half = np.ones((160, 160), bool)
    half[:, 80:] = False
    fields.fields[0][:, :, 80:] += 5000 * np.random.default_rng(1).normal(size=(160, 80))
    models = run(channel_noise_job(fields, (half,)))
    assert float(models[0].variance(torch.tensor([1000.0])).sqrt()) < 2 * SIGMA[0]


def test_a_blank_field_is_passed_over():
    good = replace(exposures(1), clean=None)
    blank = np.full_like(good.fields[0], 7)
    fields = replace(good, fields=(blank, *good.fields))
    assert len(run(channel_noise_job(fields, everywhere(fields)))) == 2


def test_the_verdict_on_every_channel_is_told():
    fields, told = exposures(1), []
    run(channel_noise_job(fields, everywhere(fields)), told.append)
    stages = [event.text for event in told if isinstance(event, Stage)]
    for name in fields.channel_names:
        assert any(text.startswith(f"Noise model of {name}: ") for text in stages)
