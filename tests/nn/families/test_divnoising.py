from __future__ import annotations

import math

import pytest
import torch

from napari_denoisplit.errors import TrainingError
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.nn.families import family_of
from napari_denoisplit.nn.families.divnoising import DivNoising
from napari_denoisplit.nn.objective import Batch
from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian
from napari_denoisplit.settings import METHODS, DivNoisingSettings, LossSettings, MixSettings

SMALL = DivNoisingSettings(n_filters=4, n_latents=6)
STATISTICS = Normalization(
    input_mean=100, input_std=20, channel_means=(100.0,), channel_stds=(20.0,)
)


@pytest.mark.parametrize(
    ("depth", "count", "encoder"), [(2, 261_281, 138_848), (3, 880_417, 434_016)]
)
def test_the_published_code_has_as_many_parameters(depth, count, encoder):
    with torch.device("meta"):
        network = DivNoising(DivNoisingSettings(depth=depth))
    of = lambda *modules: sum(p.numel() for m in modules for p in m.parameters())  # noqa: E731
    assert of(network) == count
    assert of(network.down, network.mean, network.logvar) == encoder


@pytest.mark.parametrize("size", [(16, 16), (17, 30), (5, 9)])
def test_any_image_size_keeps_its_size(size):
    with torch.no_grad():
        prediction = DivNoising(SMALL)(torch.randn(2, 1, *size))
    assert prediction.signal.shape == (2, 1, *size)
    assert prediction.logvar is None


def test_the_kl_is_that_to_a_unit_gaussian():
    network = DivNoising(SMALL)
    for head, value in ((network.mean, 3.0), (network.logvar, math.log(4.0))):
        torch.nn.init.zeros_(head.weight)
        torch.nn.init.constant_(head.bias, value)
    with torch.no_grad():
        prediction = network(torch.randn(2, 1, 16, 16))
    n = 6 * 4 * 4
    assert prediction.latents_per_level == [n]
    each = 0.5 * (4 + 9 - 1 - math.log(4))
    assert prediction.kl_per_level[0].tolist() == pytest.approx([n * each] * 2, rel=1e-5)


def test_the_loss_is_the_noise_model_and_beta_times_the_whole_kl_by_pixels():
    network = DivNoising(SMALL)
    loss = LossSettings(beta=0.5, free_bits=1e6)
    objective = family_of(SMALL).objective(
        SMALL, loss, STATISTICS, [PoissonGaussian(1.0, 0.0, 3.0, 0.0, 300.0)]
    )
    x = torch.randn(2, 1, 16, 16)
    with torch.no_grad():
        kl = network(x).kl_per_level[0].mean() / 256
        terms = objective(network, Batch(x, 100 + 20 * x), 0)
    assert float(terms.kl_per_level) == pytest.approx(float(kl), rel=1e-5)
    assert float(terms.loss - terms.reconstruction) == pytest.approx(float(kl) / 2, rel=1e-3)


def test_one_channel_and_a_noise_model_are_asked_for():
    family = family_of(SMALL)
    with pytest.raises(TrainingError, match="one channel, and 2 are given"):
        family.shaped(SMALL, 2, METHODS["denoisplit"], MixSettings())
    with pytest.raises(TrainingError, match="noise by a noise model"):
        family.shaped(SMALL, 1, METHODS["musplit"], MixSettings())
    assert family.shaped(SMALL, 1, METHODS["denoisplit"], MixSettings()) == SMALL
