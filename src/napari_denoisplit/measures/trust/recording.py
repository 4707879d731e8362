"""A plain judgement on a recording, before it is split: whether the model knows its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from napari_denoisplit.verdict import Finding, Verdict

if TYPE_CHECKING:
    from napari_denoisplit.verdict import Grade

NOISY, TOO_NOISY = 1.6, 2.5
"""Noise in units of that of the training images that is worth a warning, and that is too much."""
STRANGE, TOO_STRANGE = 2.8, 10.0
"""Likewise for the shift, with the noise of the training images."""
_BY_NOISE = 6.0  # more noise, up to 1.4 times, shifts an image without harm


class RecordingFigures(NamedTuple):
    """What windows of a recording show, in the grey levels of the training images."""

    noise: float
    """Standard deviation of the noise, in units of that of the training images."""
    shift: float
    """See `Likeness.shift`."""
    background: float = 0.0
    """Range of the smooth background that was taken out, grey levels of the recording."""


def judge_recording(figures: RecordingFigures) -> Verdict:
    """Judge a recording by how it looks to the encoder, and by its noise."""
    found: list[Finding] = []
    if figures.noise > NOISY:
        gravity = 2 if figures.noise > TOO_NOISY else 1
        found.append(
            Finding(
                gravity,
                f"Its noise is {figures.noise:.2g} times that of the training images (standard "
                "deviation), beside structures of the same brightness: faint structures are lost. "
                "Average several exposures, or train with noise like this.",
            )
        )
    by_noise = _BY_NOISE * max(0.0, figures.noise - 1.1)
    if figures.shift > STRANGE + by_noise:
        gravity = 2 if figures.shift > TOO_STRANGE + by_noise else 1
        found.append(
            Finding(
                gravity,
                "It does not look like the images that the model was trained on (shift "
                f"{figures.shift:.1f}, of their own kind at most {STRANGE + by_noise:.1f}): "
                "another mixture of the structures, another specimen, a further structure, haze "
                "or another magnification. Train on images like this one.",
            )
        )
    if figures.background:
        found.append(
            Finding(
                1,
                f"A smooth background that differs by {figures.background:.3g} grey levels over "
                "the image was taken out. What is wider than the model knows may be structure, and "
                "another specimen can look so: compare the structures with the image.",
            )
        )
    grade: Grade = "good"
    if found:
        grade = "do not use" if max(f.gravity for f in found) == 2 else "usable"
    found.sort(key=lambda f: -f.gravity)
    reasons = [f.text for f in found] or ["It looks like the images that the model was trained on."]
    numbers = {"noise": figures.noise, "shift": figures.shift}
    return Verdict(grade=grade, reasons=tuple(reasons), figures=numbers)
