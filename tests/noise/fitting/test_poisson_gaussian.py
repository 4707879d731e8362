from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.fitting.poisson_gaussian import poisson_gaussian_on_line
from napari_denoisplit.noise.fitting.sample import FitSample
from napari_denoisplit.noise.pairs.line import NoiseLine


def pairs(rng, gain, offset, read_noise, n=60_000, photons=100.0):
    signal = offset + gain * photons * rng.uniform(0, 1, n)
    counts = rng.poisson((signal - offset) / gain)
    return signal, offset + gain * counts + read_noise * rng.normal(size=n)


def fit_poisson_gaussian(signal, observation):
    sample = FitSample.draw(signal, observation)
    return poisson_gaussian_on_line(sample.line(), sample)


@pytest.mark.parametrize(("gain", "offset", "read_noise"), [(57.0, 300.0, 0.0), (0.5, 0.0, 3.0)])
def test_a_camera_is_found_again(gain, offset, read_noise, rng):
    model = fit_poisson_gaussian(*pairs(rng, gain, offset, read_noise))
    assert model.gain == pytest.approx(gain, rel=0.08)
    assert model.offset == pytest.approx(offset, abs=gain)
    assert model.read_noise == pytest.approx(read_noise, rel=0.05, abs=0.2 * gain)


def test_the_variance_is_found_where_offset_and_read_noise_look_alike(rng):
    signal, observation = pairs(rng, 2.0, 100.0, 10.0, photons=3000.0)
    model = fit_poisson_gaussian(signal, observation)
    for level in (200.0, 1000.0, 5000.0):
        variance = model.gain * (level - model.offset) + model.read_noise**2
        assert variance == pytest.approx(2.0 * (level - 100) + 100, rel=0.08)


def test_the_smallest_read_noise_makes_a_line_that_nothing_else_tells(rng):
    """Of many photons no form tells where the light begins."""
    for intercept, offset, read_noise in ((-600.0, 300.0, 0.0), (900.0, 0.0, 30.0)):
        signal = rng.uniform(20_000, 90_000, 60_000)
        noise = np.sqrt(2.0 * signal + intercept) * rng.normal(size=len(signal))
        sample = FitSample.draw(signal, signal + noise)
        nothing = np.array([20_000.0])
        line = NoiseLine(2.0, intercept, 20_000.0, (20_000.0, 90_000.0), nothing, nothing)
        model = poisson_gaussian_on_line(line, sample)
        assert (model.gain, model.offset, model.read_noise) == (
            2.0,
            pytest.approx(offset),
            pytest.approx(read_noise),
        )


def test_pulses_of_unequal_height_keep_their_variance(rng):
    """An analog photomultiplier: the form of the noise is no camera's, its variance is."""
    signal = rng.uniform(2, 60, 200_000)
    observation = rng.gamma(np.maximum(rng.poisson(signal / 10), 1e-9), 10.0)
    model = fit_poisson_gaussian(signal, observation)
    for level in (5.0, 20.0, 50.0):
        variance = float(model.variance(torch.tensor(level)))
        assert variance == pytest.approx(20 * level, rel=0.15)


def test_a_camera_without_light_is_all_read_noise(rng):
    """Where the line leaves no variance in the dark, some is kept."""
    line = NoiseLine(2.0, -700.0, 1.0, (300.0, 900.0), np.array([300.0]), np.array([2.0]))
    signal = rng.uniform(300, 900, 5000)
    noise = np.sqrt(line.variance(signal)) * rng.normal(size=len(signal))
    model = poisson_gaussian_on_line(line, FitSample.draw(signal, signal + noise))
    assert model.offset == 300.0
    assert model.read_noise == 1.0


def test_pairs_that_tell_nothing_are_refused(rng):
    signal, observation = pairs(rng, 1.0, 0.0, 1.0, n=5000)
    with pytest.raises(NoiseModelError, match="equal"):
        fit_poisson_gaussian(signal, signal)
    with pytest.raises(NoiseModelError, match="too few"):
        fit_poisson_gaussian(signal[:50], observation[:50])
    with pytest.raises(NoiseModelError, match="everywhere"):
        fit_poisson_gaussian(np.full(5000, 3.0), observation)
    with pytest.raises(NoiseModelError, match="each observed"):
        fit_poisson_gaussian(signal[:7], observation)
