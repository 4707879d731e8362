"""Calibration of one channel: fitted in every way, judged on the pixels left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.calibration_record import CalibrationScore, ChannelCalibration
from napari_denoisplit.curves import SampleStep, SigmaCurves
from napari_denoisplit.errors import CalibrationError
from napari_denoisplit.jobs.calibrate.pixels import pixels_of
from napari_denoisplit.measures.calibration.fit import (
    ErrorPixels,
    fit_channel,
    fit_every_way,
    noise_scale,
    variance_factor,
)
from napari_denoisplit.measures.calibration.reliability import coverage, reliability
from napari_denoisplit.measures.calibration.sigma import mapped
from napari_denoisplit.measures.calibration.verdict import judge_sigma

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.curves import ReliabilityCurve
    from napari_denoisplit.jobs.calibrate.pixels import Drawn
    from napari_denoisplit.settings import CalibrateSettings, CalibrationMethod
    from napari_denoisplit.verdict import Verdict

_FEWEST = 5  # samples whose squared spread can be divided by
CLEARLY = 0.9
"""A less simple calibration is taken if it leaves less than this share of the variance error."""


@dataclass(frozen=True, slots=True, eq=False)
class ChannelResult:
    """What was found of the sigma of one channel."""

    curves: SigmaCurves
    factors: Mapping[str, float]
    """By name: 'variance' and 'likelihood', the factors of either kind, the second where the noise
    of the targets allows for it; from targets whose noise
    is in the input also 'uncorrected', the variance factor if that were not minded."""
    noise_scale: float
    """Noise of the targets relative to that of the noise model; 1 for clean targets."""
    verdict: Verdict


@dataclass(frozen=True, slots=True, eq=False)
class CalibratedChannel:
    """One channel: what is kept in the model, and what was found on the way."""

    calibration: ChannelCalibration
    result: ChannelResult
    score: CalibrationScore
    n_fitted: int
    """Pixels that it was fitted to."""


def calibrate_channel(
    drawn: Sequence[Drawn], channel: int, name: str, settings: CalibrateSettings
) -> CalibratedChannel:
    """Fit one channel in every way, and judge each on the pixels left out.

    Raises
    ------
    CalibrationError
        There are too few pixels, the noise hides the error, or every sample is alike.
    """
    pair = pixels_of(drawn, channel, settings.n_samples)
    scale = noise_scale(pair.fit)
    fit, report = pair.fit.scaled(scale), pair.report.scaled(scale)
    fitted = fit_every_way(fit, settings.method)
    before = _curve(report, report.spread, settings)
    after = {
        way: _curve(report, mapped(report.spread, found), settings) for way, found in fitted.items()
    }
    chosen = _best(after) if settings.method == "auto" else settings.method
    curves = SigmaCurves(
        name, before, after, chosen, _by_samples(drawn, channel, settings, scale, chosen)
    )
    sigma = mapped(report.spread, fitted[chosen])
    final = after[chosen]
    score = CalibrationScore(
        channel=name,
        ece_before=before.ece,
        ece_after=final.ece,
        relative_ece_before=before.relative_ece,
        relative_ece_after=final.relative_ece,
        slope=final.line[0],
        correlation=final.correlation,
        coverage=coverage(report, sigma),
        n_pixels=len(report.spread),
    )
    factors: dict[str, float] = {way: c.factor for way, c in fitted.items() if way != "map"}
    factors |= _uncorrected(drawn, channel, fit)
    verdict = judge_sigma(score, fitted["variance"].factor, is_clean=report.is_clean)
    result = ChannelResult(curves, factors, 1.0 if fit.is_clean else scale, verdict)
    return CalibratedChannel(fitted[chosen], result, score, len(fit.spread))


def _curve(
    pixels: ErrorPixels, sigma: NDArray[np.floating], settings: CalibrateSettings
) -> ReliabilityCurve:
    return reliability(pixels, sigma, n_bins=settings.n_bins, binning=settings.binning)


def _best(after: Mapping[CalibrationMethod, ReliabilityCurve]) -> CalibrationMethod:
    """Return the simplest way whose variance error no other way clearly lowers."""
    best: CalibrationMethod = "variance"
    for way, curve in after.items():  # from the simplest to the least simple
        if curve.variance_error < CLEARLY * after[best].variance_error:
            best = way
    return best


def _by_samples(
    drawn: Sequence[Drawn],
    channel: int,
    settings: CalibrateSettings,
    scale: float,
    way: CalibrationMethod,
) -> tuple[SampleStep, ...]:
    """Calibrate in the chosen way with fewer samples, too.

    Not by likelihood with very few: its factor, of a ratio to their spread, has no finite mean.
    """
    steps = []
    fewest = _FEWEST if way == "likelihood" else 0
    for n_samples in sorted(k for k in drawn[0].moments if k >= fewest):
        pair = pixels_of(drawn, channel, n_samples)
        fit, report = pair.fit.scaled(scale), pair.report.scaled(scale)
        try:
            fitted = fit_channel(fit, way)
        except CalibrationError:
            continue  # the noise may hide the error with few samples only
        sigma = mapped(report.spread, fitted)
        found = _curve(report, sigma, settings), coverage(report, sigma)
        steps.append(SampleStep(n_samples, fitted.factor, *found))
    return tuple(steps)


def _uncorrected(drawn: Sequence[Drawn], channel: int, fit: ErrorPixels) -> dict[str, float]:
    """Return the variance factor as it were if noise and prediction were independent."""
    if drawn[0].field.kind != "noisy":
        return {}
    variance = np.concatenate([d.variance[channel][d.field.fit] for d in drawn]).astype(float)
    naive = ErrorPixels(fit.spread, fit.residual, variance)
    naive = naive.scaled(noise_scale(naive))
    try:
        return {"uncorrected": variance_factor(naive)}
    except CalibrationError:
        return {"uncorrected": 0.0}  # all of the error was taken for noise
