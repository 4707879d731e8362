"""What samples say of a place, in words that claim no more than they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.measures.samples.spread import LEVEL
from napari_denoisplit.wording import grey_levels

if TYPE_CHECKING:
    from napari_denoisplit.measures.samples.statistics import Estimate, SampleReading

__all__ = ["CAVEAT", "caveat", "reading_text"]

CAVEAT = (
    "The spread of the samples is that of the posterior which the model has learned. The model's "
    "own error is not in it: on structures or noise unlike its training data, all samples can "
    "agree and be wrong."
)
_UNCALIBRATED = "Sigma here is the plain spread of the samples, not compared with any truth."
_CALIBRATED = (
    "Sigma is scaled to errors that were measured on single pixels of calibration images; it holds "
    "for images like those."
)
_CARRIED_OVER = "For a mean the same factor is taken over, which was not tested."
_STRONG = 0.5  # correlation that is worth a word
_FEW = 10  # samples, below which it is said that they are few


def reading_text(reading: SampleReading) -> str:
    """Numbers of a place, line by line."""
    lines = [_headline(reading)]
    for name, estimate in zip(reading.structures, reading.estimates, strict=True):
        lines.append(f"{name}: {_estimate(estimate, calibrated=reading.calibrated)}")
    lines += _pairs(reading)
    if reading.independent is not None and reading.n_points > 1:
        alone = " and ".join(grey_levels(sigma, 4) for sigma in reading.independent)
        lines.append(f"Were pixels independent, sigma would be {alone}: they are not.")
    if reading.values.shape[1] < _FEW:
        n_kept = reading.values.shape[1]
        few = "Only 1 sample is kept" if n_kept == 1 else f"Only {n_kept} samples are kept"
        lines.append(f"{few}: keep more in the Split widget (Samples to keep) for a finer picture.")
    return "\n".join(lines)


def caveat(reading: SampleReading | None) -> str:
    """Say what sigma contains, and what it does not."""
    if reading is None:
        return CAVEAT
    parts = [_CALIBRATED if reading.calibrated else _UNCALIBRATED]
    if reading.calibrated and reading.kind != "pixel":
        parts.append(_CARRIED_OVER)
    return " ".join([*parts, CAVEAT])


def _headline(reading: SampleReading) -> str:
    if reading.where is not None:
        text = f"Pixel y {reading.where[0]}, x {reading.where[1]}"
    else:
        what = "pixels" if reading.kind == "area" else "points"
        text = f"Mean over the {reading.kind}, {reading.n_points:,} {what}"
    return text if reading.observed is None else f"{text}: input {grey_levels(reading.observed, 4)}"


def _estimate(estimate: Estimate, *, calibrated: bool) -> str:
    kind = "sigma" if calibrated else "sigma (uncalibrated)"
    if not np.isfinite(estimate.sigma):
        return f"MMSE {grey_levels(estimate.mean, 4)}, {kind} is not known"
    text = f"MMSE {grey_levels(estimate.mean, 4)}, {kind} {grey_levels(estimate.sigma, 4)}"
    if not np.isfinite(estimate.high):
        n = estimate.n_samples
        return f"{text}; {'1 sample is' if n == 1 else f'{n} samples are'} too few for an interval"
    low, high = grey_levels(estimate.low, 4), grey_levels(estimate.high, 4)
    return f"{text}, {LEVEL:.0%} interval {low} to {high} ({estimate.n_samples} samples)"


def _pairs(reading: SampleReading) -> list[str]:
    n = len(reading.structures)
    found = []
    for a in range(n):
        for b in range(a + 1, n):
            r = reading.correlation[a, b]
            if np.isfinite(r):
                found.append(f"{reading.structures[a]} and {reading.structures[b]}: {_meaning(r)}")
    return found


def _meaning(r: float) -> str:
    if r < -_STRONG:
        return f"r = {r:.2f}, what one gains the other loses"
    if r > _STRONG:
        return f"r = {r:.2f}, they rise and fall together"
    return f"r = {r:.2f}"
