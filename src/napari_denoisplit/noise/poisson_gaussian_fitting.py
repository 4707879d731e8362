"""Fit of a Poisson-Gaussian noise model to pairs of signal and observation.

Maximum likelihood of gain, offset and read noise on a sample of the pairs, from the straight line
of the variance over the signal. The variance alone tells the gain and gain * offset - read_noise^2;
only the skewness of dim pixels tells offset and read noise apart. Where it does not (the likelihood
gains less than `WORTH` nats per pixel), the read noise is the smallest that fits: none, with the
offset where the variance ends, or, if the line has variance left at grey level 0, an offset of 0
(or the darkest signal, if that is negative) and the read noise that explains the rest.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.clipping import unsaturated_signal
from napari_denoisplit.noise.poisson_gaussian import LEAST_SPREAD, PoissonGaussian
from napari_denoisplit.noise.saddlepoint import (
    LEAST_COUNT,
    SaddlepointTables,
    log_density,
    saddlepoint,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_denoisplit.noise.estimation import NoiseLine

    Floats = NDArray[np.float64]

__all__ = ["WORTH", "fit_poisson_gaussian", "poisson_gaussian_from_line"]

WORTH = 3e-4
"""Nats per pixel that a read noise of its own must gain: few fits gain as much by chance."""
_DRAWN = 200_000  # pairs to look at, whatever the size of the images
_FITTED = 12_000
_BINS = 50
_LEAST_PAIRS = 200
_LEAST_RISE = 1e-3  # of the variance, over the range of the signal: less tells no gain
_MOST_STEPS = 12


def fit_poisson_gaussian(
    signal: Any, observation: Any, *, max_signal: float = math.inf, seed: int = 0
) -> PoissonGaussian:
    """Fit gain, offset and read noise to pairs of signal and observation.

    Parameters
    ----------
    signal
        Noise-free grey levels; broadcasts to the observation.
    observation
        Noisy grey levels. Pairs with a value that is not finite are left out.
    max_signal
        Leave out pairs above. Signals whose observations are clipped are left out in any case.
    seed
        Seed of the draw of pairs.

    Raises
    ------
    NoiseModelError
        There are too few pairs, the signal is of one value, or there is no noise.
    """
    s, x = _sample(signal, observation, max_signal, np.random.default_rng(seed))
    low, high = float(s.min()), float(s.max())
    centres, variances, counts = _binned(s, x)
    gain, rest = _line(centres, variances, counts, high - low)
    dark = min(0.0, low)
    chosen = _spread(s)
    nll = _likelihood(s[chosen], x[chosen], math.sqrt(float(np.median(variances))))

    def smallest(p: Floats) -> tuple[float, float, float]:
        return _smallest_read_noise(gain * math.exp(p[0]), rest + p[1] * variances.min(), dark)

    def free(p: Floats) -> tuple[float, float, float]:
        spread = math.sqrt(float(variances.min()))
        start = smallest(simple)
        return start[0] * math.exp(p[0]), start[1] - p[1] * spread, abs(start[2] + p[2] * spread)

    simple, simple_nll = _minimize(lambda p: nll(*smallest(p)), np.zeros(2))
    both, both_nll = _minimize(lambda p: nll(*free(p)), np.array([0.0, 0.1, 0.1]))
    numbers = free(both) if both_nll < simple_nll - WORTH else smallest(simple)
    return PoissonGaussian(*numbers, low, high)


def poisson_gaussian_from_line(line: NoiseLine) -> PoissonGaussian:
    """Make a noise model whose variance is a given straight line over the signal.

    The read noise is the smallest that fits, as in `fit_poisson_gaussian`.
    """
    low, high = line.signal_range
    high = max(high, low + 1e-6 * max(abs(low), 1.0))
    # A line without rise: photons too many to see one by one.
    gain = max(line.gain, _LEAST_RISE * line.least_variance / (high - low))
    numbers = _smallest_read_noise(gain, line.intercept, min(0.0, low))
    return PoissonGaussian(*numbers, low, high)


def _smallest_read_noise(gain: float, rest: float, dark: float) -> tuple[float, float, float]:
    """Gain, offset, read noise of variance = gain * signal + rest, the offset at least `dark`."""
    left = rest + gain * dark
    if left > 0:
        return gain, dark, math.sqrt(left)
    return gain, -rest / gain, 0.0


def _sample(
    signal: Any, observation: Any, limit: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Usable pairs, at most `_DRAWN` of them, shuffled."""
    observation = np.asanyarray(observation)
    try:
        s = np.broadcast_to(np.asanyarray(signal), observation.shape)
    except ValueError as error:
        raise NoiseModelError(
            f"A signal of shape {np.shape(signal)} does not fit an observation of shape "
            f"{observation.shape}: give a signal for each observed pixel."
        ) from error
    n = min(observation.size, _DRAWN)
    flat = rng.permutation(n) if n < _DRAWN else rng.integers(observation.size, size=n)
    chosen = np.unravel_index(flat, observation.shape)
    s, x = (np.asarray(p[chosen], dtype=np.float64) for p in (s, observation))
    kept = np.isfinite(s) & np.isfinite(x)
    s, x = s[kept], x[kept]
    limit = min(limit, unsaturated_signal(s, x)) if len(s) else limit
    s, x = s[s <= limit], x[s <= limit]
    if len(s) < _LEAST_PAIRS:
        raise NoiseModelError(
            f"{len(s)} pairs of signal and observation are too few for a noise model: it takes at "
            f"least {_LEAST_PAIRS} pixels that are numbers."
        )
    if np.array_equal(s, x):
        raise NoiseModelError(
            "Signal and observation are equal: there is no noise to model. Give the raw image as "
            "the observation, and its clean version as the signal."
        )
    if not s.min() < s.max():
        raise NoiseModelError(
            f"The signal is {s[0]:g} everywhere: a noise model needs a signal that varies. Use an "
            "image with structure, or a defocused field with an edge."
        )
    return s, x


