from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal

from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.nn.likelihood import (
    ChannelScale,
    GaussianLikelihood,
    NoiseModelLikelihood,
)
from napari_denoisplit.nn.sampler import Prediction
from napari_denoisplit.noise.models.gaussian_mixture import GaussianMixture

NORMALIZATION = Normalization(
    input_mean=100, input_std=20, channel_means=(90.0, 300.0), channel_stds=(10.0, 40.0)
)


def constant_noise(sigma: float) -> GaussianMixture:
    return GaussianMixture(torch.tensor([[0.0], [2 * math.log(sigma)], [0.0]]), 0.0, 1000.0, 1e-6)


@pytest.fixture
def channels() -> torch.Tensor:
    torch.manual_seed(0)
    scale = ChannelScale(NORMALIZATION)
    return scale.in_image_units(torch.randn(2, 2, 5, 6))


def test_normalizing_and_back_restores_the_channels(channels):
    scale = ChannelScale(NORMALIZATION)
    torch.testing.assert_close(scale.in_image_units(scale.normalized(channels)), channels)


def test_a_noise_model_of_constant_sigma_is_a_gaussian_in_image_units(channels):
    likelihood = NoiseModelLikelihood([constant_noise(5), constant_noise(30)], NORMALIZATION)
    signal = torch.randn(2, 2, 5, 6)
    predicted = ChannelScale(NORMALIZATION).in_image_units(signal)
    sigma = torch.tensor([5.0, 30.0]).reshape(1, 2, 1, 1)
    std = torch.tensor([10.0, 40.0]).reshape(1, 2, 1, 1)
    expected = -(Normal(predicted, sigma).log_prob(channels) + std.log()).mean()
    found = likelihood(Prediction(signal, None, [], []), channels)
    assert float(found) == pytest.approx(float(expected), rel=1e-4)


def test_a_channel_that_was_made_brighter_has_the_noise_that_it_was_recorded_with(channels):
    likelihood = NoiseModelLikelihood([constant_noise(5), constant_noise(30)], NORMALIZATION)
    scale, factors = ChannelScale(NORMALIZATION), torch.tensor([[0.5, 2.0], [1.5, 1.0]])
    factors = factors[:, :, None, None]
    recorded = scale.in_image_units(torch.randn(2, 2, 5, 6))
    plain = Prediction(scale.normalized(recorded), None, [], [])
    brighter = Prediction(scale.normalized(recorded * factors), None, [], [])
    found = likelihood(brighter, channels * factors, factors)
    torch.testing.assert_close(found, likelihood(plain, channels))


def test_the_gaussian_likelihood_agrees_with_torch_distributions(channels):
    signal, logvar = torch.randn(2, 2, 5, 6), torch.randn(2, 2, 5, 6)
    target = ChannelScale(NORMALIZATION).normalized(channels)
    expected = -Normal(signal, (0.5 * logvar).exp()).log_prob(target).mean()
    found = GaussianLikelihood(NORMALIZATION)(Prediction(signal, logvar, [], []), channels)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_an_outlier_pixel_keeps_a_finite_gradient_towards_it(channels):
    likelihood = NoiseModelLikelihood([constant_noise(5), constant_noise(5)], NORMALIZATION)
    channels[0, 0, 0, 0] = 60_000.0
    signal = torch.zeros(2, 2, 5, 6, requires_grad=True)
    likelihood(Prediction(signal, None, [], []), channels).backward()
    assert torch.isfinite(signal.grad).all()
    assert float(signal.grad[0, 0, 0, 0]) < 0  # downhill is upwards, to the bright pixel


def test_the_gaussian_likelihood_refuses_a_network_without_variance(channels):
    with pytest.raises(ValueError, match="predict_logvar"):
        GaussianLikelihood(NORMALIZATION)(Prediction(channels, None, [], []), channels)
