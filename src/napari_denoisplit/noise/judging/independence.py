"""Whether the noise of neighbouring pixels is independent: autocorrelation of the residual."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.curves import Autocorrelation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LAGS = (1, 2, 3)
"""Pixels: cameras, resampling, and compression correlate near neighbours, if any."""

_WINDOW = 21  # local mean over so many pixels squared: it takes 1/441 of white noise with it
_CORNER = 0.25  # share of the window that lies in the image at its corners
_LEAST_KNOWN = 0.5  # share of that which must be known for a local mean
_MOST_DEVIATIONS = 5.0  # hot pixels would count as noise of their own
_MOST_PIXELS = 2_000_000  # tell a correlation to 0.001
_LEAST_PIXELS = 1_000  # fewer leave an error of 0.03 and more


def autocorrelation(residuals: Sequence[NDArray[np.floating]]) -> Autocorrelation | None:
    """Correlation of the residual at lags 1 to 3 along x and y, over all windows.

    A slowly varying rest of the structure is taken out with a local mean of 21 x 21 pixels. What
    that takes from the correlation of white noise, 1/441, is given back.

    Parameters
    ----------
    residuals
        Windows (Y, X) of observation - signal in standard deviations, NaN where unknown. Windows
        beyond two million pixels are left out.

    Returns
    -------
    None if fewer than a thousand neighbouring pixels are known.
    """
    squares = known = 0.0
    products = np.zeros((2, len(LAGS)))
    counts = np.zeros((2, len(LAGS)))
    for window in residuals:
        flat, weight = flattened(np.asarray(window, dtype=np.float32))
        squares += float(np.vdot(flat, flat))
        known += float(weight.sum())
        for axis in (0, 1):
            for i, lag in enumerate(LAGS):
                here, there = _shifted(axis, lag)
                products[axis, i] += float(np.vdot(flat[here], flat[there]))
                counts[axis, i] += float(np.vdot(weight[here], weight[there]))
        if known > _MOST_PIXELS:
            break
    if counts[:, 0].min() < _LEAST_PIXELS or squares <= 0:
        return None
    variance = squares / known
    correlation = products / np.maximum(counts, 1) / variance
    taken = 1.0 / _WINDOW**2
    along_y, along_x = (correlation + taken) / (1.0 + taken)
    return Autocorrelation(
        lags=LAGS,
        x=tuple(float(c) for c in along_x),
        y=tuple(float(c) for c in along_y),
        standard_error=1.0 / math.sqrt(counts[:, 0].min()),
    )


def _shifted(axis: int, lag: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Windows of an image that lie `lag` pixels apart along an axis."""
    rest = (slice(None),) * axis
    return (*rest, slice(None, -lag)), (*rest, slice(lag, None))


def flattened(window: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return a window without outliers and its local mean, 0 where unknown; and 1 where known."""
    from scipy import ndimage  # takes 0.2 s; only judging needs it

    finite = np.isfinite(window)
    weight = finite.astype(np.float32)
    filled = np.where(finite, window, np.float32(0))
    if finite.any():
        middle = np.median(window[finite])
        sigma = 1.4826 * np.median(np.abs(window[finite] - middle)) or window[finite].std()
        np.clip(
            filled,
            middle - _MOST_DEVIATIONS * sigma,
            middle + _MOST_DEVIATIONS * sigma,
            out=filled,
        )
        filled *= weight
    share = ndimage.uniform_filter(weight, size=_WINDOW, mode="constant")
    local = ndimage.uniform_filter(filled, size=_WINDOW, mode="constant")
    weight *= share > _LEAST_KNOWN * _CORNER
    flat = (filled - local / np.maximum(share, np.float32(1e-6))) * weight
    return flat.astype(np.float32), weight
