"""Signals at which a noise model is off: its variance, or its mean."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_denoisplit.verdict import CERTAIN, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_denoisplit.curves import NoiseCurves
    from napari_denoisplit.noise.judging.evidence import Evidence

    Floats = NDArray[np.float64]

OFF = 1.25
"""Ratio of variances that shows in a plot: the standard deviation is 12 % off."""
FAR_OFF = 1.6
"""Ratio of variances at which a result is visibly too smooth or keeps noise: 26 % of sigma."""
SOME_PIXELS = 0.10
MANY_PIXELS = 0.30
WIDE = 0.25
"""Share of the signal's range: few pixels lie there, but they are the structures."""
VERY_WIDE = 0.60
SHIFTED = 0.25
FAR_SHIFTED = 0.6
"""Mean of the noise in standard deviations."""


def certain_ratios(curves: NoiseCurves, evidence: Evidence) -> Floats:
    """Observed over foretold variance of each bin, moved towards 1 by what chance can do."""
    variance, error = curves.variance.variance, curves.variance.standard_error
    ratio = variance / evidence.model_variance
    slack = CERTAIN * error / np.maximum(variance, 1e-300)
    logs = np.log(np.maximum(ratio, 1e-300))
    return np.asarray(np.exp(np.sign(logs) * np.maximum(np.abs(logs) - slack, 0.0)))


def variance_findings(curves: NoiseCurves, evidence: Evidence) -> Iterator[Finding]:
    """Say where the variance of the noise is another than the model's."""
    ratios = certain_ratios(curves, evidence)
    size = np.exp(np.abs(np.log(ratios)))
    if not (size > OFF).any():
        return
    off, far = shares(curves, evidence, size > OFF), shares(curves, evidence, size > FAR_OFF)
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
        else "Trust results less there. Fit the model to more pixels of that brightness, of this "
        "camera and these settings, or try another kind of noise model."
    )
    worst = size > (FAR_OFF if gravity == 2 else OFF)
    yield Finding(gravity, f"{_where_off(curves, evidence, worst)} {advice}")


class Shares(NamedTuple):
    """How much of the data some bins hold."""

    pixels: float
    width: float


def shares(curves: NoiseCurves, evidence: Evidence, chosen: NDArray[np.bool_]) -> Shares:
    """Share of the pixels, and of the range of the signal, in chosen bins."""
    widths = np.array([b.signal_range[1] - b.signal_range[0] for b in curves.bins])
    return Shares(
        float(evidence.counts[chosen].sum() / evidence.counts.sum()),
        float(widths[chosen].sum() / max(widths.sum(), 1e-300)),
    )


class _Stretch(NamedTuple):
    """Neighbouring bins that are off in one direction."""

    members: list[int]
    low: float
    high: float
    part: float
    """Share of the pixels."""
    width: float
    """Share of the signal's range."""

    @property
    def place(self) -> str:
        """Where the stretch lies, to begin a sentence with."""
        return (
            f"Between grey levels {self.low:.4g} and {self.high:.4g} ({self.part:.0%} of the "
            "pixels)"
        )


def _main_stretch(
    curves: NoiseCurves, evidence: Evidence, deviation: Floats, off: NDArray[np.bool_]
) -> _Stretch:
    """Find the stretch that matters most among those whose deviation has one sign."""
    signs = np.where(off, np.sign(deviation), 0)
    extent = curves.bins[-1].signal_range[1] - curves.bins[0].signal_range[0]
    stretches = []
    for sign, group in groupby(range(len(off)), key=lambda b: signs[b]):
        members = list(group)
        low, high = (curves.bins[members[end]].signal_range[end] for end in (0, -1))
        part = float(evidence.counts[members].sum() / evidence.counts.sum())
        if sign:
            stretches.append(_Stretch(members, low, high, part, (high - low) / max(extent, 1e-300)))
    return max(stretches, key=lambda stretch: stretch.part + stretch.width)


def _where_off(curves: NoiseCurves, evidence: Evidence, off: NDArray[np.bool_]) -> str:
    """Sentence on where the variance is off, and by how much."""
    ratios = curves.variance.variance / evidence.model_variance
    stretch = _main_stretch(curves, evidence, np.log(np.maximum(ratios, 1e-300)), off)
    ratio = float(np.average(ratios[stretch.members], weights=evidence.counts[stretch.members]))
    strength = (
        f"{ratio:.2g} times as large as the model says"
        if ratio > 1
        else f"only {ratio:.2g} times what the model says"
    )
    return f"{stretch.place} the variance of the noise is {strength}."


def shift_findings(curves: NoiseCurves, evidence: Evidence) -> Iterator[Finding]:
    """Say where observations are brighter or darker than the model expects."""
    if evidence.source == "single":
        return  # the signal is a mean over the pixel itself, and says nothing of an offset
    shift = evidence.offset / np.sqrt(np.maximum(curves.variance.variance, 1e-300))
    certain = np.abs(shift) - CERTAIN / np.sqrt(evidence.counts)
    far = shares(curves, evidence, certain > FAR_SHIFTED)
    off = shares(curves, evidence, certain > SHIFTED)
    gravity = 2 if far.pixels > MANY_PIXELS else 1 if off.pixels > SOME_PIXELS else 0
    if not gravity:
        return
    stretch = _main_stretch(curves, evidence, shift, certain > SHIFTED)
    mean = float(np.average(shift[stretch.members], weights=evidence.counts[stretch.members]))
    yield Finding(
        gravity,
        f"{stretch.place} pixels are {'brighter' if mean > 0 else 'darker'} than the model "
        f"expects, by {abs(mean):.2g} standard deviations of the noise. Clean and noisy images "
        "may differ in offset or exposure, or the model may come from a camera with another "
        "offset: fit it to these images.",
    )
