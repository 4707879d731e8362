"""A plain judgement on a recording, before it is split: whether the model knows its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_denoisplit.measures.trust.likeness import UNFAMILIAR
from napari_denoisplit.verdict import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.verdict import Grade

NOISY, TOO_NOISY = 1.6, 2.5
"""Noise in units of the most that was trained on that is worth a warning, and that is too much."""
STRANGE, TOO_STRANGE = 2.8, 10.0
"""Likewise for the shift, with the noise of the training images."""
SAME_SCALE, ANOTHER_SCALE = 1.2, 1.75
"""Ratio of pixel sizes, after enlarging, that is worth a warning, and that is too much. In a
held-out well 1.2 cost 1.5 / 0.7 dB, 1.5 cost 3.3 / 2.1 and 2 cost 4.6 / 3.0 (nuclei / actin)."""
WORTH_ENLARGING = 1.3
"""Ratio from which on a recording is enlarged twice: of two models that gained 1.2 / 1.2 dB and
nothing at 1.35, 2.5 / 2.1 and 1.7 / 1.1 at 1.5, 4.1 / 2.9 and 5.8 / 3.8 at 2."""
UNEQUAL = 1.45
"""Ratio of the brightness of two structures, beside that of the training, that is worth a warning.
Halves of a held-out well, mixed as in training, were off by 1.2, and by 1.4 where 0.6 : 0.4 cost no
more than 0.6 dB; at 1.6 and more the dimmer structure lost 1.6 to 5.6 dB."""
BLURRED = 0.55
"""Share of the fine structure of the training images, beside the coarse, that is worth a warning.
Parts of held-out wells had 0.8 to 1.1; out of focus by 2 pixels, which cost nothing to 0.5 dB, 0.6
to 0.8, and by 4 pixels, which cost up to 4.3 dB, 0.4 to 0.5."""
HIDING = 1.25
"""Noise in units of the most that was trained on, from which on no weights can be told: of two
structures as bright as in training, one seemed 0.8 times as bright at 1.3, 0.6 to 0.7 at 1.6."""
SOME, MUCH = 0.01, 0.085
"""Share of an image from which on places that look strange are told, and beyond which they are a
warning. Of three held-out wells two had 5 and 6 %; the third, with 16 %, was off by 3.6 sigma. Of
their parts of 512 pixels those beyond the limit were off by half of the contrast, others by 0.3."""
HAZY = 1.0
"""Range of a background that is worth a warning. Of one standard deviation 0.7 to 0.8 were found,
which cost 0.9 dB at most; of two 1.6 to 1.7, and other specimens looked like 1.2."""
SATURATED, FLAT = 0.01, 0.07
"""Share of saturated pixels that is worth a warning, and beyond which a split is of no use. Halves
of a held-out well lost 0.1 to 0.8 dB with 1 %, 0.2 to 1.2 with 2 %, 0.8 to 2.8 with 5 %, 2.1 to 4.9
with 10 %; the real images at hand have 0.4 % at most."""
_BY_NOISE = 8.0  # more noise, up to 1.4 times, shifts an image without harm


class RecordingFigures(NamedTuple):
    """What windows of a recording show, in the grey levels of the training images."""

    noise: float
    """Standard deviation of the noise, in units of that of the training images."""
    shift: float
    """See `Likeness.shift`."""
    background: float = 0.0
    """Range of the smooth background that was taken out, in units of the standard deviation of the
    training input."""
    detail: float | None = None
    """See `measures.trust.likeness.detail_of`, in units of that of the training images."""


def judge_recording(
    figures: RecordingFigures, noise_high: float = 1.0, n_structures: int = 2
) -> Verdict:
    """Judge a recording by how it looks to the encoder, and by its noise.

    Parameters
    ----------
    figures
        What it shows.
    noise_high
        Noise range that the model was trained over; see `MixSettings`.
    n_structures
        Structures of the model.
    """
    found: list[Finding] = []
    noise = figures.noise / noise_high
    if noise > NOISY:
        gravity = 2 if noise > TOO_NOISY else 1
        trained = "" if noise_high == 1 else f", {noise_high:g} times at most in training"
        found.append(
            Finding(
                gravity,
                f"Its noise is {figures.noise:.2g} times that of the training images (standard "
                f"deviation{trained}), beside structures of the same brightness: faint structures "
                "are lost. Average several exposures, adapt the model to it, or train over a noise "
                f"range that reaches it (noise_high {figures.noise:.2g}).",
            )
        )
    by_noise = _BY_NOISE * max(0.0, noise - 1.1)
    if figures.shift > STRANGE + by_noise:
        gravity = 2 if figures.shift > TOO_STRANGE + by_noise else 1
        found.append(
            Finding(
                gravity,
                "It does not look like the images that the model was trained on (shift "
                f"{figures.shift:.1f}, of their own kind at most {STRANGE + by_noise:.1f}): "
                f"{'another mixture of the structures, ' if n_structures > 1 else ''}another "
                "specimen, a further structure, haze or another magnification. Train on images "
                "like this one.",
            )
        )
    if figures.background > HAZY:
        found.append(
            Finding(
                1,
                f"The smooth background that was taken out differs by {figures.background:.2g} "
                "standard deviations of the training images over the image. What is wider than the "
                "model knows may be structure, and another specimen can look so: compare the "
                "structures with the image.",
            )
        )
    numbers = {"noise": figures.noise, "shift": figures.shift, "background": figures.background}
    if figures.detail is not None:
        numbers["detail"] = figures.detail
        if figures.detail < BLURRED:
            found.append(
                Finding(
                    1,
                    f"Its fine structures have {figures.detail:.2g} times the strength, beside the "
                    "coarse ones, that they have in the training images: it is out of focus, or "
                    "magnified otherwise. Focus anew, or train on images like this one.",
                )
            )
    return _verdict(found, numbers)


def judge_scale(here: float, trained: float, enlarged: int = 1) -> Verdict | None:
    """Judge a recording by the edge of its pixels and that of the training images, both in µm.

    Parameters
    ----------
    here, trained
        The edges.
    enlarged
        Times that the network sees the recording enlarged.

    Returns
    -------
    None where structures are about as large as in training.
    """
    magnification = trained / here
    ratio = max(magnification, 1 / magnification)
    if ratio <= SAME_SCALE:
        return None
    gravity = 2 if ratio / enlarged > ANOTHER_SCALE else 1
    way_out = "Resample it to that" if magnification > 1 else "Take it with pixels of that size"
    effect = (
        f"that structures look {magnification:.2g} times as large as the model knows them"
        if enlarged == 1
        else f"that it is enlarged {enlarged} times for the model, which takes {enlarged**2} times "
        "as long, and for which the uncertainty (sigma) was not calibrated"
    )
    text = (
        f"Its pixels are {here:.3g} µm wide, those of the training images {trained:.3g} µm, so "
        f"{effect}. {way_out}, or train with images like this one; if the pixel size is wrong, "
        "correct it."
    )
    return _verdict([Finding(gravity, text)], {"magnification": magnification})


def judge_told(beyond: Sequence[str], factors: Mapping[str, float]) -> Verdict:
    """Judge a recording whose structures are as bright as the model was told.

    Parameters
    ----------
    beyond
        Structures that may be dimmer or brighter than the mixing range goes.
    factors
        How bright each structure is, beside the middle of the range.
    """
    text = (
        f"{' and '.join(beyond)}: as dim or as bright as the mixing range goes, or beyond. Train "
        "over a wider range, or with the weights of this recording."
    )
    return _verdict([Finding(1, text)] if beyond else [], _brightness(factors))


def judge_unknown() -> Verdict:
    """Judge a recording of which a network is to be told the brightness, which is not known."""
    text = (
        "How bright each structure is could not be found, as the image is too small or the model "
        "has not learned it: it is split as in the middle of the mixing range. State it as "
        "brightness in the acquisition, or split a larger image."
    )
    return _verdict([Finding(1, text)], {})


def judge_saturation(share: float, level: float, plane: str = "") -> Verdict | None:
    """Judge a recording by the plane with the most saturated pixels.

    Parameters
    ----------
    share, level
        Share of its pixels, and the grey level that they have.
    plane
        Its place; empty where it is the only one.

    Returns
    -------
    None where few are.
    """
    if share <= SATURATED:
        return None
    text = (
        f"{share:.0%} of the pixels{f' of {plane}' if plane else ''} are saturated at {level:g}: "
        "what is brighter there is lost. Take it with a shorter exposure or less light."
    )
    return _verdict([Finding(2 if share > FLAT else 1, text)], {"saturated": share})


def judge_unlike(first: str, other: str) -> Verdict:
    """Judge a recording of which two planes were not taken alike."""
    text = (
        f"Its planes were not taken alike: grey levels or background of {other} differ from those "
        f"of {first}, by which all planes are split. Split each plane on its own."
    )
    return _verdict([Finding(1, text)], {})


def judge_untold(
    factors: Mapping[str, float], weights: Sequence[float], way: str, noise: float = 1.0
) -> Verdict:
    """Judge a recording by a model that is not told how bright its structures are.

    Parameters
    ----------
    factors
        How bright each structure is, beside the training superpositions.
    weights
        With which those were mixed.
    way
        Out of it, beside a training with other weights; empty: none.
    noise
        In units of the most that was trained on.
    """
    dim, bright = min(factors, key=factors.__getitem__), max(factors, key=factors.__getitem__)
    ratio = factors[bright] / factors[dim]
    if ratio <= UNEQUAL:
        return _verdict([], _brightness(factors))
    mixed = [w * f for w, f in zip(weights, factors.values(), strict=True)]
    share = sum(weights) / sum(mixed)
    text = (
        f"Beside {dim}, {bright} has {ratio:.2g} times the brightness that it has in the training "
        f"superpositions: {dim} will be found less well. "
    )
    if noise > HIDING:
        text += (
            f"That may be due to the noise, {noise:.2g} times that of the training images, which "
            "hides what is dim: average several exposures, or train over a noise range."
        )
    else:
        text += (
            f"{f'{way}, or, where' if way else 'Where'} all recordings are so, train with the "
            f"weights {', '.join(f'{share * w:.2g}' for w in mixed)} ({', '.join(factors)}; "
            "--weights)."
        )
    return _verdict([Finding(1, text)], _brightness(factors))


def with_unfamiliar(verdict: Verdict, strangeness: NDArray[np.floating]) -> Verdict:
    """Add to a verdict how much of an image looks unlike the training images.

    A little makes no verdict graver: an image of the model's own kind has such places, too.

    Parameters
    ----------
    verdict
        On the whole image.
    strangeness
        Of each place; see `Likeness.strangeness`. NaN where it is not known.
    """
    known = strangeness[~np.isnan(strangeness)]
    share = float((known > UNFAMILIAR).mean()) if known.size else 0.0
    verdict = verdict.model_copy(update={"figures": verdict.figures | {"unfamiliar": share}})
    if share < SOME:
        return verdict
    text = (
        f"{share:.0%} of the image looks unlike the training images (above {UNFAMILIAR:g} in the "
        "map 'unfamiliar'): structures there may be wrong by more than the uncertainty (sigma) "
        "says. Compare them with the image, or train on images that show such cells."
    )
    if share > MUCH:
        return verdict.joined(_verdict([Finding(1, text)], {}))
    return verdict.model_copy(update={"reasons": (*verdict.reasons, text)})


def _brightness(factors: Mapping[str, float]) -> dict[str, float]:
    return {f"brightness of {name}": factor for name, factor in factors.items()}


def _verdict(found: list[Finding], numbers: dict[str, float]) -> Verdict:
    grade: Grade = "good"
    if found:
        grade = "do not use" if max(f.gravity for f in found) == 2 else "usable"
    found.sort(key=lambda f: -f.gravity)
    reasons = [f.text for f in found] or ["It looks like the images that the model was trained on."]
    return Verdict(grade=grade, reasons=tuple(reasons), figures=numbers)
