"""A plain judgement on what a split leaves unexplained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.measures.trust.reference import Departure
    from napari_denoisplit.measures.trust.residual import ResidualFigures
    from napari_denoisplit.verdict import Grade

NOTABLE = 2.5
"""Distance from the reference, in standard deviations of its tiles, that is worth a warning: as if
the whole image were like the worst hundredth of its kind. Recordings with half of the noise, which
are split better, had 2.2."""
CLEAR = 4.0
"""Distance that not even a single tile of the model's own kind has."""
NOISY, TOO_NOISY = 2.2, 3.0
"""Variance of the residual, of the noisiest images that the model knows 1, that is worth a warning,
and that is too much. Up to that a model stands other noise than that of its training: twice the
variance costs about 1 dB, a quarter of it nothing."""
TREND, STRANGE_TREND = 8.0, 16.0
"""Likewise for the distance in how the noise rises with the signal."""
WHITE, STRANGE_WHITE = 0.15, 0.5
"""Without a reference: |variance - 1| that is worth a warning, and that is too much."""
EXPLAINED, UNEXPLAINED = 0.05, 0.15
"""Without a reference: mean correlation of pixels 1 to 3 apart, likewise."""

_CANNOT = (
    "The residual shows whether the structures together explain the image, not whether each part "
    "went to the right structure."
)


def judge_by_reference(
    figures: ResidualFigures, departures: Sequence[Departure], noise_high: float = 1.0
) -> Verdict:
    """Judge by what the model leaves of images of its own kind.

    Parameters
    ----------
    figures
        Of the whole image.
    departures
        Of its tiles from those of the reference, one for each figure.
    noise_high
        Noise range that the model was trained over; see `MixSettings`.
    """
    graded = sorted(
        ((_gravity(d, noise_high), _excess(d), d) for d in departures), key=lambda g: g[:2]
    )[::-1]
    off = [(gravity, d) for gravity, _, d in graded if gravity]
    grade: Grade = "good"
    usual = {d.figure: d.expected for d in departures}
    if not off and (
        usual["covariance"] > UNEXPLAINED or abs(usual["variance"] - 1) > STRANGE_WHITE
    ):
        grade = "usable"
        reasons = [
            "No worse than images of the model's own kind, but of these, too, it leaves much "
            f"unexplained: {_in_words(figures)}. Its noise models do not fit (correlated noise), "
            "or it was trained too briefly, so that the check can tell little.",
            _CANNOT,
        ]
    elif off:
        grade = "do not use" if off[0][0] == 2 else "usable"
        reasons = [_finding(d) for _, d in off]
        reasons.append(_what_to_do(grade))
    else:
        reasons = [
            "The predicted structures together explain the image as well as images of the kind "
            f"that the model was trained on: {_in_words(figures)}.",
            _CANNOT,
        ]
    distances = {f"distance in {d.figure}": d.distance for d in departures}
    return Verdict(grade=grade, reasons=tuple(reasons), figures=_numbers(figures) | distances)


def judge_absolutely(figures: ResidualFigures) -> Verdict:
    """Judge without a reference: a perfect model leaves independent noise of variance 1."""
    correlation = sum(figures.correlation) / len(figures.correlation)
    excess = figures.variance - 1
    grade: Grade = "usable"
    reasons = []
    if correlation > EXPLAINED:
        reasons.append(
            f"Neighbouring pixels of the residual are correlated by {correlation:.2f} (independent "
            "noise: 0): it holds structure, or the noise of the image is correlated."
        )
    # The mean of samples explains some of the noise away, but not most of it.
    if excess > WHITE or -excess > (WHITE if figures.n_samples else STRANGE_WHITE):
        reasons.append(_of_variance(figures.variance, 1.0))
    if correlation > UNEXPLAINED or abs(excess) > STRANGE_WHITE:
        grade = "do not use"
    if reasons:
        reasons.append(_what_to_do(grade))
    else:
        reasons.append(f"Nothing stands out: {_in_words(figures)}.")
    reasons.append(
        "The model does not know what it leaves of images of its own kind, so that this is a rough "
        "judgement: give it a reference (denoisplit trust --reference)."
    )
    reasons.append(_CANNOT)
    return Verdict(grade=grade, reasons=tuple(reasons), figures=_numbers(figures))


