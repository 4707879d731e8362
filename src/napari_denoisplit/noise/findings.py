"""What is wrong with a noise model, in words and by how much: the reasons of a verdict.

With millions of pixels any test rejects any model, so thresholds are sizes of effects: what is
wrong by less does not matter to a user. Standard errors only keep few pixels from accusing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_denoisplit.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_denoisplit.curves import NoiseCurves
    from napari_denoisplit.settings import NoiseSource

    Floats = NDArray[np.float64]

__all__ = ["Evidence", "verdict_on"]

CORRELATED = 0.20
"""Correlation of neighbours at which a network begins to take the noise for structure: it can
foretell 4 % of the variance of a pixel's noise from each of its neighbours."""
SLIGHTLY_CORRELATED = 0.08
"""Above what raw confocal and two-photon images show (0.00 to 0.06)."""
OFF = 1.25
"""Ratio of variances that shows in a plot: the standard deviation is 12 % off."""
FAR_OFF = 1.6
"""Ratio of variances at which a result is visibly too smooth or keeps noise: 26 % of sigma."""
SOME_PIXELS = 0.10
MANY_PIXELS = 0.30
WIDE = 0.25
"""Share of the signal's range: few pixels lie there, but they are the structures."""
VERY_WIDE = 0.60
PIT_OFF = 0.05
"""Largest gap between foretold and observed probability. Three-level rounding, drifts of a few
percent, and signals estimated from four repeats reach 0.03 with a model that is right."""
PIT_FAR_OFF = 0.10
"""A variance wrong by a factor of two gives 0.08 to 0.09, a shift by a quarter sigma 0.10."""
SHIFTED = 0.25
FAR_SHIFTED = 0.6
"""Mean of the noise in standard deviations."""
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
CERTAIN = 3.0
"""Standard errors that an effect must exceed beyond its threshold."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What the findings go by, besides the curves."""

    source: NoiseSource
    n_pixels: int
    signal_range: tuple[float, float]
    """What the model was made for, grey levels."""
    counts: NDArray[np.int64]
    """(B,), pixels of each signal bin."""
    offset: Floats
    """(B,), mean of the observation less the mean that the model foretells, grey levels."""
    model_variance: Floats
    """(B,), squared grey levels."""
    fitted_nll: float
    """Mean negative log-likelihood of the pixels to fit to, nats."""


class _Finding(NamedTuple):
    gravity: int
    """0: worth knowing; 1: usable; 2: do not use."""
    text: str


def verdict_on(curves: NoiseCurves, evidence: Evidence) -> Verdict:
    """Judge by the curves and what they do not hold."""
    found = [
        *_independence(curves),
        *_variance(curves, evidence),
        *_shift(curves, evidence),
        *_shape(curves),
        *_gain(curves),
        *_coverage(curves, evidence),
        *_amount(curves, evidence),
        *_origin(evidence),
    ]
    found.sort(key=lambda finding: -finding.gravity)
    gravest = max((f.gravity for f in found), default=0)
    if not gravest:
        found.insert(0, _Finding(0, _praise(curves)))
    return Verdict(
        grade=("good", "usable", "do not use")[gravest],
        reasons=tuple(f.text for f in found),
        figures=_figures(curves, evidence),
    )


