from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_denoisplit.jobs.adapt.statistics import has_statistics, move_statistics
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.settings import LadderSettings

NETWORK = LadderSettings(n_levels=2, n_filters=8, n_latents=4, upsampling="nearest")


@pytest.fixture
def network():
    torch.manual_seed(0)
    return VSE(NETWORK).eval()


@pytest.fixture
def tiles():
    return 2 + 3 * torch.randn((6, 1, 32, 32), generator=torch.Generator().manual_seed(1))


def statistics(network) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in network.named_buffers() if "running" in k}


def test_with_the_whole_weight_every_batch_norm_centres_and_scales_the_tiles(network, tiles):
    move_statistics(network, tiles, 1.0)
    seen = []
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.register_forward_hook(lambda norm, x, y: seen.append(y.clone()))
    with torch.no_grad():
        network.encode(tiles)  # as far as no latent is drawn
    assert max(float(y.mean(dim=(0, 2, 3)).abs().max()) for y in seen) < 1e-3
    assert max(float((y.std(dim=(0, 2, 3)) - 1).abs().max()) for y in seen) < 1e-2


def test_the_first_batch_norm_moves_by_the_share(network, tiles):
    before = statistics(network)
    move_statistics(network, tiles, 0.25)
    mixed = statistics(network)
    for name, value in before.items():
        network.get_buffer(name).copy_(value)
    move_statistics(network, tiles, 1.0)
    whole = statistics(network)
    first = next(iter(before))
    torch.testing.assert_close(mixed[first], 0.75 * before[first] + 0.25 * whole[first])


def test_no_weight_is_changed(network, tiles):
    before = {k: v.clone() for k, v in network.named_parameters()}
    move_statistics(network, tiles, 1.0)
    assert all(torch.equal(v, before[k]) for k, v in network.named_parameters())


def test_afterwards_nothing_moves_any_more(network, tiles):
    move_statistics(network, tiles, 0.5)
    before = statistics(network)
    with torch.no_grad():
        network.encode(5 * tiles)
    assert all(torch.equal(v, before[k]) for k, v in statistics(network).items())


def test_a_network_without_batch_norm_has_none_to_move(network):
    assert has_statistics(network)
    assert not has_statistics(nn.Conv2d(1, 1, 3))
