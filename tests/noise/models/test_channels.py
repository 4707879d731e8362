from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.models.channels import NoiseModels
from napari_denoisplit.noise.models.gaussian_mixture import GaussianMixture
from napari_denoisplit.noise.models.histogram import HistogramNoise
from napari_denoisplit.noise.models.kinds import noise_model_from_dict
from napari_denoisplit.noise.models.noise_model import NoiseModel
from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian


def mixture(k: int, seed: int) -> GaussianMixture:
    weight = torch.randn(3 * k, 2, generator=torch.Generator().manual_seed(seed))
    weight[k : 2 * k] += 3
    return GaussianMixture(weight, 10.0 * seed, 200.0 + 50 * seed, 1.0)


@pytest.mark.parametrize("components", [(1, 1, 1), (3, 3, 3), (1, 3, 2)])
def test_channels_together_are_the_channels_one_by_one(components):
    models = NoiseModels([mixture(k, seed) for seed, k in enumerate(components)])
    observation = torch.rand(40, 3, 32, 33, generator=torch.Generator().manual_seed(0)) * 250
    signal = (observation + 9.0).requires_grad_()
    value = models.log_likelihood(observation, signal)
    (slope,) = torch.autograd.grad(value.sum(), signal)
    for channel in range(3):
        alone = signal[:, channel].detach().requires_grad_()
        expected = models[channel].log_likelihood(observation[:, channel], alone)
        torch.testing.assert_close(value[:, channel], expected)
        (expected_slope,) = torch.autograd.grad(expected.sum(), alone)
        torch.testing.assert_close(slope[:, channel], expected_slope)


def test_channels_may_be_of_different_kinds():
    values = np.zeros((3, 16, 16))
    values[0] = 1 / 16
    values[1], values[2] = (np.arange(16.0)[:, None] * 16 + e for e in (0, 16))
    kinds = [mixture(2, 0), PoissonGaussian(1.0, 0.0, 2.0, 0.0, 250.0), HistogramNoise(values)]
    models = NoiseModels([noise_model_from_dict(model.to_dict()) for model in kinds])
    observation = torch.rand(2, 3, 8, 9) * 250
    signal = (observation + 4.0).requires_grad_()
    value = models.log_likelihood(observation, signal)
    value.sum().backward()
    assert (signal.grad != 0).all()
    for channel, model in enumerate(kinds):
        alone = model.log_likelihood(observation[:, channel], signal[:, channel])
        assert torch.equal(value[:, channel], alone)


def test_wrong_number_of_channels_is_refused():
    models = NoiseModels([mixture(1, 0), mixture(1, 1)])
    image = torch.zeros(1, 3, 8, 8)
    with pytest.raises(NoiseModelError, match="2 noise models"):
        models.log_likelihood(image, image)
    with pytest.raises(NoiseModelError, match="No noise models"):
        NoiseModels([])


def test_a_model_comes_back_from_its_dictionary_by_kind():
    model = noise_model_from_dict(mixture(2, 1).to_dict())
    assert isinstance(model, NoiseModel)
    assert isinstance(model, GaussianMixture)
    with pytest.raises(NoiseModelError, match="'gauss'"):
        noise_model_from_dict({"kind": "gauss"})
