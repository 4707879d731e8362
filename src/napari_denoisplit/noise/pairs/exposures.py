"""Exposures among repeats that tell nothing of the noise, and whether the others are independent.

A blank exposure shows nothing of the field, a copy holds the pixels of another, and one unlike the
others has moved or lost its focus. What is left must be independent in time: a mean over time
shows less noise than the exposures that it was made of.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.noise.pairs.rounding import grey_step
from napari_denoisplit.noise.pairs.scaling import Reference
from napari_denoisplit.noise.pairs.spread import SECOND_DIFFERENCE, noise_spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Booleans = NDArray[np.bool_]

_SMOOTH = 2.0  # pixels: changes of the field are wider than noise
_BLANK = 0.1  # of the contrast of the others
_CLEAR = 0.5  # of the grain of the noise that structure must stand out by
_MIDDLE = (0.002, 0.998)  # quantiles: hot pixels and cosmic rays are no contrast
_NOISE_LEFT = 5.76 / (2 * np.sqrt(np.pi) * _SMOOTH)  # width of smoothed noise between these
_OUTLIER = 2.0  # times the usual difference from the others
_LEAST_FOR_OUTLIERS = 3  # of two, nobody can say which is wrong
_STRIKE = 12.0  # standard deviations
_MOST_STRUCK = 1e-3  # of the pixels
_LEAST_TO_COMPARE = 100  # pixels
_SAME = 0.9  # of the variance of an exposure that the one before it explains, if it is a copy
_PRECISION = 1e-6  # of float32, after some arithmetic
_OF_ROUNDING = 1.5  # times its variance that two copies may differ by
_OF_FILTER = np.convolve(SECOND_DIFFERENCE, SECOND_DIFFERENCE)[2:]  # of white noise, by distance


def blank(windows: Sequence[Floats], masks: Sequence[Booleans]) -> Booleans:
    """Which exposures show nothing of the field, (T,): a closed shutter, a lamp that was off.

    By the contrast of the smoothed exposure beyond that of its noise, which neither drift nor
    bleaching takes to a tenth.
    """
    from scipy import ndimage  # takes 0.2 s; only fits need it

    contrasts, grains = np.zeros((2, len(windows[0])))
    for raw, usable in zip(windows, masks, strict=True):
        for t, x in enumerate(raw):
            fine = ndimage.correlate(x, np.outer(SECOND_DIFFERENCE, SECOND_DIFFERENCE))[usable]
            grain = _NOISE_LEFT * float(np.sqrt(np.median(fine**2) / 0.4549))
            low, high = np.quantile(ndimage.gaussian_filter(x, _SMOOTH)[usable], _MIDDLE)
            contrasts[t], grains[t] = max(contrasts[t], high - low - grain), max(grains[t], grain)
    usual = float(np.quantile(contrasts, 0.75))
    # Of a field without structure all exposures are alike.
    return contrasts < (_BLANK * usual if usual > _CLEAR * np.median(grains) else 0.0)


def copies(windows: Sequence[Floats]) -> Booleans:
    """Which exposures hold the pixels of an earlier one, (T,), or of the last in other levels.

    A program that gives every frame a contrast of its own makes no exposure of a copy.
    """
    seen: set[bytes] = set()
    found = np.zeros(len(windows[0]), dtype=bool)
    for t in range(len(found)):
        digest = hashlib.sha256(b"".join(raw[t].tobytes() for raw in windows)).digest()
        found[t] = digest in seen or (
            t > 0 and all(_rescaled(raw[t - 1], raw[t]) for raw in windows)
        )
        seen.add(digest)
    return found


def _rescaled(first: Floats, other: Floats) -> bool:
    """Whether an exposure differs from another by gain, offset and rounding alone."""
    # A contrast that was stretched cuts off the ends.
    inside = np.logical_and.reduce([(x > x.min()) & (x < x.max()) for x in (first, other)])
    if inside.sum() < _LEAST_TO_COMPARE:
        return False
    x, y = (one[inside].astype(np.float64) for one in (first, other))
    x -= x.mean()
    y -= y.mean()
    slope = float(x @ y) / max(float(x @ x), 1e-300)
    rest = float(np.mean((y - slope * x) ** 2))
    rounding = (grey_step(other) ** 2 + (slope * grey_step(first)) ** 2) / 12
    own = (_PRECISION * float(np.abs(other).max())) ** 2
    return (
        slope > 0
        and rest < (1 - _SAME) * float(y @ y) / len(y)
        and rest < _OF_ROUNDING * rounding + own
    )


def alike(windows: Sequence[Floats], masks: Sequence[Booleans]) -> Booleans:
    """Which exposures show the same as the others, (T,)."""
    from scipy import ndimage  # takes 0.2 s; only fits need it

    n = len(windows[0])
    if n < _LEAST_FOR_OUTLIERS:
        return np.ones(n, dtype=bool)
    scores = []
    for raw, usable in zip(windows, masks, strict=True):
        level = raw[:, usable].mean(axis=1)[:, None, None]
        middle = np.median(raw - level, axis=0) + np.median(level)
        field = Reference(middle, usable, shift=True)
        score = []
        for x in raw:
            _, _, signal = field.followed_by(x)
            rest = x - signal
            # A cosmic ray is no fault of the whole exposure.
            most = _STRIKE / 2 * 1.4826 * float(np.median(np.abs(rest[usable])))
            smooth = ndimage.gaussian_filter(np.clip(rest, -most, most), _SMOOTH)
            score.append(float(smooth[usable].std()))
        scores.append(np.array(score) / max(float(np.median(score)), 1e-12))
    kept = np.median(scores, axis=0) < _OUTLIER
    return kept if kept.sum() >= 2 else np.ones(n, dtype=bool)


def without_strikes(raw: Floats, usable: Booleans) -> tuple[Floats, Booleans]:
    """Exposures in which pixels far out of the others are replaced, and where those are."""
    struck = np.zeros(raw.shape, dtype=bool)
    if len(raw) < _LEAST_FOR_OUTLIERS:
        return raw, struck
    middle = np.median(raw, axis=0)
    level = np.median(raw[:, usable] - middle[usable], axis=1)
    expected = middle + level[:, None, None]
    sigma = noise_spread(
        np.tile(middle[usable], len(raw)), (raw - level[:, None, None])[:, usable].ravel()
    )(middle)
    struck = usable & (np.abs(raw - expected) > _STRIKE * np.maximum(sigma, np.median(sigma)))
    # Where many stand out, they are no accident, but noise of another form or a changed field.
    if struck.mean() > _MOST_STRUCK:
        return raw, np.zeros(raw.shape, dtype=bool)
    return np.where(struck, expected, raw), struck


def correlation_in_time(
    noise: Sequence[Floats], times: NDArray[np.int64], shifts: NDArray[np.int64]
) -> tuple[float, float] | None:
    """Correlation of the noise of an exposure and the next, and its standard error.

    Parameters
    ----------
    noise
        Windows (T, Y, X) of exposures less the mean of all, pixel by pixel of the detector; 0 where
        nothing is known.
    times
        (T,), numbers of the exposures in the series.
    shifts
        (T, 2), pixels by which each was moved before the mean was taken.

    Returns
    -------
    None if there are not both neighbours and others.
    """
    from scipy import ndimage  # takes 0.2 s; only fits need it

    n = len(times)
    apart = np.abs(np.subtract.outer(times, times))
    if not (noise and (apart == 1).any() and (apart > 1).any()):
        return None
    products = np.zeros(apart.shape)
    for window in noise:
        # What is left of the field where it has moved or bleached is wider than a pixel.
        fine = window
        for axis in (1, 2):
            fine = ndimage.correlate1d(fine, SECOND_DIFFERENCE, axis=axis)
        rows = fine.reshape(n, -1).astype(np.float64)
        rows /= np.maximum(np.sqrt((rows**2).sum(axis=0)), 1e-300)
        products += rows @ rows.T
    correlation = products / max(np.diag(products).mean(), 1e-300)
    # The mean, which holds them all, makes exposures alike as the filter does pixels so far apart.
    moved = np.abs(shifts[:, None] - shifts).clip(0, 3)
    correlation += np.append(_OF_FILTER, 0.0)[moved].prod(axis=-1) / (n - 1)
    near, far = (float(correlation[chosen].mean()) for chosen in (apart == 1, apart > 1))
    independent = (
        sum(window[0].size for window in noise) / float(np.sum(_OF_FILTER**2) * 2 - 1) ** 2
    )
    error = n / (n - 1) / math.sqrt((n - 2) * independent)
    return (near - far) / max(1 - far, 1e-3), error
