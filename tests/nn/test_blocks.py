"""What blocks learn from small patches."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from napari_denoisplit.nn.blocks import zero_unseen_taps
from napari_denoisplit.nn.families import network_of
from napari_denoisplit.settings import PRESETS, ContextSettings, LadderSettings, UNetSettings

NARROW = {"n_filters": 8, "n_latents": 4, "dropout": 0.0}
SHAPES = {
    "HDN": LadderSettings(n_channels=1, n_levels=6, stem_kernel=5, variance="exp", **NARROW),
    "nearest": LadderSettings(n_levels=6, upsampling="nearest", **NARROW),
    "context": LadderSettings(n_levels=4, context=ContextSettings(scales=3), **NARROW),
    "U-Net": UNetSettings(n_levels=6, n_filters=8),
}


@pytest.mark.parametrize("name", SHAPES)
def test_weights_without_a_gradient_are_zero_and_only_those(name: str) -> None:
    settings, edge = SHAPES[name], 64 if name != "context" else 16
    torch.manual_seed(0)
    network = network_of(settings).train()
    zero_unseen_taps(network, edge + 2 * settings.margin)
    for _ in range(3):
        x = torch.randn(4, 1, *[edge + 2 * settings.margin] * 2)
        prediction = network(x)
        (
            prediction.signal.square().sum() + sum(kl.sum() for kl in prediction.kl_per_level)
        ).backward()
    n_zero = 0
    for weights in network.parameters():
        if weights.ndim == 4 and weights.shape[-1] > 1:
            without = (weights.grad == 0).all(dim=(0, 1))
            assert torch.equal((weights == 0).all(dim=(0, 1)), without)
            n_zero += int(without.sum())
    assert n_zero > 0


def test_what_a_patch_gives_stays_as_it_was() -> None:
    network = network_of(SHAPES["HDN"]).eval()
    before = deepcopy(network)
    zero_unseen_taps(network, 64)
    patch, image = torch.randn(1, 1, 64, 64), torch.randn(1, 1, 128, 128)

    def at_mean(model, x):
        *_, top = model.encode(x)
        return model.top_down[-1].q(top, None).mean

    torch.testing.assert_close(at_mean(network, patch), at_mean(before, patch))
    assert not torch.allclose(at_mean(network, image), at_mean(before, image), atol=1e-3)


def test_presets_of_four_levels_lose_nothing() -> None:
    network = network_of(PRESETS["fast"].network)
    before = deepcopy(network.state_dict())
    zero_unseen_taps(network, PRESETS["fast"].patch_size)
    for name, weights in network.state_dict().items():
        assert torch.equal(weights, before[name])
