from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.nn.compute import Compute
from napari_denoisplit.nn.families import network_of, sampler_of
from napari_denoisplit.nn.turned import TURNS, TurnedSampler
from napari_denoisplit.sampling.posterior import Posterior
from napari_denoisplit.settings import DivNoisingSettings, LadderSettings, UNetSettings

COMPUTE = Compute(torch.device("cpu"), torch.float32)
NORMALIZATION = Normalization(
    input_mean=100, input_std=20, channel_means=(90.0, 110.0), channel_stds=(10.0, 40.0)
)


@pytest.fixture(
    scope="module",
    params=[
        LadderSettings(n_levels=2, n_filters=8, n_latents=4),
        UNetSettings(n_levels=2, n_filters=4),
        DivNoisingSettings(n_filters=4, n_latents=4),
    ],
    ids=lambda settings: settings.kind,
)
def sampler(request):
    torch.manual_seed(0)
    return sampler_of(network_of(request.param).eval(), COMPUTE)


def in_eight_ways(x: torch.Tensor) -> list[torch.Tensor]:
    ways = []
    for turn in range(TURNS):
        one = x.transpose(-1, -2) if turn & 1 else x
        ways.append(one.flip([d for d, bit in ((-2, 2), (-1, 4)) if turn & bit]))
    return ways


def still(level, shape, corner=(0, 0)):
    return torch.zeros(shape)


def test_a_turned_sampler_of_the_turned_image_gives_the_turned_answer(sampler):
    x = torch.randn(1, 1, 32, 48)
    ways = in_eight_ways(x)
    assert len({w.numpy().tobytes() + str(w.shape).encode() for w in ways}) == TURNS
    for turn, way in enumerate(ways):
        turned = TurnedSampler(sampler, turn)
        ours = turned.decode(turned.encode(x), still)
        expected = sampler.decode(sampler.encode(way), still)
        torch.testing.assert_close(in_eight_ways(ours)[turn], expected, rtol=1e-4, atol=1e-5)


def posterior_of(sampler, plane, **kwargs) -> Posterior:
    n = sampler.facts.n_channels
    normalization = NORMALIZATION.model_copy(
        update={"channel_means": (90.0,) * n, "channel_stds": (10.0,) * n}
    )
    posterior = Posterior(sampler, normalization, plane, antithetic=True, **kwargs)
    for tile in posterior.tiles:
        posterior.encode(tile)
    return posterior


def drawn(posterior: Posterior, sample: int) -> torch.Tensor:
    out = posterior.empty_sample()
    for tile in posterior.tiles:
        posterior.draw(sample, tile, out)
    return posterior.cropped(out)


def test_every_pair_of_samples_has_a_turn_of_its_own_and_tiles_fit_together(sampler):
    plane = np.random.default_rng(0).normal(100, 20, size=(130, 101)).astype(np.float32)
    whole = posterior_of(sampler, plane, eightfold=True)
    tiled = posterior_of(sampler, plane, eightfold=True, tile_size=144, overlap=48)
    plain = posterior_of(sampler, plane)
    assert len(tiled.tiles) > 1
    for sample in (0, 2, 3, 10, 14):
        first = drawn(whole, sample)
        torch.testing.assert_close(drawn(tiled, sample), first, rtol=1e-4, atol=1e-3)
        assert torch.allclose(first, drawn(plain, sample), atol=1e-3) == (sample == 0)
    at_once = whole.empty_samples(4)
    whole.draw(0, whole.tiles[0], at_once)
    torch.testing.assert_close(whole.cropped(at_once)[3], drawn(whole, 3), rtol=1e-4, atol=1e-3)
