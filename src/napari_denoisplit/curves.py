"""The numbers of the plots that judge a noise model or a sigma, before any ink."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_denoisplit.settings import CalibrationMethod

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class JointHistogram:
    """Counts of pixels by signal and observation."""

    counts: NDArray[np.int64]
    """(S, O): signal bin, observation bin."""
    signal_edges: Floats
    """(S + 1,), grey levels."""
    observation_edges: Floats
    """(O + 1,), grey levels."""


@dataclass(frozen=True, slots=True, eq=False)
class ModelBands:
    """Mean and quantiles of the observation over the signal, of the model alone."""

    signal: Floats
    """(M,), grey levels."""
    mean: Floats
    """(M,)"""
    levels: tuple[float, ...]
    """Probabilities of the quantiles, rising, e.g. (0.025, 0.16, 0.84, 0.975)."""
    quantiles: Floats
    """(len(levels), M)"""
    variance: Floats
    """(M,), squared grey levels."""


@dataclass(frozen=True, slots=True, eq=False)
class SignalBin:
    """Observations whose signal lies in one bin, and the model's density over the same signals."""

    signal_range: tuple[float, float]
    signal: float
    """Mean signal in the bin, grey levels."""
    n_pixels: int
    edges: Floats
    """(H + 1,), grey levels of the observation."""
    histogram: Floats
    """(H,), observed density per grey level."""
    density_at: Floats
    """(D,), observations at which the model's density is given."""
    density: Floats
    """(D,), the model's density per grey level."""
    variance: float
    """Variance of observation - signal in the bin, squared grey levels."""
    model_variance: float
    """The same, of the model."""


@dataclass(frozen=True, slots=True, eq=False)
class VarianceCurve:
    """Variance of the noise over the signal: data in bins."""

    signal: Floats
    """(B,), mean signal of each bin, grey levels."""
    variance: Floats
    """(B,), squared grey levels."""
    standard_error: Floats
    """(B,), of the variance."""


@dataclass(frozen=True, slots=True, eq=False)
class PitCurve:
    """Probability-integral transform of held-out pixels: uniform if the model is right."""

    edges: Floats
    """(P + 1,), 0 to 1."""
    density: Floats
    """(P,), 1 everywhere if the model is right."""
    expected: Floats
    """(Q,), levels of the QQ plot, 0 to 1."""
    observed: Floats
    """(Q,), quantiles of the transform at those levels."""
    distance: float
    """Largest |observed - expected| (Kolmogorov-Smirnov)."""


@dataclass(frozen=True, slots=True, eq=False)
class Autocorrelation:
    """Correlation of the noise of neighbouring pixels."""

    lags: tuple[int, ...]
    """Pixels."""
    x: tuple[float, ...]
    """Along x, one per lag; 0 for independent pixels."""
    y: tuple[float, ...]
    standard_error: float
    """Of one value, if pixels were independent."""


@dataclass(frozen=True, slots=True, eq=False)
class NoiseCurves:
    """Everything that is plotted of a noise model and the pixels that it is judged by."""

    joint: JointHistogram
    bands: ModelBands
    bins: tuple[SignalBin, ...]
    """By rising signal."""
    variance: VarianceCurve
    pit: PitCurve
    autocorrelation: Autocorrelation | None
    """None where there is no stretch of pixels to measure it on."""
    nll: float
    """Mean negative log-likelihood of the model on held-out pixels, nats."""
    gaussian_nll: float
    """The same, of one Gaussian of constant variance fitted to the same data."""
    coverage: float
    """Share of the images' range of grey levels that lies in the model's signal range."""
    observed_range: tuple[float, float]
    """Range of grey levels of the images."""


@dataclass(frozen=True, slots=True, eq=False)
class ReliabilityCurve:
    """Actual error against predicted error, in bins of pixels by rising sigma; grey levels."""

    rmv: Floats
    """(B,), root mean variance: the error that sigma foretells."""
    squared_error: Floats
    """(B,), mean squared error, squared grey levels; from noisy targets, whose noise is taken out,
    chance can make it negative."""
    chance: Floats
    """(B,), standard error of `squared_error`, as if pixels were independent."""
    counts: NDArray[np.int64]
    """(B,), pixels of each bin."""

    @property
    def rmse(self) -> Floats:
        """(B,), root mean square error; 0 where nothing is left beside the noise."""
        return np.sqrt(np.maximum(self.squared_error, 0.0))

    @property
    def rmse_range(self) -> tuple[Floats, Floats]:
        """(B,) each, RMSE at one standard error below and above, for error bars."""
        low, high = self.squared_error - self.chance, self.squared_error + self.chance
        return np.sqrt(np.maximum(low, 0.0)), np.sqrt(np.maximum(high, 0.0))

    @property
    def variance_error(self) -> float:
        """Mean over pixels of ``|MSE - RMV^2|`` of their bin, squared grey levels.

        Source: Laves et al. 2020 (MIDL, PMLR 121).
        """
        return float(np.average(np.abs(self.squared_error - self.rmv**2), weights=self.counts))

    @property
    def ece(self) -> float:
        """Expected calibration error, grey levels: mean over pixels of ``|RMSE - RMV|`` of a bin.

        Source: Guo et al. 2017 (arXiv:1706.04599) for classes; Laves et al. 2020
        (MIDL, PMLR 121) for variances; here with their roots, in the unit of the image.
        """
        return float(np.average(np.abs(self.rmse - self.rmv), weights=self.counts))

    @property
    def relative_ece(self) -> float:
        """Expected normalized calibration error, mean over bins of ``|RMSE - RMV|`` / RMV.

        Source: Levi et al. 2022 (doi 10.3390/s22155540).
        """
        return float(np.mean(np.abs(self.rmse - self.rmv) / np.maximum(self.rmv, 1e-30)))

    @property
    def line(self) -> tuple[float, float]:
        """Slope and offset of the straight line of least squares through the bins."""
        if np.ptp(self.rmv) == 0:
            return 0.0, float(self.rmse.mean())
        slope, offset = np.polyfit(self.rmv, self.rmse, 1)
        return float(slope), float(offset)

    @property
    def correlation(self) -> float:
        """Pearson's r of RMSE and RMV; 0 where either is constant."""
        if np.ptp(self.rmv) == 0 or np.ptp(self.rmse) == 0:
            return 0.0
        return float(np.corrcoef(self.rmv, self.rmse)[0, 1])


@dataclass(frozen=True, slots=True, eq=False)
class SampleStep:
    """What sigma would be worth with fewer samples, calibrated and judged with as many."""

    n_samples: int
    factor: float
    curve: ReliabilityCurve
    coverage: dict[str, float]
    """Share of pixels within the interval of nominal '50', '68', '90' and '95' percent."""


@dataclass(frozen=True, slots=True, eq=False)
class SigmaCurves:
    """Reliability of the sigma of one channel, on pixels that the calibration was not fitted to."""

    channel: str
    before: ReliabilityCurve
    """Of the plain spread."""
    after: Mapping[CalibrationMethod, ReliabilityCurve]
    """Of sigma, by each way to calibrate."""
    chosen: CalibrationMethod
    by_samples: tuple[SampleStep, ...]
    """By rising number of samples, the last with all of them."""