def _binned(s: Floats, x: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean signal, variance and number of pairs in bins of equal count."""
    order = np.argsort(s, kind="stable")
    groups = np.array_split(order, max(min(_BINS, len(s) // 50), 1))
    centres = np.array([s[group].mean() for group in groups])
    variances = np.array([np.mean((x[group] - s[group]) ** 2) for group in groups])
    least = max(float(variances.max()) * 1e-6, np.finfo(np.float64).tiny)
    return centres, np.maximum(variances, least), np.array([float(len(g)) for g in groups])


def _line(centres: Floats, variances: Floats, counts: Floats, span: float) -> tuple[float, float]:
    """Gain and intercept of the variance, each bin trusted by its number of pairs."""
    fitted = variances
    least = _LEAST_RISE * float(np.median(variances)) / span
    slope, intercept = least, float(np.median(variances))
    for _ in range(10 if len(centres) > 1 else 0):
        root = np.sqrt(counts) / fitted
        design = np.stack([centres, np.ones_like(centres)], axis=1) * root[:, None]
        slope, intercept = np.linalg.lstsq(design, variances * root, rcond=None)[0]
        fitted = np.maximum(slope * centres + intercept, 0.1 * float(variances.min()))
    if slope < least:
        middle = float(np.average(centres, weights=counts))
        mean = float(np.average(variances, weights=counts))
        return least, mean - least * middle
    return float(slope), float(intercept)


def _spread(s: Floats) -> NDArray[np.int64]:
    """Choose `_FITTED` of the shuffled pairs, half of them evenly over the range of the signal."""
    if len(s) <= _FITTED:
        return np.arange(len(s))
    half = _FITTED // 2
    bins = np.linspace(s.min(), s.max(), _BINS + 1)[1:-1]
    bin_of = np.digitize(s, bins)
    order = np.argsort(bin_of, kind="stable")
    rank = np.empty(len(s), dtype=np.int64)
    rank[order] = np.arange(len(s)) - np.searchsorted(bin_of[order], bin_of[order])
    by_signal = np.flatnonzero(rank < half // _BINS)
    # The conditional likelihood is not biased by a draw that looks at the signal only.
    return np.unique(np.concatenate([np.arange(half), by_signal]))


def _likelihood(s: Floats, x: Floats, scale: float) -> Callable[[float, float, float], float]:
    """Mean negative log-likelihood of the pairs as a function of gain, offset, read noise."""
    signal, observation = torch.from_numpy(s), torch.from_numpy(x)

    def nll(gain: float, offset: float, read_noise: float) -> float:
        spread = max(read_noise / gain, LEAST_SPREAD) ** 2
        tables = SaddlepointTables.make(spread, with_cdf=False)
        count = ((signal - offset) / gain).clamp(min=LEAST_COUNT)
        v = torch.tensor(spread, dtype=torch.float64)
        solved = saddlepoint((observation - signal) / gain, count, v)
        density = log_density(count, v, solved) - tables.log_norm_at(count)[0]
        value = math.log(gain) - float(density.mean())
        # Far off, a line search may try numbers at which nothing is finite.
        return value if math.isfinite(value) else 1e6 + math.log(scale)

    return nll


def _minimize(function: Callable[[Floats], float], start: Floats) -> tuple[Floats, float]:
    """Minimum by quasi-Newton steps, slopes by differences."""
    from scipy.optimize import minimize  # takes 0.2 s; only fits need it

    with torch.no_grad():
        found = minimize(
            function,
            start,
            method="L-BFGS-B",
            bounds=[(-3.0, 3.0)] + [(-20.0, 20.0)] * (len(start) - 1),
            options={"maxiter": _MOST_STEPS, "ftol": 3e-6, "eps": 1e-4},
        )
    return found.x, float(found.fun)
