"""Statistics of batch norm, moved towards those of other images than the training's.

Every convolution stays as it was trained. What changes is what each batch norm takes for the usual
mean and variance of its feature maps, by which it centres and scales them.

Letters: N tiles, Y, X pixels.

Source: covariate shift adaptation (Schneider et al. 2020, arXiv:2006.16971), equation 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

    from napari_denoisplit.nn.sampler import SplittingNetwork

_SEED = 20261130


def has_statistics(network: nn.Module) -> bool:
    """Whether a network has any batch norm."""
    return any(isinstance(module, nn.BatchNorm2d) for module in network.modules())


@torch.no_grad()
def move_statistics(network: SplittingNetwork, tiles: Tensor, share: float) -> None:
    """Move the statistics of a network towards those of tiles.

    Those of the tiles are what every layer sees where all layers before it are centred on the
    tiles. Moved layer by layer instead, each half of the way, they fitted recordings less well.

    Parameters
    ----------
    network
        In evaluation mode; changed.
    tiles
        (N, 1, Y, X), normalized, on the device of the network; all pass at once.
    share
        Weight of the tiles; the statistics as they were weigh the rest.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    before = [{k: v.clone() for k, v in norm.named_buffers()} for norm in norms]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean of what passes
        norm.train()
    generator = torch.Generator().manual_seed(_SEED)
    network.decode(
        network.encode(tiles),
        lambda _, shape: torch.randn(shape, generator=generator).to(tiles.device),
    )
    for norm, was, momentum in zip(norms, before, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
        for name, found in norm.named_buffers():
            found.copy_(was[name].lerp(found, share) if found.is_floating_point() else was[name])
