"""Standard deviation of the noise over the signal, whatever its form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

__all__ = ["noise_spread", "trimmed_variance"]

_BINS = 40
_LEAST_COUNT = 200
_MOST_DRAWN = 100_000
_TRIM = 4.0  # standard deviations that an outlier counts for
_TRIMMED_MEAN = 0.999881  # mean of min(z^2, _TRIM^2) for normal z


def noise_spread(signal: Floats, observation: Floats) -> Callable[[Floats], Floats]:
    """Return a function that tells the standard deviation of the noise at any signal.

    Measured in bins of the signal, with few outliers counting little, and interpolated.
    """
    step = max(len(signal) // _MOST_DRAWN, 1)
    s, residual = signal[::step], (observation - signal)[::step].astype(np.float64)
    order = np.argsort(s, kind="stable")
    n_bins = int(np.clip(len(s) // _LEAST_COUNT, 1, _BINS))
    members = np.array_split(order, n_bins)
    # The few brightest pixels get bins of their own: equal counts would lump them together.
    for _ in range(6):
        last = members[-1]
        if len(last) < 2 * _LEAST_COUNT:
            break
        members[-1:] = [last[: len(last) // 2], last[len(last) // 2 :]]
    centres = np.array([s[m].mean() for m in members])
    spreads = np.array([np.sqrt(trimmed_variance(residual[m])) for m in members])
    least = max(float(spreads.max()) * 1e-3, float(np.finfo(np.float32).tiny))
    spreads = np.maximum(spreads, least)

    def spread(at: Floats) -> Floats:
        return np.asarray(np.interp(at, centres, spreads), dtype=np.float32)

    return spread


def trimmed_variance(residual: NDArray[np.float64]) -> float:
    """Variance of zero-mean normal values (N,) of which a few are outliers."""
    squares = residual**2
    variance = float(np.median(squares)) / 0.4549 or float(squares.mean())
    for _ in range(20):
        variance = float(np.minimum(squares, _TRIM**2 * variance).mean()) / _TRIMMED_MEAN
    return variance
