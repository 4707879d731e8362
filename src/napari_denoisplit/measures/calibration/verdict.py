"""Whether a calibrated sigma may be read as an error, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_denoisplit.verdict import Verdict
from napari_denoisplit.wording import grey_levels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_denoisplit.calibration_record import CalibrationScore
    from napari_denoisplit.verdict import Grade

GOOD_SLOPE, USABLE_SLOPE = 0.1, 0.3
"""How far the slope of RMSE over RMV may be from 1."""
GOOD_CORRELATION, USABLE_CORRELATION = 0.95, 0.8
WORSE = 1.05
"""A calibration error that grew by this factor is not that of a good calibration."""
MOST_FACTOR = 10.0
"""A larger factor from spread to error is no calibration but a mistake."""
GOOD_MISSED, USABLE_MISSED = 0.05, 0.12
"""How far fewer pixels may lie within any of the intervals than should."""
GOOD_SURPLUS = {"50": 0.12, "68": 0.12, "90": 0.05, "95": 0.05}
"""How far more may. With a true sigma, errors whose tails are those of a Laplace distribution have
61, 75, 90 and 94 % of the pixels within the four intervals, in place of 50, 68, 90 and 95 %."""


def judge_sigma(score: CalibrationScore, factor: float = 1.0, *, is_clean: bool) -> Verdict:
    """Say whether sigma may be read as an error in grey levels, by pixels that were left out.

    Intervals that hold too few pixels promise what is not true, and weigh as much as a wrong slope.
    Those that hold too many are on the safe side, so that sigma remains usable.

    Parameters
    ----------
    score
        What was measured there.
    factor
        By which error and spread differ, as root mean squares.
    is_clean
        Whether the targets had no noise; otherwise the intervals, which then contain the noise,
        say little and are not judged.
    """
    shares = score.coverage if is_clean else {}
    parts = [_of_slope(score), _of_intervals(score.channel, shares), _of_targets(is_clean)]
    if factor > MOST_FACTOR:
        parts.insert(0, ("do not use", _of_factor(score.channel, factor)))
    parts.sort(key=lambda part: _RANK.index(part[0]))  # the gravest first; equals stay in order
    reasons = (*(reason for _, reason in parts if reason), _LIMITS)
    return Verdict(grade=parts[0][0], reasons=reasons, figures=_figures(score))


_RANK: tuple[Grade, ...] = ("do not use", "usable", "good")
_LIMITS = (
    "The uncertainty (sigma) is the spread of the model's answers, scaled to the errors on images "
    "like these. It says nothing of images unlike them."
)


def _of_slope(score: CalibrationScore) -> tuple[Grade, str]:
    off, r = abs(score.slope - 1), score.correlation
    grade: Grade = "do not use"
    if off <= GOOD_SLOPE and r >= GOOD_CORRELATION:
        grade = "good"
    elif off <= USABLE_SLOPE and r >= USABLE_CORRELATION:
        grade = "usable"
    text = (
        f"Where the uncertainty grows by 1, the root mean square error of {score.channel} grows "
        f"by {score.slope:.2f} (r = {score.correlation:.3f}); on average they differ by "
        f"{grey_levels(score.ece_after)} grey levels, {grey_levels(score.ece_before)} before."
    )
    if off > GOOD_SLOPE:
        text += (
            f" Where the uncertainty is large, it is too {'small' if score.slope > 1 else 'large'}."
        )
    if r < GOOD_CORRELATION:
        text += " The error does not always rise where the uncertainty does."
    if score.ece_after > WORSE * score.ece_before:
        grade = "usable" if grade == "good" else grade
        text += " On average the plain spread was nearer to the error."
    return grade, text


def _of_intervals(channel: str, shares: Mapping[str, float]) -> tuple[Grade, str]:
    """Judge the share of pixels within the interval of each nominal percent; no shares are good."""
    if not shares:
        return "good", ""
    surplus = {name: share - float(name) / 100 for name, share in shares.items()}
    narrow = [name for name, more in surplus.items() if -more > GOOD_MISSED]
    wide = [name for name, more in surplus.items() if more > GOOD_SURPLUS[name]]
    held = _listed([f"{share:.0%}" for share in shares.values()])
    text = f"The intervals of {_percents(list(shares))} hold {held} of the pixels of {channel}"
    if not narrow and not wide:
        return "good", f"{text}, near enough to what they should."
    text += "."
    if narrow:
        text += f" {_subject(narrow)} too narrow: more pixels are further off than it says."
    if wide:
        text += f" {_subject(wide)} too wide: "
        text += (
            "most errors are smaller than it says."
            if any(float(name) < 80 for name in wide)
            else "large errors are rarer than it says."
        )
    grade: Grade = "do not use" if -min(surplus.values()) > USABLE_MISSED else "usable"
    return grade, text


def _of_targets(is_clean: bool) -> tuple[Grade, str]:
    if is_clean:
        return "good", ""
    return "good", (
        "The targets are noisy: their noise was taken out on average, and where it hides the "
        "error the uncertainty rests on the factor alone. The intervals contain the noise, too, "
        "and are not judged."
    )


def _of_factor(channel: str, factor: float) -> str:
    return (
        f"The error of {channel} is {factor:.0f} times the spread of the answers: they "
        "know next to nothing of it. Check that the images have the exposure and the offset of "
        "those that the model was trained on, and the order of the structures."
    )


def _subject(names: Sequence[str]) -> str:
    return f"That of {names[0]}% is" if len(names) == 1 else f"Those of {_percents(names)} are"


def _percents(names: Sequence[str]) -> str:
    return _listed([f"{name}%" for name in names])


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _figures(score: CalibrationScore) -> dict[str, float]:
    return {
        "slope": score.slope,
        "correlation": score.correlation,
        "ECE before": score.ece_before,
        "ECE after": score.ece_after,
        **{f"coverage of {name}%": share for name, share in score.coverage.items()},
    }
