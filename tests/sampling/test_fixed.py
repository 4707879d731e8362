from __future__ import annotations

import pytest
import torch

from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.nn.families import facts_of, network_of
from napari_denoisplit.sampling.fixed import FixedSamples
from napari_denoisplit.settings import ContextSettings, LadderSettings, UNetSettings

NORMALIZATION = Normalization(
    input_mean=5, input_std=2, channel_means=(10, 20), channel_stds=(2, 3)
)
LADDER = LadderSettings(n_levels=2, n_filters=8, n_latents=4)


def fixed(settings, n_samples=4) -> FixedSamples:
    torch.manual_seed(0)
    network, facts = network_of(settings).eval(), facts_of(settings, torch.float32)
    return FixedSamples(network, facts, NORMALIZATION, n_samples, 0).eval()


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "settings",
    [
        LADDER,
        LADDER.model_copy(update={"context": ContextSettings(scales=3)}),
        UNetSettings(n_levels=2, n_filters=4),
        UNetSettings(n_levels=2, n_filters=4, context=ContextSettings(scales=3)),
    ],
)
@torch.no_grad()
def test_what_was_traced_at_one_size_computes_the_same_at_others(settings):
    network = fixed(settings)
    traced = torch.jit.trace(network, torch.randn(1, 1, 64, 64), check_trace=False)
    for shape in ((1, 1, 64, 64), (2, 1, 32, 96), (1, 1, 160, 64)):
        image = 5 + 2 * torch.randn(shape)
        for own, other in zip(network(image), traced(image), strict=True):
            torch.testing.assert_close(own, other)


@torch.no_grad()
def test_the_noise_is_fixed_and_the_mean_is_of_mirrored_samples():
    network, image = fixed(LADDER, 2), 5 + 2 * torch.randn(1, 1, 32, 32)
    mean, sample = network(image)
    torch.testing.assert_close(network(image), (mean, sample))
    network.noise_0.neg_(), network.noise_1.neg_()
    same, mirrored = network(image)
    torch.testing.assert_close(same, mean)
    torch.testing.assert_close((sample + mirrored) / 2, mean)
    assert not torch.allclose(sample, mean)


@torch.no_grad()
def test_images_come_out_in_the_grey_levels_of_the_channels():
    network = fixed(UNetSettings(n_levels=2, n_filters=4))
    signal = network.network.decode(network.network.encode(torch.zeros(1, 1, 32, 32)), None)
    mean, _ = network(torch.full((1, 1, 32, 32), 5.0))
    torch.testing.assert_close(mean[:, 1], 20 + 3 * signal[:, 1])
