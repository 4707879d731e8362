"""Tiles as the encoder sees them, and how far they are from the model's own kind.

Letters: B tiles, D figures of a level, two for each feature map or one, Y, X pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_denoisplit.measures.trust.likeness import squared_distances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from napari_denoisplit.measures.trust.likeness import LevelLikeness
    from napari_denoisplit.nn.sampler import SplittingNetwork


def map_figures(features: Sequence[Tensor]) -> list[Tensor]:
    """Mean and standard deviation of each feature map over a tile, (B, D) of each level.

    Of a map of one pixel, as six levels make of a tile, there is the mean alone.

    Parameters
    ----------
    features
        What `SplittingNetwork.encode` returned, (B, ..., Y, X) of each level.
    """
    return [_figures(f.float().flatten(-2)) for f in features]


def _figures(pixels: Tensor) -> Tensor:
    figures = [pixels.mean(-1)]
    if pixels.shape[-1] > 1:
        figures.append(pixels.std(-1))
    return torch.cat([f.flatten(1) for f in figures], dim=1)


class TileDistance:
    """Distance of tiles from the model's own kind that can be differentiated.

    Parameters
    ----------
    network
        In evaluation mode.
    levels
        What each level is like.
    """

    def __init__(self, network: SplittingNetwork, levels: Sequence[LevelLikeness]) -> None:
        self._network = network
        device = next(network.parameters()).device
        self._levels = [
            (
                torch.tensor(level.mean, device=device),
                torch.tensor(level.axes, device=device),
                torch.tensor(level.spread, device=device),
                level.rest,
            )
            for level in levels
        ]

    def __call__(self, x: Tensor) -> Tensor:
        """Return log(1 + squared distance) of tiles (B, 1, Y, X), averaged over levels: (B,).

        The logarithm bounds what one strange tile, a speck of dust, can do.
        """
        figures = map_figures(self._network.encode(x))
        terms: list[Tensor] = []
        for level, parts in zip(figures, self._levels, strict=True):
            terms += squared_distances(level, *parts)
        return torch.stack(terms).log1p().mean(dim=0)
