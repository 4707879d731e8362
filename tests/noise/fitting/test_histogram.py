from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.fitting.histogram import fit_histogram


def pairs(rng, n, *, whole=True):
    signal = 20 + 180 * rng.beta(1, 3, n)
    observation = rng.normal(signal, np.sqrt(10 + signal))
    return signal, np.rint(observation) if whole else observation


def exact_nll(signal, observation):
    variance = 10 + signal
    return np.mean(
        0.5 * (observation - signal) ** 2 / variance + 0.5 * np.log(2 * np.pi * variance)
    )


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(("n", "nats"), [(400_000, 0.003), (20_000, 0.02)])
def test_held_out_likelihood_is_near_that_of_the_truth(n, nats, whole, rng):
    model = fit_histogram(*pairs(rng, n, whole=whole))
    signal, observation = pairs(rng, 100_000, whole=whole)
    nll = -model.log_likelihood(torch.from_numpy(observation), torch.from_numpy(signal)).mean()
    assert nll.item() - exact_nll(signal, observation) < nats


def test_the_variance_is_that_of_the_noise(rng):
    model = fit_histogram(*pairs(rng, 400_000))
    signal = torch.tensor([40.0, 80.0, 120.0])
    torch.testing.assert_close(model.mean(signal), signal, rtol=0, atol=0.5)
    torch.testing.assert_close(model.variance(signal), 10 + signal, rtol=0.05, atol=0)


def test_whole_grey_levels_fill_whole_bins(rng):
    signal, observation = pairs(rng, 50_000)
    model = fit_histogram(4 * signal, 4 * observation, n_bins=256)
    assert model.width == int(model.width)
    assert model.low % 1 == 0.5
    assert model.n_bins <= 256


def test_pairs_that_tell_nothing_are_refused(rng):
    signal, observation = pairs(rng, 5000)
    with pytest.raises(NoiseModelError, match="equal"):
        fit_histogram(signal, signal)
    with pytest.raises(NoiseModelError, match="too few"):
        fit_histogram(signal[:50], observation[:50])
    with pytest.raises(NoiseModelError, match="everywhere"):
        fit_histogram(np.full(5000, 3.0), observation)
