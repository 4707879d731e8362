"""Pairs of signal and observation, gathered for the fit of a noise model, and where from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_denoisplit.noise.pairs.line import NoiseLine
    from napari_denoisplit.settings import NoiseSource
    from napari_denoisplit.verdict import Finding

    Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """Exposures of one window, grey levels."""

    signal: Floats
    """(T, Y, X)"""
    observation: Floats
    """(T, Y, X): the signal with noise of full strength."""
    raw: Floats
    """(T, Y, X), as they were read: saturation shows here. NaN where nothing is known."""
    usable: NDArray[np.bool_]
    """(Y, X): the region of interest."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pixels of which signal and observation are known, in grey levels, in random order."""

    source: NoiseSource
    signal: Floats
    """(N,)"""
    observation: Floats
    """(N,)"""
    residuals: tuple[Floats, ...] = ()
    """Windows (Y, X) of observation - signal, each divided by its standard deviation at that
    signal, NaN where nothing is known: the autocorrelation of the noise is measured on them."""
    neighbour_correlation: tuple[float, float, float] | None = None
    """Correlation of the noise at lags 1 to 3 that the noisy image itself shows, where there is no
    residual ('single'), or where a denoiser has taken a part of it for structure ('bootstrap')."""
    line: NoiseLine | None = None
    """For the source 'single': the line that the variance follows, found robustly on flat places;
    the pairs have the form of the noise, and its variance by construction."""
    max_signal: float = float("inf")
    """Signal above which observations are cut off by saturation; pairs above are not held."""
    signal_range: tuple[float, float] = (0.0, 0.0)
    """Range of the signal over all pixels looked at, as far as pairs are held."""
    observed_range: tuple[float, float] = (0.0, 0.0)
    """Range of grey levels of the images, 0.01 % cut off at both ends."""
    notes: tuple[str, ...] = ()
    """What was found on the way, in sentences."""
    findings: tuple[Finding, ...] = ()
    """What makes the pixels doubtful, whatever model is fitted to them."""

    def fitted(self) -> tuple[Floats, Floats]:
        """Signal and observation of the pairs to fit to: the first two thirds."""
        last = len(self.signal) - len(self.signal) // 3
        return self.signal[:last], self.observation[:last]

    def held_out(self) -> tuple[Floats, Floats]:
        """Signal and observation of the pairs to judge by: the last third."""
        first = len(self.signal) - len(self.signal) // 3
        return self.signal[first:], self.observation[first:]
