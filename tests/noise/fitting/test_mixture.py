from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.fitting.mixture import fit_gaussian_mixture, fit_rounds
from napari_denoisplit.noise.fitting.sample import FitSample


def camera(shape=(400, 500), gain: float = 5.0, read_noise: float = 8.0, seed: int = 0):
    """Signal with few bright pixels, and its Poisson-Gaussian observation."""
    rng = np.random.default_rng(seed)
    signal = 100 + rng.gamma(1.0, 300, shape)
    photons = rng.poisson((signal - 100) / gain)
    return signal, 100 + gain * photons + rng.normal(0, read_noise, shape)


@pytest.mark.parametrize(("k", "n"), [(1, 2), (3, 2), (3, 3), (6, 4)])
def test_variance_of_a_camera_is_recovered_from_dark_to_bright(k, n):
    signal, observation = camera()
    model = fit_gaussian_mixture(signal, observation, k, n)
    s = torch.tensor([120.0, 200.0, 500.0, 1000.0, 2000.0])
    assert (model.n_gaussians, model.n_coefficients) == (k, n)
    torch.testing.assert_close(model.variance(s), 5 * (s - 100) + 64, rtol=0.12, atol=0)


def test_same_seed_gives_the_same_model():
    signal, observation = camera()
    first, second = (fit_gaussian_mixture(signal, observation, seed=3) for _ in range(2))
    assert first.to_dict() == second.to_dict()


def test_more_gaussians_describe_skewed_noise_better():
    rng = np.random.default_rng(0)
    signal = rng.uniform(100, 200, 100_000)
    observation = signal + 20 * (rng.exponential(size=signal.size) - 1)
    sample = FitSample.draw(signal, observation)
    single, several = ([value for _, value in fit_rounds(sample, k, 2)] for k in (1, 3))
    entropy = 1 + np.log(20)  # the best that any model can reach
    assert min(several) < min(single) - 0.15
    assert min(several) > entropy - 0.02
    assert min(several) < several[0]


def test_the_best_round_is_kept():
    signal, observation = camera()
    sample = FitSample.draw(signal, observation)
    *_, (model, _) = rounds = list(fit_rounds(sample, 3, 3))
    x, s = torch.from_numpy(sample.held_observation), torch.from_numpy(sample.held_signal)
    nll = -model.log_likelihood(x, s).mean().item()
    assert nll == pytest.approx(min(value for _, value in rounds), abs=1e-4)


def test_hot_pixels_and_missing_numbers_do_no_harm():
    signal, observation = camera()
    observation.flat[::1000] = 60_000
    observation.flat[7::1000] = np.nan
    model = fit_gaussian_mixture(signal, observation, 3)
    s = torch.tensor([200.0, 1000.0])
    log_p = model.log_likelihood(s, s)
    clean = fit_gaussian_mixture(*camera(), 3).log_likelihood(s, s)
    torch.testing.assert_close(log_p, clean, rtol=0.02, atol=0)


def test_a_mean_image_serves_a_stack_of_repeats():
    rng = np.random.default_rng(0)
    signal = rng.uniform(50, 150, (64, 64)).astype(np.float32)
    stack = signal + rng.normal(0, 6, (10, 64, 64)).astype(np.float32)
    model = fit_gaussian_mixture(signal, stack, 1)
    assert model.variance(torch.tensor(100.0)).item() == pytest.approx(36, rel=0.05)


def test_rounded_values_are_not_what_is_modelled():
    rng = np.random.default_rng(0)
    signal = rng.integers(20, 40, 100_000).astype(np.uint8)
    observation = (signal + rng.normal(0, 1, signal.size)).round().astype(np.uint8)
    model = fit_gaussian_mixture(signal, observation, 3)
    x = torch.tensor([28.5, 29.0, 29.5, 30.0, 30.5, 31.0])
    variance = 1 + 2 / 12
    expected = -0.5 * ((x - 30) ** 2 / variance + np.log(2 * np.pi * variance))
    log_p = model.log_likelihood(x, torch.full_like(x, 30.0))
    torch.testing.assert_close(log_p, expected, rtol=0, atol=0.025)


def test_saturation_does_not_bend_the_variance():
    signal, observation = camera()
    model = fit_gaussian_mixture(signal, observation.clip(max=800), 1)
    s = torch.tensor([150.0, 400.0, 600.0])
    torch.testing.assert_close(model.variance(s), 5 * (s - 100) + 64, rtol=0.07, atol=0)
    assert model.signal_range[1] < 800


@pytest.mark.parametrize(
    ("signal", "observation", "says"),
    [
        (np.ones(1000), np.arange(1000.0), "everywhere"),
        (np.arange(1000.0), np.arange(1000.0) + 0.0, "no noise"),
        (np.arange(10.0), np.arange(10.0), "too few"),
        (np.full(1000, np.nan), np.arange(1000.0), "too few"),
        (np.zeros((3, 5)), np.zeros((5, 3)), "does not fit"),
    ],
)
def test_pairs_without_a_noise_model_are_refused(signal, observation, says):
    with pytest.raises(NoiseModelError, match=says):
        fit_gaussian_mixture(signal, observation)


def test_an_empty_model_is_refused():
    with pytest.raises(NoiseModelError, match="0 Gaussians"):
        fit_gaussian_mixture(*camera(), 0)
