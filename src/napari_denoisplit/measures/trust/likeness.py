"""How images of a model's own kind look to its encoder, to compare others with.

What a residual cannot tell, features can: an image that is explained well, but by structures that
the network never saw. A tile is described by the mean and the standard deviation of each feature
map of each level. Over tiles of training superpositions these are summarized, level by level, by
the mean and the first principal axes; what lies beyond the axes has one variance.

Source: Mahalanobis distance of features (Lee et al. 2018, arXiv:1807.03888), with a low-rank
covariance as in probabilistic principal component analysis (Tipping & Bishop 1999).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from napari_denoisplit.measures.trust.background import UsualBackground

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Pixels = NDArray[np.float32]

KEY = "likeness"
"""Where it is kept in the part `training` of a model file."""
EDGE = 64
"""Of a tile, pixels."""
N_AXES = 12
LEAST_TILES = 4 * N_AXES
"""Fewer do not tell the spread along so many axes."""
MOST_TILES = 36
"""Of an image that count: more would make much of the least difference."""
UNFAMILIAR = 2.0
"""Strangeness from which on places are worth a warning. In three wells of cells, each held out,
they were 5 to 16 % of the image and held 31 to 82 % of the squared error; it was 2.4 to 4.3 times
sigma there, and 0.9 to 1.1 times where the image looked most familiar."""
ALONG = 6
"""Tiles along each edge of an image, at most, that stand for it."""
_FINE, _BETWEEN, _COARSE = 2.0, 4.0, 8.0  # standard deviations of Gaussians, pixels
_FINE_NOISE, _COARSE_NOISE = 0.0094, 0.0025  # of white noise in tiles, between each two of them
_TELLING = 1.0  # times the noise that structure must have there to tell anything
_DIGITS = 5
_SEED = 20261128


def _short(values: object) -> object:
    """Round to what the numbers are worth: a model file holds thousands of them."""
    if isinstance(values, np.ndarray):
        scale = 10 ** (_DIGITS - 1 - np.floor(np.log10(np.abs(values).max() or 1.0)))
        return (np.round(values * scale) / scale).tolist()
    return values


_Vector = Annotated[tuple[float, ...], BeforeValidator(_short)]
Matrix = Annotated[tuple[tuple[float, ...], ...], BeforeValidator(_short)]


def squared_distances(
    figures: Floats, mean: Floats, axes: Floats, spread: Floats, rest: float
) -> tuple[Floats, Floats]:
    """Squared distance of tiles (N, D) along the axes, and beyond them: (N,) each.

    Parameters as of `LevelLikeness`.
    """
    off = figures - mean
    along = off @ axes.T
    beyond = ((off**2).sum(1) - (along**2).sum(1)).clip(0)
    return ((along / spread) ** 2).mean(1), beyond / (rest * (off.shape[1] - along.shape[1]))


class LevelLikeness(BaseModel):
    """Mean and spread of the D figures of a tile at one level of the encoder."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    mean: _Vector
    """(D,)"""
    axes: Matrix
    """(A, D), orthonormal: where tiles differ most from each other."""
    spread: _Vector
    """(A,), standard deviation of the tiles along each."""
    rest: float = Field(gt=0)
    """Variance of each direction that is no axis."""

    @classmethod
    def of(cls, figures: Floats) -> Self:
        """Summarize the figures of tiles, (N, D)."""
        mean = figures.mean(axis=0)
        _, lengths, axes = np.linalg.svd(figures - mean, full_matrices=False)
        variances = lengths**2 / len(figures)
        n = min(N_AXES, figures.shape[1] - 1)
        beyond = variances[n:].sum() / (figures.shape[1] - n)
        floor = max(beyond, 1e-12 * variances.sum(), 1e-30)
        return cls(
            mean=mean,
            axes=axes[:n],
            spread=np.sqrt(np.maximum(variances[:n], floor)),
            rest=float(floor),
        )

    def distances(self, figures: Floats) -> Floats:
        """Squared distance of tiles (N, D), along the axes and beyond them: (N, 2).

        Each is divided by its number of directions, so that both are about 1 for the model's own
        kind.
        """
        mean, axes, spread = (np.asarray(part) for part in (self.mean, self.axes, self.spread))
        return np.stack(squared_distances(figures, mean, axes, spread, self.rest), axis=1)


