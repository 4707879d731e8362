"""Standard deviation of the noise over the signal, and the grey levels that cut it off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.errors import NoiseModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

SECOND_DIFFERENCE = np.array([1.0, -2.0, 1.0], dtype=np.float32) / np.float32(np.sqrt(6.0))
"""Filter that keeps the variance of white noise and takes straight slopes away."""
_BINS = 40
_LEAST_COUNT = 200
_MOST_DRAWN = 100_000
_LEAST_SPREAD = 1e-12  # grey levels: variances beyond are lost in rounding
_STEPS = 4.0  # of single precision that a standard deviation must span
_TRIM = 4.0  # standard deviations that an outlier counts for
_TRIMMED_MEAN = 0.999881  # mean of min(z^2, _TRIM^2) for normal z
_PILE = 20  # pixels that an end of the range must hold before it is suspected
_HIGH_PILE = 3
_BEYOND = 0.02  # of the pixels of a pile: so many may lie above it
_LOW_PILE = 10  # photon counting has a natural pile at zero
_CLIPPING_BINS = 64
_MOST_CLIPPED = 0.003  # 2.7 sigma below the level, where cutting takes 2 % of the variance
_LEAST_CLIPPED = 3  # fewer are hot pixels


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


def clipped_levels(values: NDArray[np.floating]) -> tuple[float, float]:
    """Levels at and beyond which pixels are clipped; infinite where none are.

    The end of the range counts as clipped if far more pixels lie there than at the next level. A
    few pixels may lie above it: hot ones, or what was drawn into the image.
    """
    levels, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    if len(levels) < 3:
        return -np.inf, np.inf
    below, here = counts[:-1], counts[1:]
    above = counts.sum() - np.cumsum(counts)[1:]
    piles = (here > np.maximum(_PILE, _HIGH_PILE * below)) & (above <= _BEYOND * here)
    low = levels[0] if counts[0] > max(_PILE, _LOW_PILE * counts[1]) else -np.inf
    high = levels[1:][piles][-1] if piles.any() else np.inf
    return float(low), float(high)


def unsaturated_signal(signal: NDArray[np.floating], observation: NDArray[np.floating]) -> float:
    """Signal up to which next to no observation is clipped; infinite if there is no such limit.

    Near saturation noise is cut off. Leaving out the clipped observations would cut it off, too;
    leaving out the signals does not.

    Parameters
    ----------
    signal, observation
        Finite grey levels of the same shape.
    """
    _, level = clipped_levels(observation)
    if not np.isfinite(level):
        return np.inf
    edges = np.linspace(signal.min(), signal.max(), _CLIPPING_BINS + 1)
    members, _ = np.histogram(signal, edges)
    clipped, _ = np.histogram(signal[observation >= level], edges)
    too_many = np.flatnonzero(clipped > np.maximum(_MOST_CLIPPED * members, _LEAST_CLIPPED))
    return float(edges[too_many[0]]) if len(too_many) else np.inf
