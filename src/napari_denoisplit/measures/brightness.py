"""How bright each structure is in a recording, by what its tiles look like to the encoder.

Tiles are described by figures, as those of `measures.trust.likeness`. Over training superpositions
that were mixed anew with factors of all sizes, the mean of each figure is a polynomial of the
factors, and what is left of the tiles their likeness. The factors of a recording are those under
which the mean of its tiles is most likely.

Letters: N tiles, D figures of a level, C structures, K terms of the polynomial.
"""

from __future__ import annotations

from itertools import combinations_with_replacement, product
from typing import TYPE_CHECKING, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from napari_denoisplit.measures.trust.likeness import LevelLikeness, Matrix, squared_distances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

KEY = "brightness"
"""Where it is kept in the part `training` of a model file."""
TILES_PER_TERM = 32
"""Fewer do not tell a term of the polynomial from what differs from tile to tile."""
_MOST_STARTS = 4  # structures of which all combinations of dim and bright are tried


def terms_of(factors: Floats) -> Floats:
    """Terms of the polynomial of second degree, (N, K), of factors (N, C)."""
    beside = factors - 1
    pairs = combinations_with_replacement(range(factors.shape[1]), 2)
    squares = [beside[:, a] * beside[:, b] for a, b in pairs]
    return np.stack([np.ones(len(factors)), *beside.T, *squares], axis=1)


class Brightness(BaseModel):
    """What tiles look like under every brightness of the structures."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    slopes: tuple[Matrix, ...]
    """(K, D) of each level, finest first: the mean of the figures by the terms."""
    levels: tuple[LevelLikeness, ...]
    """What is left of the tiles."""
    low: float = Field(gt=0)
    high: float
    """Factors of the tiles: the mixing range in units of its middle, or what may come."""
    noise: float = Field(gt=0)
    """Standard deviation of the noise of all these tiles, normalized."""
    n_structures: int

    @classmethod
    def of(
        cls,
        figures: Sequence[Floats],
        factors: Floats,
        within: tuple[float, float],
        noise: float,
    ) -> Self:
        """Summarize tiles of training superpositions.

        Parameters
        ----------
        figures
            (N, D) for each level, finest first.
        factors
            (N, C), how bright structures are in each tile, beside training.
        within
            Lower and upper end of the factors.
        noise
            Of every tile, normalized.
        """
        terms = terms_of(factors)
        slopes = [np.linalg.lstsq(terms, level, rcond=None)[0] for level in figures]
        left = [level - terms @ slope for level, slope in zip(figures, slopes, strict=True)]
        return cls(
            slopes=tuple(slopes),
            levels=tuple(map(LevelLikeness.of, left)),
            low=within[0],
            high=within[1],
            noise=noise,
            n_structures=factors.shape[1],
        )

    def factors_of(self, figures: Sequence[Floats]) -> tuple[float, ...]:
        """Estimate how bright structures are in an image, (C,), within the range.

        Parameters
        ----------
        figures
            (N, D) of its tiles for each level, with the same noise as those that it was made of.
        """
        from scipy.optimize import minimize  # takes 0.3 s; only this needs it

        means = [level.mean(axis=0) for level in figures]
        parts = [
            (np.asarray(slope), np.asarray(level.axes), np.asarray(level.spread), level.rest)
            for slope, level in zip(self.slopes, self.levels, strict=True)
        ]

        def unlikely(factors: Floats) -> float:
            """Squared distance of the mean of the tiles from what these factors foretell."""
            terms = terms_of(factors[None])
            total = 0.0
            for mean, (slope, axes, spread, rest) in zip(means, parts, strict=True):
                n, n_axes = len(mean), len(axes)
                along, beyond = squared_distances(mean, terms @ slope, axes, spread, rest)
                total += float(n_axes * along[0] + (n - n_axes) * beyond[0])
            return total

        quarter = (self.high - self.low) / 4
        starts = [np.ones(self.n_structures)]
        if self.n_structures <= _MOST_STARTS:
            ends = (self.low + quarter, self.high - quarter)
            starts += [np.array(start) for start in product(ends, repeat=self.n_structures)]
        bounds = [(self.low, self.high)] * self.n_structures
        found = (minimize(unlikely, start, method="L-BFGS-B", bounds=bounds) for start in starts)
        return tuple(min(found, key=lambda result: float(result.fun)).x.tolist())

    def is_at_its_end(self, factor: float) -> bool:
        """Whether a structure may be brighter or dimmer than any that it was made of."""
        margin = 0.02 * (self.high - self.low)
        return not self.low + margin < factor < self.high - margin
