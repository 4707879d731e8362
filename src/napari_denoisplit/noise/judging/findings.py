"""What is wrong with a noise model, in words and by how much: the reasons of a verdict.

With millions of pixels any test rejects any model, so thresholds are sizes of effects: what is
wrong by less does not matter to a user. Standard errors only keep few pixels from accusing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.noise.judging.misfit import (
    OFF,
    certain_ratios,
    shares,
    shift_findings,
    variance_findings,
)
from napari_denoisplit.verdict import CERTAIN, CORRELATED, SLIGHTLY_CORRELATED, Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_denoisplit.curves import NoiseCurves
    from napari_denoisplit.noise.judging.evidence import Evidence

PIT_OFF = 0.05
"""Largest gap between foretold and observed probability. Drifts of a few percent, and signals
estimated from four repeats, reach 0.03 with a model that is right."""
PIT_FAR_OFF = 0.25
"""A model with the right mean and variance but another shape keeps results unbiased: single
photons on a dark ground reach 0.2 under a Gaussian. Beyond, mean or variance must be wrong."""
COVERED = 0.85
BARELY_COVERED = 0.5
"""Share of the grey levels of the images that the model was made for."""
FEW_PIXELS = 30_000
"""Thirty bins of the signal with a thousand pixels each: variances to 5 %."""
TOO_FEW_PIXELS = 1_000
OVERFITTED = 0.02
"""Nats per pixel by which pixels of the fit are likelier than held-out ones."""
LEAST_GAIN = -0.005
"""Nats per pixel over a plain Gaussian; chance reaches a few thousandths."""
VARIES = 1.5
"""Ratio of the variances of bright and dark pixels from which a plain Gaussian is wrong."""


def verdict_on(curves: NoiseCurves, evidence: Evidence) -> Verdict:
    """Judge by the curves and what they do not hold."""
    found = [
        *_independence(curves),
        *evidence.of_data,
        *variance_findings(curves, evidence),
        *shift_findings(curves, evidence),
        *_shape(curves),
        *_gain(curves),
        *_coverage(curves, evidence),
        *_amount(curves, evidence),
        *_origin(evidence),
    ]
    found.sort(key=lambda finding: -finding.gravity)
    gravest = max((f.gravity for f in found), default=0)
    if not gravest:
        found.insert(0, Finding(0, _praise(curves)))
    return Verdict(
        grade=("good", "usable", "do not use")[gravest],
        reasons=tuple(f.text for f in found),
        figures=_figures(curves, evidence),
    )


def _independence(curves: NoiseCurves) -> Iterator[Finding]:
    correlation = curves.autocorrelation
    if correlation is None:
        yield Finding(
            0,
            "Whether the noise of neighbouring pixels is independent could not be measured: there "
            "is no stretch of neighbouring pixels.",
        )
        return
    strongest, lag, axis = _strongest(curves)
    size = abs(strongest) - CERTAIN * correlation.standard_error
    if size < SLIGHTLY_CORRELATED:
        return
    where = f"{strongest:.2f} at {lag} pixel{'s' * (lag > 1)} along {axis}"
    if size < CORRELATED:
        yield Finding(
            1,
            f"The noise of neighbouring pixels is slightly correlated ({where}), which the model "
            "does not know. Expect denoised images to keep a little of the noise as faint "
            "blotches. If the images were resampled or compressed, use the raw data instead.",
        )
        return
    yield Finding(
        2,
        f"The noise of neighbouring pixels is correlated ({where}), which the model does not know. "
        "Expect denoised images to keep the blotches of the noise as if they were structure. Use "
        "the raw data from before any resampling, registration, deconvolution, smoothing or "
        "compression; if there is none, fit the kind 'correlated' to repeats of one field, or bin "
        "the images 2 x 2 and fit anew.",
    )


def _strongest(curves: NoiseCurves) -> tuple[float, int, str]:
    """Return the correlation of largest size, its lag and its axis."""
    correlation = curves.autocorrelation
    if correlation is None:
        return 0.0, 0, "x"
    every = [
        (value, lag, axis)
        for axis, values in (("x", correlation.x), ("y", correlation.y))
        for lag, value in zip(correlation.lags, values, strict=True)
    ]
    return max(every, key=lambda e: abs(e[0]))


def _shape(curves: NoiseCurves) -> Iterator[Finding]:
    pit = curves.pit
    if pit.distance < PIT_OFF:
        return
    inner = float(np.interp(0.84, pit.observed, pit.expected)) - float(
        np.interp(0.16, pit.observed, pit.expected)
    )
    middle = float(np.interp(0.5, pit.expected, pit.observed)) - 0.5
    if inner < 0.68 - PIT_OFF:
        what = f"the noise is wider than the model says (only {inner:.0%} where it expects 68%)"
    elif inner > 0.68 + PIT_OFF:
        what = f"the noise is narrower than the model says ({inner:.0%} where it expects 68%)"
    elif abs(middle) > PIT_OFF / 2:
        what = f"observations tend to lie {'above' if middle > 0 else 'below'} what it expects"
    else:
        what = "the shape of the noise is another than the model's"
    yield Finding(
        2 if pit.distance >= PIT_FAR_OFF else 1,
        f"Observations do not fall where the model expects them: {what}; probabilities are off by "
        f"up to {pit.distance:.2f}. Fit another kind of noise model, or more Gaussians.",
    )


def _gain(curves: NoiseCurves) -> Iterator[Finding]:
    variance = curves.variance.variance
    varies = float(np.quantile(variance, 0.9)) > VARIES * float(np.quantile(variance, 0.1))
    gain = curves.gaussian_nll - curves.nll
    if gain > LEAST_GAIN or not (varies or gain < 10 * LEAST_GAIN):
        return
    yield Finding(
        2 if gain < 10 * LEAST_GAIN else 1,
        "A plain Gaussian of one width describes held-out pixels better than this model "
        f"(log-likelihood of a pixel higher by {-gain:.3f}): the model misses how noise depends on "
        "the signal. Fit it anew, to images of this camera.",
    )


def _coverage(curves: NoiseCurves, evidence: Evidence) -> Iterator[Finding]:
    if curves.coverage >= COVERED:
        return
    low, high = evidence.signal_range
    darkest, brightest = curves.observed_range
    advice = (
        f"These images are saturated above a signal of {evidence.max_signal:.4g}, where noise "
        "cannot be measured: take images with a shorter exposure or less gain."
        if evidence.max_signal - high < 0.1 * (high - low)
        else "Fit it to images that are as bright and as dark as those it is used for."
    )
    yield Finding(
        2 if curves.coverage < BARELY_COVERED else 1,
        f"The model knows signals from {low:.4g} to {high:.4g}, the images go from {darkest:.4g} "
        f"to {brightest:.4g}: outside it is only a guess. {advice}",
    )


def _amount(curves: NoiseCurves, evidence: Evidence) -> Iterator[Finding]:
    n = evidence.n_pixels
    if n < FEW_PIXELS:
        yield Finding(
            2 if n < TOO_FEW_PIXELS else 1,
            f"Only {n} pixels are known, too few for a sure judgement: use larger or more images.",
        )
    overfit = curves.nll - evidence.fitted_nll
    if overfit > OVERFITTED:
        yield Finding(
            1,
            "The model describes the pixels of its fit better than others "
            f"(log-likelihood of a pixel higher by {overfit:.3f}): it has learned chance. Use more "
            "pixels, or a kind of noise model with fewer numbers.",
        )


def _origin(evidence: Evidence) -> Iterator[Finding]:
    if evidence.source == "bootstrap":
        yield Finding(
            0,
            "The signal was found by a denoiser: what it takes for structure is missing from the "
            "noise, what it smooths away is counted as noise. Repeats of one field are surer.",
        )
    elif evidence.source == "single":
        yield Finding(
            0,
            "The noise was judged by flat places of the noisy image alone: its shape is checked "
            "less strictly than with repeats of one field.",
        )


def _praise(curves: NoiseCurves) -> str:
    correlation = curves.autocorrelation
    neighbours = (
        ""
        if correlation is None
        else f", it leaves neighbouring pixels independent (correlation "
        f"{abs(_strongest(curves)[0]):.2f} at most)"
    )
    return (
        "Pixels that the fit has not seen fall where the model expects them (probabilities to "
        f"within {curves.pit.distance:.3f}){neighbours}, and it covers {curves.coverage:.0%} of "
        "the images' grey levels."
    )


def _figures(curves: NoiseCurves, evidence: Evidence) -> dict[str, float]:
    ratios = curves.variance.variance / evidence.model_variance
    certain = np.exp(np.abs(np.log(certain_ratios(curves, evidence))))
    figures = {
        "pixels": float(evidence.n_pixels),
        "nll": curves.nll,
        "gaussian_nll": curves.gaussian_nll,
        "fitted_nll": evidence.fitted_nll,
        "pit_distance": curves.pit.distance,
        "coverage": curves.coverage,
        "variance_ratio": float(np.average(ratios, weights=evidence.counts)),
        "least_variance_ratio": float(ratios.min()),
        "most_variance_ratio": float(ratios.max()),
        "pixels_with_variance_off": shares(curves, evidence, certain > OFF).pixels,
        "range_with_variance_off": shares(curves, evidence, certain > OFF).width,
        "shift": float(np.average(evidence.offset, weights=evidence.counts)),
    }
    correlation = curves.autocorrelation
    if correlation is not None:
        for axis, values in (("x", correlation.x), ("y", correlation.y)):
            for lag, value in zip(correlation.lags, values, strict=True):
                figures[f"correlation_{axis}{lag}"] = value
        figures["correlation_error"] = correlation.standard_error
    return figures