def _independence(curves: NoiseCurves) -> Iterator[_Finding]:
    correlation = curves.autocorrelation
    if correlation is None:
        yield _Finding(
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
        yield _Finding(
            1,
            f"The noise of neighbouring pixels is slightly correlated ({where}); the model takes "
            "it as independent. Expect denoised images to keep a little of the noise as faint "
            "blotches. If the images were resampled or compressed, use the raw data instead.",
        )
        return
    yield _Finding(
        2,
        f"The noise of neighbouring pixels is correlated ({where}), and the model assumes that it "
        "is not. Expect denoised and split images to keep the blotches of the noise as if they "
        "were structure. Use the raw data from before any resampling, registration, "
        "deconvolution, smoothing or compression; if there is none, bin the images 2 x 2 and "
        "fit anew.",
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


def _ratios(curves: NoiseCurves, evidence: Evidence) -> Floats:
    """Observed over foretold variance of each bin, moved towards 1 by what chance can do."""
    variance, error = curves.variance.variance, curves.variance.standard_error
    ratio = variance / evidence.model_variance
    slack = CERTAIN * error / np.maximum(variance, 1e-300)
    logs = np.log(np.maximum(ratio, 1e-300))
    return np.asarray(np.exp(np.sign(logs) * np.maximum(np.abs(logs) - slack, 0.0)))


def _variance(curves: NoiseCurves, evidence: Evidence) -> Iterator[_Finding]:
    ratios = _ratios(curves, evidence)
    size = np.exp(np.abs(np.log(ratios)))
    if not (size > OFF).any():
        return
    off, far = _shares(curves, evidence, size > OFF), _shares(curves, evidence, size > FAR_OFF)
    if far.pixels > MANY_PIXELS or far.width > VERY_WIDE:
        gravity = 2
    elif off.pixels > SOME_PIXELS or off.width > WIDE:
        gravity = 1
    else:
        return
    advice = (
        "Results would be wrong there: too smooth where the model expects more noise than there "
        "is, noisy where it expects less. Fit a model to images of this camera and these settings."
        if gravity == 2
        else "Trust results less there. More pixels of that brightness, or another kind of noise "
        "model, may describe it better."
    )
    yield _Finding(gravity, f"{_where_off(curves, evidence, size > OFF)} {advice}")


class _Shares(NamedTuple):
    pixels: float
    width: float


def _shares(curves: NoiseCurves, evidence: Evidence, chosen: NDArray[np.bool_]) -> _Shares:
    """Share of the pixels, and of the range of the signal, in chosen bins."""
    widths = np.array([b.signal_range[1] - b.signal_range[0] for b in curves.bins])
    return _Shares(
        float(evidence.counts[chosen].sum() / evidence.counts.sum()),
        float(widths[chosen].sum() / max(widths.sum(), 1e-300)),
    )


def _where_off(curves: NoiseCurves, evidence: Evidence, off: NDArray[np.bool_]) -> str:
    """Sentence on the widest stretch of signals where the variance is off in one direction."""
    ratios = curves.variance.variance / evidence.model_variance
    stretches = []
    signs = np.where(off, np.sign(np.log(np.maximum(ratios, 1e-300))), 0)
    for sign, group in groupby(range(len(off)), key=lambda b: signs[b]):
        members = list(group)
        if sign:
            low, high = (curves.bins[members[end]].signal_range[end] for end in (0, -1))
            part = float(evidence.counts[members].sum() / evidence.counts.sum())
            ratio = float(np.average(ratios[members], weights=evidence.counts[members]))
            stretches.append((part, low, high, ratio))
    part, low, high, ratio = max(stretches)
    strength = (
        f"{ratio:.2g} times as large as the model says"
        if ratio > 1
        else f"only {ratio:.2g} times what the model says"
    )
    return (
        f"Between grey levels {low:.4g} and {high:.4g} ({part:.0%} of the pixels) the variance of "
        f"the noise is {strength}."
    )


def _shift(curves: NoiseCurves, evidence: Evidence) -> Iterator[_Finding]:
    sigma = np.sqrt(np.maximum(curves.variance.variance, 1e-300))
    shift = evidence.offset / sigma
    certain = np.abs(shift) - CERTAIN / np.sqrt(evidence.counts)
    far = _shares(curves, evidence, certain > FAR_SHIFTED)
    off = _shares(curves, evidence, certain > SHIFTED)
    gravity = 2 if far.pixels > MANY_PIXELS else 1 if off.pixels > SOME_PIXELS else 0
    if not gravity:
        return
    mean = float(np.average(evidence.offset, weights=evidence.counts))
    yield _Finding(
        gravity,
        f"Observations lie {abs(mean):.3g} grey levels {'above' if mean > 0 else 'below'} what the "
        "model expects on average, a good part of the noise itself. Clean and noisy images may "
        "differ in offset or exposure, or the model may come from a camera with another offset: "
        "fit it to these images.",
    )


def _shape(curves: NoiseCurves) -> Iterator[_Finding]:
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
    yield _Finding(
        2 if pit.distance >= PIT_FAR_OFF else 1,
        f"Observations do not fall where the model expects them: {what}; probabilities are off by "
        f"up to {pit.distance:.2f}. Fit another kind of noise model, or more Gaussians.",
    )


def _gain(curves: NoiseCurves) -> Iterator[_Finding]:
    variance = curves.variance.variance
    varies = float(np.quantile(variance, 0.9)) > VARIES * float(np.quantile(variance, 0.1))
    gain = curves.gaussian_nll - curves.nll
    if gain > LEAST_GAIN or not (varies or gain < 10 * LEAST_GAIN):
        return
    yield _Finding(
        2 if gain < 10 * LEAST_GAIN else 1,
        "A plain Gaussian of one width describes held-out pixels better than this model "
        f"(by {-gain:.3f} nats a pixel): the model misses how noise depends on the signal. Fit it "
        "anew, to images of this camera.",
    )


def _coverage(curves: NoiseCurves, evidence: Evidence) -> Iterator[_Finding]:
    if curves.coverage >= COVERED:
        return
    low, high = evidence.signal_range
    darkest, brightest = curves.observed_range
    yield _Finding(
        2 if curves.coverage < BARELY_COVERED else 1,
        f"The model knows signals from {low:.4g} to {high:.4g}, the images go from {darkest:.4g} "
        f"to {brightest:.4g}: outside it is only a guess. Fit it to images that are as bright and "
        "as dark as those it is used for; saturated pixels cannot be described.",
    )


def _amount(curves: NoiseCurves, evidence: Evidence) -> Iterator[_Finding]:
    n = evidence.n_pixels
    if n < FEW_PIXELS:
        yield _Finding(
            2 if n < TOO_FEW_PIXELS else 1,
            f"Only {n} pixels are known, too few for a sure judgement: use larger or more images.",
        )
    overfit = curves.nll - evidence.fitted_nll
    if overfit > OVERFITTED:
        yield _Finding(
            1,
            "The model describes the pixels of its fit better than others "
            f"(by {overfit:.3f} nats a pixel): it has learned chance. Use more pixels, or a kind "
            "of noise model with fewer numbers.",
        )


def _origin(evidence: Evidence) -> Iterator[_Finding]:
    if evidence.source == "bootstrap":
        yield _Finding(
            0,
            "The signal was found by a denoiser: what it takes for structure is missing from the "
            "noise, what it smooths away is counted as noise. Repeats of one field are surer.",
        )
    elif evidence.source == "single":
        yield _Finding(
            0,
            "The noise was judged by flat places of the noisy image alone: its shape is checked "
            "less strictly than with repeats of one field.",
        )


def _praise(curves: NoiseCurves) -> str:
    correlation = curves.autocorrelation
    neighbours = (
        ""
        if correlation is None
        else f", neighbouring pixels are independent (correlation "
        f"{_strongest(curves)[0]:.2f} at most)"
    )
    return (
        "Pixels that the fit has not seen fall where the model expects them (probabilities to "
        f"within {curves.pit.distance:.3f}){neighbours}, and it covers {curves.coverage:.0%} of "
        "the images' grey levels."
    )


def _figures(curves: NoiseCurves, evidence: Evidence) -> dict[str, float]:
    ratios = curves.variance.variance / evidence.model_variance
    certain = np.exp(np.abs(np.log(_ratios(curves, evidence))))
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
        "pixels_with_variance_off": _shares(curves, evidence, certain > OFF).pixels,
        "range_with_variance_off": _shares(curves, evidence, certain > OFF).width,
        "shift": float(np.average(evidence.offset, weights=evidence.counts)),
    }
    correlation = curves.autocorrelation
    if correlation is not None:
        for axis, values in (("x", correlation.x), ("y", correlation.y)):
            for lag, value in zip(correlation.lags, values, strict=True):
                figures[f"correlation_{axis}{lag}"] = value
        figures["correlation_error"] = correlation.standard_error
    return figures
