"""Steps between the grey levels of an image, and whether noise is hidden by rounding to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.verdict import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_LOOKED_AT = 200_000  # values
_SHARES = (0.5, 0.9, 1.0)  # of the values: the shortest stretch that holds them, and three levels
_LEAST_COUNT = 5  # of the usual level: with fewer, gaps come by chance
_GAP = 1.3  # times the common divisor: levels are missing
_SMALL = 0.5  # standard deviation of the noise in steps, below which little but rounding is seen
_SMALL_RESCALED = 1.0  # somebody has processed such images, and may have taken noise away
_DOUBTFUL = 1.5  # times these
_PHOTONS = 0.5  # steps of gain from which single photons are seen: their noise is all there is


def grey_step(values: NDArray[np.floating]) -> float:
    """Grey levels between two values that are taken; 0 if values are continuous.

    Whole numbers are 1 apart or their greatest common divisor (8-bit images stretched to 16 bits
    have 257). Where values lie densely and still leave gaps, as in an image that was multiplied,
    the mean gap is the step.
    """
    some = values.ravel()[:: max(values.size // _LOOKED_AT, 1)]
    some = np.sort(some[np.isfinite(some)].astype(np.float64))
    if not len(some):
        return 0.0
    divisor = 0.0
    if np.array_equal(some, np.rint(some)):
        divisor = float(np.gcd.reduce(np.diff(np.unique(some)).astype(np.int64))) or 1.0
    for share in _SHARES:
        n = max(int(share * len(some)) - 1, 0)
        first = int(np.argmin(some[n:] - some[: len(some) - n]))
        levels, counts = np.unique(some[first : first + n + 1], return_counts=True)
        if len(levels) > 2:
            gap = float(np.ptp(levels)) / (len(levels) - 1)
            told = np.median(counts) >= _LEAST_COUNT and gap > _GAP * divisor
            return gap if told else divisor
    return divisor


def rounded_to(signal: NDArray[np.floating], observation: NDArray[np.floating]) -> float:
    """Return the step that observations (N,) were rounded to; single photons are no rounding."""
    step = grey_step(observation)
    return min(step, 1.0) if _photons(step, signal, (observation - signal) ** 2) else step


def _photons(step: float, signal: NDArray[np.floating], variance: NDArray[np.floating]) -> bool:
    """Whether variance rises with the signal as if each photon were a step."""
    s, v = (np.asarray(a, dtype=np.float64) for a in (signal, variance))
    return float(np.mean((s - s.mean()) * v)) > _PHOTONS * step * float(s.var()) > 0


def rescaled(step: float) -> bool:
    """Whether grey levels are that far apart since somebody has multiplied them."""
    return step not in (0.0, 1.0)


def rounding_notes(step: float) -> list[str]:
    """Say if the grey levels are not as a detector gives them."""
    if not rescaled(step):
        return []
    return [
        f"The grey levels are {step:.3g} apart: the images were multiplied or stretched, as from 8 "
        "to 16 bits. The noise model takes each value for all that is rounded to it."
    ]


def rounding_findings(
    step: float, spread: float, signal: NDArray[np.floating], variance: NDArray[np.floating]
) -> Iterator[Finding]:
    """Say if the noise is so weak beside the steps that rounding hides it.

    Parameters
    ----------
    step
        As `grey_step` tells it.
    spread
        Usual standard deviation of the noise, grey levels.
    signal, variance
        (N,), signals and the (squared) noise there: single photons are no rounding.
    """
    small = (_SMALL_RESCALED if rescaled(step) else _SMALL) * step
    if spread >= _DOUBTFUL * small:
        return
    if _photons(step, signal, variance):
        return
    yield Finding(
        2 if spread < small else 1,
        f"The noise (standard deviation {spread:.3g}) is hardly larger than the step of "
        f"{step:.3g} between grey levels: rounding hides it, and what is seen may be structure. "
        "Images that were denoised, averaged or stretched from 8 bits look like this. Use the raw "
        "images with all of their bits; clean images train by the method musplit, which takes no "
        "noise model.",
    )
