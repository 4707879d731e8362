"""Pairs of signal and observation, gathered for the fit of a noise model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_denoisplit.noise.estimation import NoiseLine
    from napari_denoisplit.settings import NoiseSource

__all__ = ["Pairs"]


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pixels of which signal and observation are known, in grey levels, in random order."""

    source: NoiseSource
    signal: NDArray[np.float32]
    """(N,)"""
    observation: NDArray[np.float32]
    """(N,)"""
    residuals: tuple[NDArray[np.float32], ...] = ()
    """Windows (Y, X) of observation - signal, each divided by its standard deviation at that
    signal, NaN where nothing is known: the autocorrelation of the noise is measured on them."""
    neighbour_correlation: tuple[float, float, float] | None = None
    """Where no residual can be had (a single image): correlation of the noise at lags 1 to 3, as
    estimated by other means; None if `residuals` tell."""
    line: NoiseLine | None = None
    """For the source 'single': the line that the variance follows, found robustly on flat places;
    the pairs only serve to judge it."""
    max_signal: float = float("inf")
    """Signal above which observations are cut off by saturation; pairs above are not held."""
    signal_range: tuple[float, float] = (0.0, 0.0)
    """Range of the signal over all pixels looked at, as far as pairs are held."""
    observed_range: tuple[float, float] = (0.0, 0.0)
    """Range of grey levels of the images, 0.01 % cut off at both ends."""
    notes: tuple[str, ...] = ()
    """What was found on the way, in sentences."""

    def fitted(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Signal and observation of the pairs to fit to: the first two thirds."""
        last = len(self.signal) - len(self.signal) // 3
        return self.signal[:last], self.observation[:last]

    def held_out(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Signal and observation of the pairs to judge by: the last third."""
        first = len(self.signal) - len(self.signal) // 3
        return self.signal[first:], self.observation[first:]
