"""Variance of the noise as a straight line over the signal: photons counted, then read out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_MODEL_ERROR = 0.05  # bins are not trusted to better than this, however many pixels they hold


@dataclass(frozen=True, slots=True, eq=False)
class NoiseLine:
    """Variance of the noise as a straight line over the signal."""

    gain: float
    """Rise of the variance with the signal, grey levels; not negative."""
    intercept: float
    """Variance that the line has at signal 0, squared grey levels; negative above an offset."""
    least_variance: float
    """Half of the least variance seen, or that of rounding: the line is not followed below."""
    signal_range: tuple[float, float]
    """Darkest and brightest signal, grey levels."""
    signals: Floats
    """(B,), mean signal of each bin of pixels behind the line, grey levels."""
    variances: Floats
    """(B,), variance of the noise in each bin, squared grey levels."""

    @classmethod
    def through(
        cls,
        signals: Floats,
        variances: Floats,
        counts: Floats,
        signal_range: tuple[float, float],
        step: float = 0.0,
    ) -> Self:
        """Draw a robust line through the variances of bins.

        Parameters
        ----------
        signals, variances
            (B,), of each bin; variances are positive.
        counts
            (B,), independent pixels in each bin.
        signal_range
            Darkest and brightest signal.
        step
            Between grey levels: rounding to them alone leaves a twelfth of its square.
        """
        gain, intercept = _line(signals, variances, counts)
        least = max(0.5 * float(variances.min()), step**2 / 12)
        return cls(gain, intercept, least, signal_range, signals, variances)

    def variance(self, signal: Floats) -> Floats:
        """Variance of the noise at each signal."""
        return np.maximum(self.gain * signal + self.intercept, self.least_variance)


def _line(signals: Floats, variances: Floats, counts: Floats) -> tuple[float, float]:
    """Gain and intercept of a robust line through the bins, gain not negative."""
    trust = 1.0 / (2.0 / counts + _MODEL_ERROR**2)
    fitted = variances
    doubt = np.ones_like(variances)
    design = np.stack([signals, np.ones_like(signals)], axis=1)
    floor = 0.2 * float(variances.min())
    gain, intercept = 0.0, float(np.average(variances, weights=trust / variances**2))
    if len(signals) < 3 or np.ptp(signals) == 0:
        return gain, intercept
    for _ in range(30):
        root = np.sqrt(trust * doubt) / fitted
        solution = np.linalg.lstsq(design * root[:, None], variances * root, rcond=None)[0]
        fitted = np.maximum(design @ solution, floor)
        # Tukey's biweight on relative errors: bins on structure stand far above the line.
        relative = (variances - fitted) / fitted
        scale = 4.685 * max(1.4826 * float(np.median(np.abs(relative))), 0.02)
        doubt = np.clip(1.0 - (relative / scale) ** 2, 0.0, 1.0) ** 2
    gain, intercept = (float(value) for value in solution)
    if gain <= 0.0:
        return 0.0, float(np.average(variances, weights=trust * doubt))
    return gain, intercept
