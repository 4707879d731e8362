"""Fit of a histogram noise model to pairs of signal and observation.

Counts alone are blind where few pixels fell. Each row therefore starts from a prior that is worth
kappa pixels: the shape of the noise in the rows around it, each residual divided by the standard
deviation at its signal, taken to the row's own centre and width. That shape in turn starts from a
normal one. Kappa is chosen by the likelihood of every pixel under the counts of all others, which
has a closed form (a pixel leaves its own count by one).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.noise.fitting.sample import check_pairs, draw_pairs
from napari_denoisplit.noise.models.histogram import HistogramNoise
from napari_denoisplit.noise.pairs.rounding import rounded_to

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_DRAWN = 4_000_000
_LEAST_PAIRS = 1000
_OUTLIERS = 5e-5  # of the observations at each end, left to the tails of the model
_WINDOW = 1000  # pixels that tell a standard deviation to 2 %
_SHAPE_WINDOW = 20_000  # pixels that tell the shape of the noise
_NORMAL_WORTH = 300.0  # pixels that the normal shape is worth
_SHAPE_EDGES = np.linspace(-8.0, 8.0, 161)
_KAPPAS = 10.0 ** np.arange(0.0, 7.5, 0.5)


def fit_histogram(signal: Any, observation: Any, n_bins: int = 256) -> HistogramNoise:
    """Count observations for each signal, few pixels helped by those around them.

    Parameters
    ----------
    signal
        Noise-free grey levels; broadcasts to the observation.
    observation
        Noisy grey levels. Pairs with a value that is not finite are left out, and so are signals
        whose observations are clipped.
    n_bins
        Bins along each axis; fewer are made where observations are whole numbers and cover fewer
        levels, so that every bin holds the same number of levels.

    Raises
    ------
    NoiseModelError
        There are too few pairs, the signal is of one value, or there is no noise.
    """
    from scipy.special import ndtr  # takes 0.2 s; only fits need it

    rng = np.random.default_rng(0)
    s, x, _ = draw_pairs(signal, observation, math.inf, _DRAWN, rng)
    ends = (float(s.min()), float(s.max())) if len(s) else (0.0, 0.0)
    check_pairs(s, x, *ends, least=_LEAST_PAIRS, wanted="a histogram")
    step = rounded_to(s, x)
    edges = _edges(s, x, n_bins, step)
    n = len(edges) - 1
    centres = 0.5 * (edges[1:] + edges[:-1])
    row = np.clip(((s - edges[0]) * (n / (edges[-1] - edges[0]))).astype(np.int64), 0, n - 1)
    counts, _, _ = np.histogram2d(s, x, bins=(edges, edges))
    residual = x - s + step * rng.uniform(-0.5, 0.5, len(x))
    members = np.bincount(row, minlength=n).astype(np.float64)
    squares = np.bincount(row, weights=residual**2, minlength=n)
    sigma = np.sqrt(_windowed(squares, members, _WINDOW) / _windowed(members, members, _WINDOW))
    shape = _shape(row, residual / sigma[row], members, ndtr)
    prior = np.empty_like(counts)
    for i in range(n):
        places = (edges - centres[i]) / sigma[i]
        prior[i] = np.diff(np.interp(places, _SHAPE_EDGES, shape[i]))
    prior += 1e-12
    prior /= prior.sum(axis=1, keepdims=True)
    kappa = _best_kappa(counts, prior)
    mass = counts + kappa * prior
    mass /= mass.sum(axis=1, keepdims=True)
    seen = np.flatnonzero(members)
    mass[: seen[0]] = 0.0
    mass[seen[-1] + 1 :] = 0.0
    lower, upper = (np.repeat(e[:, None], n, axis=1) for e in (edges[:-1], edges[1:]))
    return HistogramNoise(np.stack([mass, lower, upper]))


def _edges(s: Floats, x: Floats, n_bins: int, step: float) -> Floats:
    """Edges of the bins that both axes share."""
    low, high = np.quantile(x, [_OUTLIERS, 1 - _OUTLIERS])
    low, high = min(float(low), float(s.min())), max(float(high), float(s.max()))
    if step:
        first = float(x[0]) + step * (math.floor((low - float(x[0])) / step) - 0.5)
        n_levels = math.ceil((high - first) / step + 0.5)
        # Bins of unequal numbers of levels would make a comb of equal ones.
        width = math.ceil(n_levels / n_bins)
        n = max(math.ceil(n_levels / width), 2)
        return first + step * width * np.arange(n + 1, dtype=np.float64)
    margin = 1e-6 * (high - low)
    return np.linspace(low - margin, high + margin, n_bins + 1)


def _windowed(values: NDArray[Any], members: Floats, least: float) -> Floats:
    """Sum of each row with as many rows around it as hold `least` pixels, (n, ...)."""
    n = len(members)
    total = np.concatenate([[0.0], np.cumsum(members)])
    sums = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])
    low, high = np.arange(n), np.arange(1, n + 1)
    least = min(least, float(total[-1]))
    for _ in range(n):
        short = total[high] - total[low] < least
        if not short.any():
            break
        low = np.where(short, np.maximum(low - 1, 0), low)
        high = np.where(short, np.minimum(high + 1, n), high)
    windowed: Floats = sums[high] - sums[low]
    return windowed


def _shape(row: NDArray[np.int64], z: Floats, members: Floats, ndtr: Any) -> Floats:
    """Cumulative distribution of standardized residuals around each row, at `_SHAPE_EDGES`."""
    n_shape = len(_SHAPE_EDGES) - 1
    step = _SHAPE_EDGES[1] - _SHAPE_EDGES[0]
    column = ((z - _SHAPE_EDGES[0]) / step).astype(np.int64)
    kept = (z > _SHAPE_EDGES[0]) & (column < n_shape)
    flat = row[kept] * n_shape + column[kept]
    counts = np.bincount(flat, minlength=len(members) * n_shape).reshape(len(members), n_shape)
    near = _windowed(counts.astype(np.float64), members, _SHAPE_WINDOW)
    near += _NORMAL_WORTH * np.diff(ndtr(_SHAPE_EDGES))
    cumulative = np.concatenate([np.zeros((len(near), 1)), near.cumsum(axis=1)], axis=1)
    shape: Floats = cumulative / cumulative[:, -1:]
    return shape


def _best_kappa(counts: Floats, prior: Floats) -> float:
    """Worth of the prior in pixels, by the likelihood of each pixel given all others."""
    row, column = np.nonzero(counts)
    n, q, members = counts[row, column], prior[row, column], counts.sum(axis=1)[row]
    scores = [
        float(np.sum(n * np.log((n - 1 + kappa * q) / (members - 1 + kappa)))) for kappa in _KAPPAS
    ]
    return float(_KAPPAS[int(np.argmax(scores))])
