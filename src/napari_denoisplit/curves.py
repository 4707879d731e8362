"""The numbers of the plots that judge a noise model, before any ink."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "Autocorrelation",
    "JointHistogram",
    "ModelBands",
    "NoiseCurves",
    "PitCurve",
    "SignalBin",
    "VarianceCurve",
]


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
