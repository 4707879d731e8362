"""What a model leaves unexplained of images of its own kind, to compare others with.

A network is never perfect: of its own kind, too, it leaves some structure in the residual, more
where there is more of it. How much, and how much that differs from place to place, is measured tile
by tile on images that it was not trained on, and kept in the model file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Figures = NDArray[np.float64]

__all__ = ["FIGURES", "KEY", "Departure", "ResidualReference"]

KEY = "residual_reference"
"""Where a reference is kept in the part `training` of a model file."""
FIGURES = ("variance", "correlation", "bias")
"""What the columns of `tile_figures` are called."""
_LEAST_SPREAD = (0.01, 0.005, 0.002)
"""Smaller differences of these figures are nothing to a user, however exactly they are known."""
_BY_CHANCE = 3.0  # standard errors of independent tiles; neighbours are not quite independent


class Departure(BaseModel):
    """How far the tiles of an image are from those of the reference, in one figure."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    figure: str
    found: float
    """Mean over the tiles of the image."""
    expected: float
    """Mean over the tiles of the reference."""
    distance: float
    """(found - expected) / standard deviation over the tiles of the reference."""
    by_chance: float
    """Distance that so few tiles may have by chance."""


class ResidualReference(BaseModel):
    """Mean and spread of `tile_figures` over images of the model's own kind."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    edge: int = Field(ge=64, le=128)
    """Of a tile, pixels."""
    n_tiles: float = Field(gt=0)
    """Tiles side by side that the pixels make; those that overlap do not count twice."""
    mean: tuple[float, float, float]
    spread: tuple[float, float, float]
    """Standard deviation over tiles."""
    data: str = ""
    """What it was measured on."""

    @classmethod
    def of(cls, planes: Sequence[Figures], n_pixels: int, edge: int, data: str = "") -> Self | None:
        """Summarize the tiles of several planes; None where there are fewer than two tiles."""
        figures = np.concatenate(planes) if planes else np.empty((0, len(FIGURES)))
        if len(figures) < 2:
            return None
        spread = np.maximum(figures.std(axis=0, ddof=1), _LEAST_SPREAD)
        return cls(
            edge=edge,
            n_tiles=n_pixels / edge**2,
            mean=tuple(figures.mean(axis=0).tolist()),
            spread=tuple(spread.tolist()),
            data=data,
        )

    def departures(self, figures: Figures, n_pixels: int) -> tuple[Departure, ...]:
        """Compare the tiles (N, 3) of an image of `n_pixels` pixels, figure by figure."""
        n_tiles = n_pixels / self.edge**2
        by_chance = _BY_CHANCE * float(np.sqrt(1 / n_tiles + 1 / self.n_tiles))
        return tuple(
            Departure(
                figure=name,
                found=found,
                expected=mean,
                distance=(found - mean) / spread,
                by_chance=by_chance,
            )
            for name, found, mean, spread in zip(
                FIGURES, figures.mean(axis=0).tolist(), self.mean, self.spread, strict=True
            )
        )
