"""How far more training would carry, told from the loss on validation.

A learning rate that falls to zero by the end of the budget lets every curve flatten there, so that
the last minutes alone tell nothing. The rules here were checked on whole trainings, see
docs/train.md: what they call a gain was one when such a training had twice the steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from napari_denoisplit.wording import duration

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEY = "outlook"
"""Of the sentences, in what a model file says of its training."""
FIRST_STEPS = 300
"""No training was near its best before."""
LEAST_EPOCHS = 4
WORSE = 0.1
"""Share of what was learned by which the loss has risen where a training went on for too long."""
GAIN = 0.05
"""Share of what was learned that the second half brings where more time still helps."""
_FALLEN = 0.1
"""Of the highest learning rate: below it, the loss no longer jumps up and down."""
_AT_LAST = 3
"""Epochs that are all worse where the loss still jumps."""


_LIMIT = "the images: too few, too noisy, or of structures that look alike."


class Point(NamedTuple):
    """An epoch, as far as it matters here."""

    step: int
    loss: float
    """On validation."""
    learning_rate: float


def foresee(points: Sequence[Point], begun: int, seconds: float, *, is_apart: bool) -> str:
    """Say what more training would bring, and what limits it.

    Parameters
    ----------
    points
        Every epoch since the weights were random.
    begun
        Step at which the last run began, of a training that was gone on with.
    seconds
        Seconds of that run.
    is_apart
        Whether its structures are well apart, see `judge_separation`.

    Returns
    -------
    Sentences; empty where the epochs are too few to tell.
    """
    if not points or points[-1].step <= begun:
        return ""
    end = points[-1].step
    if end < FIRST_STEPS:
        return f"This was a short training, of {end} steps: give it more time."
    if len(points) < LEAST_EPOCHS:
        return ""
    best = min(points, key=lambda point: point.loss)
    learned = points[0].loss - best.loss
    if learned <= 0:
        return ""
    highest = max(p.learning_rate for p in points if p.step > begun)
    at_last = points[-1:] if points[-1].learning_rate < _FALLEN * highest else points[-_AT_LAST:]
    if min(p.loss for p in at_last) > best.loss + WORSE * learned:
        return (
            f"The loss on validation was lowest after {best.step} of {end} steps, and rose since: "
            "the network learns these images by heart. More images would help, more minutes not."
        )
    if points[-1].learning_rate > highest / 2:
        return (
            "It ended before its learning rate came down, which is when a training gains most: "
            "going on would help."
        )
    half = min(p.loss for p in points if p.step <= max(points[0].step, (begun + end) / 2))
    gain = max(half - best.loss, 0) / learned
    brought = f"the second half of this training brought {gain:.0%} of what it has learned."
    if gain < GAIN:
        limit = "" if is_apart else f" What mixes the structures lies in {_LIMIT}"
        return f"More time would gain little: {brought}{limit}"
    limit = "" if is_apart else f" If they are mixed even then, it lies in {_LIMIT}"
    return f"About {duration(seconds)} more would still help: {brought}{limit}"


def outlook_of(training: Mapping[str, Any]) -> str:
    """Return what was foreseen of a model when its training ended; empty if its file says not."""
    found = training.get(KEY)
    return found if isinstance(found, str) else ""