def _gravity(d: Departure, noise_high: float) -> int:
    """Say what a departure means for the split: nothing (0), a warning (1), do not use (2)."""
    if d.figure == "variance":
        ratio = d.found / max(d.expected, 1e-6) / noise_high**2
        return int(ratio > NOISY) + int(ratio > TOO_NOISY)
    excess = _excess(d)
    first, second = (TREND, STRANGE_TREND) if d.figure == "trend" else (NOTABLE, CLEAR)
    return int(excess > max(first, d.by_chance)) + int(excess > max(second, d.by_chance))


def _excess(d: Departure) -> float:
    """Distance in the direction that is bad, in standard deviations.

    Less structure than usual is no fault; noise that rises with the signal less than it should is
    one as well as noise that rises more.
    """
    return abs(d.distance) if d.figure == "trend" else d.distance


def _finding(d: Departure) -> str:
    far = f"{abs(d.distance):.1f} standard deviations"
    match d.figure:
        case "variance":
            return f"{_of_variance(d.found, d.expected)} That is {far} from the model's own kind."
        case "covariance":
            return (
                "Neighbouring pixels of the residual have a covariance of "
                f"{d.found:.3f} of the noise's variance, {d.expected:.3f} in images of the model's "
                f"own kind ({far} more): structure was left unexplained."
            )
        case "trend":
            return (
                f"Where the image is bright, the residual has {np.exp(d.found):.2f} times the "
                f"variance of where it is dark, {np.exp(d.expected):.2f} times in images of the "
                f"model's own kind ({far}): the noise rises with the signal otherwise than the "
                "noise models say, as with another camera or exposure. Train with noise models of "
                "this camera."
            )
        case _:
            found, expected = (max(v, 0.0) ** 0.5 for v in (d.found, d.expected))
            return (
                f"Over windows of 16 x 16 pixels the superposition of the predicted structures is "
                f"off by {found:.2f} standard deviations of the noise, {expected:.2f} in images of "
                f"the model's own kind ({far} more): smooth structure or background was left "
                "unexplained."
            )


def _of_variance(found: float, expected: float) -> str:
    if found > expected:
        return (
            f"The residual has {found:.2f} times the variance of the noise, where {expected:.2f} "
            "is expected: structure was left unexplained, or the image is noisier than those that "
            "the noise models were fitted to."
        )
    return (
        f"The residual has {found:.2f} times the variance of the noise, where {expected:.2f} is "
        "expected: the image is less noisy than those that the noise models were fitted to, or its "
        "noise was taken for structure."
    )


def _what_to_do(grade: Grade) -> str:
    if grade == "do not use":
        return (
            "Do not believe the structures where the residual shows a pattern: the image is not of "
            "the kind that the model knows. Check the model, the channel and the exposure, or "
            "train on images like this one."
        )
    return (
        "Look at the residual before you believe a structure: the image differs from those that "
        "the model knows."
    )


def _in_words(f: ResidualFigures) -> str:
    correlation = sum(f.correlation) / len(f.correlation)
    return (
        f"variance {f.variance:.2f} of the noise's, correlation of neighbours {correlation:.3f}, "
        f"{f.outside:.2%} of the pixels outside 3 standard deviations"
    )


def _numbers(f: ResidualFigures) -> dict[str, float]:
    lags = {f"correlation at {lag}": c for lag, c in enumerate(f.correlation, start=1)}
    return {"variance": f.variance, "outside 3 sigma": f.outside, "bias": f.bias, **lags}
