"""Tiles as the encoder sees them.

Letters: B tiles, D figures of a level, two for each feature map or one, Y, X pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


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
