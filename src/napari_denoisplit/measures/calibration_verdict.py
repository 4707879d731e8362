"""Whether a calibrated sigma may be read as an error, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_denoisplit.verdict import Verdict
from napari_denoisplit.wording import grey_levels

if TYPE_CHECKING:
    from napari_denoisplit.calibration_record import CalibrationScore
    from napari_denoisplit.verdict import Grade

__all__ = ["judge_sigma"]

GOOD_SLOPE, USABLE_SLOPE = 0.1, 0.3
"""How far the slope of RMSE over RMV may be from 1."""
GOOD_CORRELATION, USABLE_CORRELATION = 0.95, 0.8
MOST_FACTOR = 10.0
"""A larger factor from spread to error is no calibration but a mistake."""
GOOD_COVERAGE, USABLE_COVERAGE = 0.05, 0.12
"""How far the share of pixels within the interval of 95 % may be from it."""


def judge_sigma(score: CalibrationScore, factor: float = 1.0, *, is_clean: bool) -> Verdict:
    """Say whether sigma may be read as an error in grey levels, by pixels that were left out.

    Parameters
    ----------
    score
        What was measured there.
    factor
        By which error and spread differ, as root mean squares.
    is_clean
        Whether the targets had no noise; otherwise coverage says little and is not judged.
    """
    slope, r = abs(score.slope - 1), score.correlation
    missed = abs(score.coverage["95"] - 0.95) if is_clean else 0.0
    limits: tuple[tuple[Grade, float, float, float], ...] = (
        ("good", GOOD_SLOPE, GOOD_CORRELATION, GOOD_COVERAGE),
        ("usable", USABLE_SLOPE, USABLE_CORRELATION, USABLE_COVERAGE),
    )
    grade: Grade = "do not use"
    for name, most_slope, least_r, most_missed in limits:
        if slope <= most_slope and r >= least_r and missed <= most_missed:
            grade = name
            break
    reasons = _reasons(score, is_clean)
    if factor > MOST_FACTOR:
        grade = "do not use"
        reasons = (
            f"The error of {score.channel} is {factor:.0f} times the spread of the samples: they "
            "know next to nothing of it. Check that the images have the exposure and the offset of "
            "those that the model was trained on, and the order of the structures.",
            *reasons,
        )
    return Verdict(grade=grade, reasons=reasons, figures=_figures(score))


def _reasons(score: CalibrationScore, is_clean: bool) -> tuple[str, ...]:
    reasons = [
        f"Where sigma says 1, the root mean square error of {score.channel} grows by "
        f"{score.slope:.2f} (r = {score.correlation:.3f}); on average they differ by "
        f"{grey_levels(score.ece_after)} grey levels, {grey_levels(score.ece_before)} before."
    ]
    if is_clean:
        reasons.append(
            f"{score.coverage['68']:.0%} and {score.coverage['95']:.0%} of the pixels lie within "
            "the intervals that should hold 68% and 95%."
        )
    else:
        reasons.append(
            "The targets are noisy: their noise was taken out on average, and where it hides the "
            "error sigma rests on the factor alone."
        )
    reasons.append(
        "Sigma is the spread of the learned posterior, scaled to the errors on images like these. "
        "It says nothing of images unlike them."
    )
    return tuple(reasons)


def _figures(score: CalibrationScore) -> dict[str, float]:
    return {
        "slope": score.slope,
        "correlation": score.correlation,
        "ECE before": score.ece_before,
        "ECE after": score.ece_after,
        **{f"coverage of {name}%": share for name, share in score.coverage.items()},
    }
