"""Standard deviation of the noise over the signal, whatever its form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.errors import NoiseModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_BINS = 40
_LEAST_COUNT = 200
_MOST_DRAWN = 100_000
_LEAST_SPREAD = 1e-12  # grey levels: variances beyond are lost in rounding
_STEPS = 4.0  # of single precision that a standard deviation must span
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


def check_spread(spread: float, largest: float) -> None:
    """Refuse noise that is too weak to compute with.

    Parameters
    ----------
    spread
        Standard deviation of the noise.
    largest
        Largest size of a grey level of the images.

    Raises
    ------
    NoiseModelError
        It is next to nothing, or lost in the rounding of the grey levels to single precision.
    """
    resolved = _STEPS * float(np.finfo(np.float32).eps) * largest
    if spread >= max(resolved, _LEAST_SPREAD):
        return
    raise NoiseModelError(
        f"The noise has a standard deviation of {spread:.3g} at grey levels of up to "
        f"{largest:.3g}: no more than rounding. If there is noise, subtract a constant from the "
        "images or multiply them; else give the raw images."
    )
