"""Probability-integral transform: where observations lie in the distribution that is foretold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.curves import PitCurve

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_BINS = 20
_LEVELS = 99


def pit_values(
    cdf: Callable[[Floats, Floats], Floats],
    signal: Floats,
    observation: Floats,
    step: float,
    rng: np.random.Generator,
) -> Floats:
    """Cumulative probability of each observation: uniform between 0 and 1 if the model is right.

    Rounded observations stand for an interval; their transform is drawn evenly between the
    probabilities at its ends (randomized transform, Czado et al. 2009,
    doi 10.1111/j.1541-0420.2009.01191.x). Without that, the transform would be a staircase.

    Parameters
    ----------
    cdf
        Of the model: probability of an observation at or below this one, given its signal.
    signal, observation
        (N,), grey levels.
    step
        As `grey_step` tells it.
    rng
        Where rounded observations lie in their interval.
    """
    if not step:
        return cdf(observation, signal)
    low = cdf(observation - step / 2, signal)
    high = cdf(observation + step / 2, signal)
    return low + (high - low) * rng.uniform(size=len(signal))


def pit_curve(values: Floats) -> PitCurve:
    """Histogram, QQ plot, and distance from uniform of transformed observations, (N,)."""
    ordered = np.sort(np.clip(values, 0.0, 1.0))
    n = len(ordered)
    edges = np.linspace(0.0, 1.0, _BINS + 1)
    counts, _ = np.histogram(ordered, edges)
    expected = np.linspace(0.0, 1.0, _LEVELS + 2)[1:-1]
    ranks = np.arange(n + 1) / n
    distance = max(np.max(ranks[1:] - ordered), np.max(ordered - ranks[:-1]))
    return PitCurve(
        edges=edges,
        density=counts * (_BINS / n),
        expected=expected,
        observed=np.quantile(ordered, expected),
        distance=float(distance),
    )
