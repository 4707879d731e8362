"""Whether a denoised image is one: not blank, not the input again, not a pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_denoisplit.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.verdict import Grade

    Floats = NDArray[np.float64]

MOST_PLANES = 16
LEAST_SHARE_OF_SIGNAL = 0.5
"""A denoised image with less than this share of the variance of the signal is blank."""
LEAST_SHARE_OF_NOISE = 0.1
"""An image from which less than this share of the noise was taken is the input again."""
SIGNIFICANT = 5.0
"""Standard errors of a covariance of pure noise that a structure must exceed."""
MOST_AT_PERIOD_2 = 3.0
"""Power at a period of two pixels over that at slightly longer ones: pictures have about 1."""
SMALLEST_EDGE = 32
MOST_PATTERN = 1e-4
"""Share of the variance in such a pattern, a hundredth of the contrast: less cannot be seen."""
MOST_LOST = 0.04
"""Share of the variance of the signal that may be in what was removed. Networks that had learned
for 25 steps removed 0.01 to 0.1 of it (four images), after 80 to 100 steps 0.01 at most, and were 5
to 8 dB better."""
_AGAIN = "Train longer, or with another seed."
CORRELATION = "noise correlation"
"""Name of a figure of the verdict."""


class _Moments(NamedTuple):
    """Of one plane, squared grey levels."""

    raw: float
    """Variance of the noisy image: signal and noise."""
    neighbours: float
    """Covariance of neighbouring pixels of it: signal alone, if the noise is independent."""
    denoised: float
    residual: float
    lost: float
    """Covariance of neighbouring pixels of what was removed: structure, since noise has none."""
    pattern: float
    """Variance of a pattern of period two in the denoised image."""
    n_pixels: int


def judge_denoised(
    noisy: Sequence[Any],
    denoised: Sequence[NDArray[np.float32]],
    *,
    correlation: float | None = None,
    most_correlation: float = 0.2,
) -> Verdict:
    """Say whether denoised images may be used, and why.

    Parameters
    ----------
    noisy
        Images (..., Y, X) as they went in.
    denoised
        What came out, shapes alike; planes that are all NaN are passed over.
    correlation
        Of the noise between neighbouring pixels, where it is known.
    most_correlation
        A correlation above this is said to be kept by the denoiser.
    """
    planes = list(_planes(noisy, denoised))
    if not planes:
        return _unusable("No plane was denoised: let it run longer.")
    if not all(np.isfinite(d).all() for _, d in planes):
        return _unusable(
            "The denoised image holds values that are not numbers: lower the learning rate."
        )
    table = np.array([_moments(n, d) for n, d in planes], dtype=np.float64)
    weights = table[:, -1]  # large planes tell more than small ones
    means = _Moments(*(weights @ table / weights.sum()).tolist())
    found = _judged(means._replace(n_pixels=int(weights.sum())))
    if correlation is None:
        return found
    found = found.model_copy(update={"figures": found.figures | {CORRELATION: correlation}})
    if correlation <= most_correlation or found.grade == "do not use":
        return found
    text = (
        f"The noise of neighbouring pixels is correlated (about {correlation:.1f}), so "
        "that the denoiser takes part of it for structure and keeps it. Use images as the camera "
        "gave them, neither resampled, smoothed nor compressed; else average more exposures."
    )
    return found.model_copy(update={"grade": "usable", "reasons": (text, *found.reasons)})


def _unusable(reason: str) -> Verdict:
    return Verdict(grade="do not use", reasons=(reason,))


def _judged(m: _Moments) -> Verdict:
    noise = max(m.raw - m.neighbours, 0.0)
    figures = {
        "signal variance": m.neighbours,
        "noise variance": noise,
        "variance of the result": m.denoised,
        "variance that was removed": m.residual,
        "variance of the signal in it": m.lost,
        "variance of a checkerboard": m.pattern,
    }
    has_structure = m.neighbours > SIGNIFICANT * m.raw / m.n_pixels**0.5
    removed = m.residual**0.5
    amount = f"{removed:.0f}" if removed >= 100 else f"{removed:.3g}"
    grade: Grade = "do not use"
    if has_structure and m.denoised < LEAST_SHARE_OF_SIGNAL * m.neighbours:
        text = (
            f"The result is nearly blank: it has {m.denoised / m.neighbours:.0%} of the contrast "
            f"(variance) that the noisy image shows between neighbouring pixels. {_AGAIN}"
        )
    elif m.residual < LEAST_SHARE_OF_NOISE * noise:
        text = (
            f"The result is the input again: {m.residual / noise:.0%} of the pixel noise was "
            f"removed. {_AGAIN}"
        )
    elif m.pattern > MOST_PATTERN * m.denoised:
        text = (
            "The result carries a checkerboard of period two pixels that pictures do not have. "
            f"{_AGAIN}"
        )
    elif not has_structure:
        grade = "usable"
        text = (
            "The noisy image shows no structure beyond its noise, so the result is flat. For a "
            "noise model choose an image that shows a structure."
        )
    elif m.lost > max(MOST_LOST * m.neighbours, SIGNIFICANT * m.residual / m.n_pixels**0.5):
        grade = "usable"
        text = (
            f"Structure was removed with the noise: {m.lost / m.neighbours:.0%} of its contrast "
            "(variance). Train longer."
        )
    else:
        grade = "good"
        text = (
            f"The structure is kept: {amount} grey levels of noise (standard deviation) were "
            "removed."
        )
    return Verdict(grade=grade, reasons=(text,), figures=figures)


def _planes(
    noisy: Sequence[Any], denoised: Sequence[NDArray[np.float32]]
) -> Iterator[tuple[Floats, Floats]]:
    """Take some planes of both, evenly spread, and none that was not begun."""
    places = [
        (i, plane)
        for i, result in enumerate(denoised)
        for plane in np.ndindex(result.shape[:-2])
        if not np.isnan(result[plane]).all()
    ]
    for index in np.unique(np.linspace(0, len(places) - 1, MOST_PLANES).round().astype(int)):
        if not places:
            return
        i, plane = places[index]
        yield (
            np.asarray(noisy[i][plane], dtype=np.float64),
            np.asarray(denoised[i][plane], dtype=np.float64),
        )


def _moments(noisy: Floats, denoised: Floats) -> _Moments:
    removed = noisy - denoised
    return _Moments(
        raw=float(noisy.var()),
        neighbours=_of_neighbours(noisy),
        denoised=float(denoised.var()),
        residual=float(removed.var()),
        lost=_of_neighbours(removed),
        pattern=_checkerboard(denoised),
        n_pixels=noisy.size,
    )


def _of_neighbours(image: Floats) -> float:
    """Covariance of a pixel and the next along y or x."""
    centred = image - image.mean()
    pairs = [(centred[1:], centred[:-1]), (centred[:, 1:], centred[:, :-1])]
    covariances = [float((a * b).mean()) for a, b in pairs if a.size]
    return float(np.mean(covariances)) if covariances else 0.0


def _checkerboard(image: Floats) -> float:
    """Variance of a pattern of period two along y, x or both; 0 where there is none."""
    if min(image.shape) < SMALLEST_EDGE or np.ptp(image) == 0:
        return 0.0
    window = np.multiply.outer(np.hanning(image.shape[0]), np.hanning(image.shape[1]))
    power = np.abs(np.fft.rfft2((image - image.mean()) * window)) ** 2
    fy = np.abs(np.fft.fftfreq(image.shape[0]))[:, None]
    fx = np.fft.rfftfreq(image.shape[1])[None, :]
    excess = 0.0
    for frequency in (fy + 0 * fx, fx + 0 * fy, np.minimum(fy, fx)):
        top = power[frequency > 0.47]
        near = power[(frequency > 0.3) & (frequency < 0.45)].mean()
        if top.mean() > MOST_AT_PERIOD_2 * near:
            excess = max(excess, float((top - near).sum() / power.sum()))
    return excess * float(image.var())
