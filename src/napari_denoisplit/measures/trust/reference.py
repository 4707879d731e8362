"""What a model leaves unexplained of images of its own kind, to compare others with.

A network is never perfect: of its own kind, too, it leaves some structure in the residual, more
where there is more of it. How much that is at a given contrast, and how much it differs from place
to place, is measured tile by tile on images that it was not trained on, and kept in the model file.
In units of the noise, what is left of the same structure grows as its variance does, with the
exposure too; hence a straight line over the contrast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from napari_denoisplit.measures.trust.round_trip import RoundTrip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Figures = NDArray[np.float64]

KEY = "residual_reference"
"""Where a reference is kept in the part `training` of a model file."""
FIGURES = ("variance", "covariance", "bias", "trend")
"""What the columns of `tile_figures` before the contrast are called."""
_LEAST_SPREAD = (0.01, 0.005, 0.002, 0.02)
"""Smaller differences of these figures are nothing to a user, however exactly they are known."""
_FARTHEST = 2.0  # times the largest contrast of the reference: the line is not drawn further
_BY_CHANCE = 3.0  # standard errors of independent tiles; neighbours are not quite independent


class Departure(BaseModel):
    """How far the tiles of an image are from those of the reference, in one figure."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    figure: str
    found: float
    """Mean over the tiles of the image."""
    expected: float
    """Of tiles of the model's own kind with the same contrast."""
    distance: float
    """(found - expected) / standard deviation of the tiles of the reference around the line."""
    by_chance: float
    """Distance that so few tiles may have by chance."""


class ResidualReference(BaseModel):
    """Line over the contrast, and spread around it, of `tile_figures` of the model's own kind."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    edge: int = Field(ge=64, le=128)
    """Of a tile, pixels."""
    n_tiles: float = Field(gt=0)
    """Tiles side by side that the pixels make; those that overlap do not count twice."""
    base: tuple[float, float, float, float]
    """Figures at no contrast."""
    slope: tuple[float, float, float, float]
    """Rise with the contrast, not negative."""
    spread: tuple[float, float, float, float]
    """Standard deviation of tiles around the line."""
    most_contrast: float
    """Of any tile: variance of the superposition in units of the noise's."""
    data: str = ""
    """What it was measured on."""
    round_trip: RoundTrip | None = None
    """What comes back of the model's own kind; None: not measured."""

    @classmethod
    def of(cls, planes: Sequence[Figures], n_pixels: int, edge: int, data: str = "") -> Self | None:
        """Summarize the tiles of several planes; None where there are fewer than three tiles."""
        tiles = np.concatenate(planes) if planes else np.empty((0, len(FIGURES) + 1))
        if len(tiles) < 3:
            return None
        figures, contrast = tiles[:, :-1], tiles[:, -1]
        off = contrast - contrast.mean()
        slope = np.maximum(off @ figures / max(float(off @ off), 1e-12), 0)
        base = figures.mean(axis=0) - slope * contrast.mean()
        rest = figures - base - slope * contrast[:, None]
        spread = np.maximum(np.sqrt((rest**2).sum(axis=0) / (len(tiles) - 2)), _LEAST_SPREAD)
        return cls(
            edge=edge,
            n_tiles=n_pixels / edge**2,
            base=tuple(base.tolist()),
            slope=tuple(slope.tolist()),
            spread=tuple(spread.tolist()),
            most_contrast=float(contrast.max()),
            data=data,
        )

    def departures(self, tiles: Figures, n_pixels: int) -> tuple[Departure, ...]:
        """Compare the tiles (N, 5) of an image of `n_pixels` pixels, figure by figure."""
        contrast = float(np.minimum(tiles[:, -1], _FARTHEST * self.most_contrast).mean())
        n_tiles = n_pixels / self.edge**2
        by_chance = _BY_CHANCE * float(np.sqrt(1 / n_tiles + 1 / self.n_tiles))
        return tuple(
            Departure(
                figure=name,
                found=found,
                expected=base + slope * contrast,
                distance=(found - base - slope * contrast) / spread,
                by_chance=by_chance,
            )
            for name, found, base, slope, spread in zip(
                FIGURES,
                tiles[:, :-1].mean(axis=0).tolist(),
                self.base,
                self.slope,
                self.spread,
                strict=True,
            )
        )
