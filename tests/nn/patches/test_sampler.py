from __future__ import annotations

import pytest
import torch

from napari_denoisplit.nn.compute import Compute
from napari_denoisplit.nn.context import halved
from napari_denoisplit.nn.families import network_of, sampler_of
from napari_denoisplit.nn.fast.field_of_view import Window
from napari_denoisplit.settings import ContextSettings, LadderSettings

CPU = Compute(torch.device("cpu"), torch.float32)


def sampler_with(variant, levels=2, scales=3, **kept):
    torch.manual_seed(0)
    context = ContextSettings(scales=scales, variant=variant, patch_size=16, **kept)
    settings = LadderSettings(n_levels=levels, n_filters=4, n_latents=2, context=context)
    return sampler_of(network_of(settings), CPU)


def noise(level, shape, corner):
    """Noise of the level's place, wherever it is."""
    rows = torch.arange(corner[0], corner[0] + shape[-2])[:, None]
    columns = torch.arange(corner[1], corner[1] + shape[-1])
    z = torch.arange(shape[1])[:, None, None]
    return torch.sin(1.7 * rows + 2.9 * columns + z + level)[None].float() * 1.5


SHAPES = [("lean", 2, 3), ("regular", 2, 3), ("regular", 3, 3), ("lean", 3, 2)]


@pytest.mark.parametrize(("variant", "levels", "scales"), SHAPES)
def test_the_middle_of_a_patch_is_what_the_network_computes_of_it(variant, levels, scales):
    sampler = sampler_with(variant, levels, scales, kept_size=4)
    network = sampler._network
    pyramid = [torch.randn(1, 1, 128, 128)]
    found = sampler.decode(sampler.encode(pyramid[0]), noise, Window((64, 68), (56, 60)))
    y, x = 66, 58
    while len(pyramid) < scales:
        pyramid.append(halved(pyramid[-1]))
    patch = torch.cat(
        [
            image[..., (y >> k) - 8 : (y >> k) + 8, (x >> k) - 8 : (x >> k) + 8]
            for k, image in enumerate(pyramid)
        ],
        dim=1,
    )

    def here(level, shape):
        w = shape[-1]
        return noise(level + 1, shape, [(c >> (level + 1)) - w // 2 + w for c in (y, x)])

    with torch.no_grad():
        expected = network.decode(network.encode(patch), here)[..., 6:10, 6:10]
    torch.testing.assert_close(found, expected)


def test_a_sample_does_not_depend_on_how_it_is_cut():
    sampler = sampler_with("regular", kept_size=4)
    prepared = sampler.encode(torch.randn(1, 1, 32, 48))
    whole = sampler.decode(prepared, noise)
    assert whole.shape == (1, 2, 32, 48)
    part = sampler.decode(prepared, noise, Window((5, 19), (10, 47)))
    torch.testing.assert_close(part, whole[..., 5:19, 10:47])


def test_several_samples_are_drawn_at_once():
    sampler = sampler_with("lean", kept_size=8)
    prepared = sampler.encode(torch.randn(1, 1, 32, 32))

    def two(level, shape, corner):
        first = noise(level, shape, corner)
        return torch.cat([first, -first])

    both = sampler.decode(prepared, two)
    torch.testing.assert_close(both[:1], sampler.decode(prepared, noise))
    assert both.shape == (2, 2, 32, 32)


def test_all_of_the_context_is_read_beside_a_part():
    facts = sampler_with("regular").facts
    assert facts.reach == 8 * 4
    assert facts.context(1) >= facts.reach
