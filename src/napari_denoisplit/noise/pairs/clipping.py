"""Grey levels at which a detector or a file format cuts off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PILE = 20  # pixels that an end of the range must hold before it is suspected
_HIGH_PILE = 3
_LOW_PILE = 10  # photon counting has a natural pile at zero
_BINS = 64
_MOST_CLIPPED = 0.003  # 2.7 sigma below the level, where cutting takes 2 % of the variance
_LEAST_CLIPPED = 3  # fewer are hot pixels


def clipped_levels(values: NDArray[np.floating]) -> tuple[float, float]:
    """Levels at and beyond which pixels are clipped; infinite where none are.

    The end of the range counts as clipped if far more pixels lie there than at the next level.
    """
    levels, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    if len(levels) < 3:
        return -np.inf, np.inf
    low = levels[0] if counts[0] > max(_PILE, _LOW_PILE * counts[1]) else -np.inf
    high = levels[-1] if counts[-1] > max(_PILE, _HIGH_PILE * counts[-2]) else np.inf
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
    edges = np.linspace(signal.min(), signal.max(), _BINS + 1)
    members, _ = np.histogram(signal, edges)
    clipped, _ = np.histogram(signal[observation >= level], edges)
    too_many = np.flatnonzero(clipped > np.maximum(_MOST_CLIPPED * members, _LEAST_CLIPPED))
    return float(edges[too_many[0]]) if len(too_many) else np.inf