class Likeness(BaseModel):
    """What tiles of superpositions of the model's own kind look like."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    levels: tuple[LevelLikeness, ...]
    """Finest first."""
    distance: float
    """Mean over these tiles of log(1 + distance)."""
    noise: float = Field(gt=0)
    """Standard deviation of the noise of the superpositions, normalized."""
    contrast: float = Field(gt=0)
    """Standard deviation of the structure within a tile, of those with much, normalized."""
    detail: float | None = Field(None, gt=0)
    """As of `detail_of`; None: not known."""
    backgrounds: tuple[UsualBackground, ...] = ()
    """Of images of several sizes, the largest first; empty: not known."""
    n_tiles: int

    @classmethod
    def of(
        cls,
        figures: Sequence[Floats],
        noise: float,
        contrast: float,
        detail: float | None = None,
        backgrounds: Sequence[UsualBackground] = (),
    ) -> Self:
        """Summarize tiles of training superpositions.

        Parameters
        ----------
        figures
            (N, D) for each level, finest first; half of the tiles make the axes, the others tell
            how far tiles are from them.
        noise, contrast, detail
            As of `noise_of`, `contrast_of` and `detail_of`.
        backgrounds
            Of images of several sizes, the largest first.
        """
        levels = tuple(LevelLikeness.of(level[::2]) for level in figures)
        each = [level.distances(tiles[1::2]) for level, tiles in zip(levels, figures, strict=True)]
        return cls(
            levels=levels,
            distance=float(np.log1p(np.concatenate(each, axis=1)).mean()),
            noise=noise,
            contrast=contrast,
            detail=detail,
            backgrounds=tuple(backgrounds),
            n_tiles=len(figures[0]),
        )

    def usual_background(self, edge: int) -> UsualBackground | None:
        """Return that of images of `edge` pixels or less, or of the smallest that are known."""
        smallest = self.backgrounds[-1] if self.backgrounds else None
        return next((one for one in self.backgrounds if one.edge <= edge), smallest)

    def shift(self, figures: Sequence[Floats]) -> float:
        """Distance of the mean of the tiles of an image, (N, D) of each level, beyond the axes.

        What is alike in all tiles of an image, such as another mixture, stands out of what differs
        from tile to tile: with N tiles N times. Median over levels; about 1 by chance.
        """
        found = []
        for level, tiles in zip(self.levels, figures, strict=True):
            axes = np.asarray(level.axes)
            off = tiles.mean(axis=0) - np.asarray(level.mean)
            beyond = float(off @ off - ((axes @ off) ** 2).sum()) / (len(off) - len(axes))
            found.append(min(len(tiles), MOST_TILES) * beyond / level.rest)
        return float(np.median(found))

    def strangeness(self, figures: Sequence[Floats]) -> Floats:
        """Distance of each tile, (N, D) of each level, from the model's own kind: (N,).

        Geometric mean over levels of 1 + squared distance, along the axes and beyond them; 1 is
        what tiles of the training superpositions have.
        """
        each = [level.distances(tiles) for level, tiles in zip(self.levels, figures, strict=True)]
        beyond: Floats = np.log1p(np.concatenate(each, axis=1)).mean(axis=1) - self.distance
        return np.exp(beyond)


def widened(sigma: Pixels, strangeness: Pixels) -> Pixels:
    """Widen sigma where an image looks unlike the training images.

        sigma * sqrt(max(1, strangeness))

    A calibration knows the errors of the model's own kind; where a place looks strange, they are
    larger beside sigma. Of the powers 0.4, 0.5 and 0.6 of the strangeness the root brought the
    slope of RMSE against RMV nearest to 1 in three wells of cells, each held out.

    Parameters
    ----------
    sigma
        Calibrated, any unit.
    strangeness
        Of each pixel, as of `Likeness.strangeness`; where it is NaN, sigma stays as it is.
    """
    wider: Pixels = sigma * np.sqrt(np.fmax(strangeness, np.float32(1)))
    return wider


def tile_starts(n: int) -> NDArray[np.intp]:
    """Return the first pixels of the tiles that stand for `n` pixels, evenly spread."""
    return np.unique(
        np.linspace(0, max(0, n - EDGE), min(ALONG, max(1, n // EDGE))).astype(np.intp)
    )


def noise_of(tiles: NDArray[np.float32]) -> float:
    """Measure the standard deviation of white noise in tiles (N, Y, X), in the pixels' unit.

    The second difference over a square of 2 x 2 pixels is free of slopes; the median over blocks
    of 16 x 16 leaves out those with edges.
    """
    d = (tiles[:, 1:, 1:] - tiles[:, 1:, :-1] - tiles[:, :-1, 1:] + tiles[:, :-1, :-1]) / 2
    rows, columns = (n // 16 for n in d.shape[1:])
    blocks = d[:, : rows * 16, : columns * 16].reshape(-1, rows, 16, columns, 16)
    return float(np.sqrt(np.median((blocks.astype(np.float64) ** 2).mean(axis=(2, 4)))))


def at_least_noisy(tiles: NDArray[np.float32], noise: float) -> NDArray[np.float32]:
    """Give tiles (N, Y, X) the noise that they lack beside the training images, always the same.

    Less noise than in training does no harm, but looks strange: it is added for the look alone.

    Parameters
    ----------
    tiles
        Normalized.
    noise
        Standard deviation in the training images, of normalized pixels.
    """
    missing = np.sqrt(max(0.0, noise**2 - noise_of(tiles) ** 2))
    white = np.random.default_rng(_SEED).standard_normal(tiles.shape, np.float32)
    return tiles + np.float32(missing) * white


def contrast_of(tiles: NDArray[np.float32], noise: float) -> float:
    """Measure the standard deviation of structure in tiles that hold much of it, without noise."""
    variances = tiles.var(axis=(1, 2), dtype=np.float64) - noise**2
    return float(np.sqrt(max(np.percentile(variances, 90), 0.0)))


def detail_of(tiles: NDArray[np.float32], noise: float) -> float | None:
    """Measure how much of the structure in tiles (N, Y, X) is fine: variance of fine over coarse.

    Fine is what lies between Gaussians of 2 and 4 pixels, coarse between those of 4 and 8, both
    without noise, whose standard deviation is `noise`. It is alike in images of one kind, and small
    where they are out of focus. None where there is too little of either to tell.
    """
    from scipy.ndimage import gaussian_filter  # takes 0.2 s; only this needs it

    widths = (_FINE, _BETWEEN, _COARSE)
    fine, between, coarse = (
        gaussian_filter(tiles, (0, width, width), mode="reflect") for width in widths
    )
    of_fine = float((fine - between).var(dtype=np.float64)) - _FINE_NOISE * noise**2
    of_coarse = float((between - coarse).var(dtype=np.float64)) - _COARSE_NOISE * noise**2
    if of_coarse <= _TELLING * _COARSE_NOISE * noise**2:
        return None
    return max(of_fine, 0.0) / of_coarse
