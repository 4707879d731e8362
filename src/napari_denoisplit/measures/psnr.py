"""Peak signal-to-noise ratio of a prediction, and its spread over samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    Pixels = NDArray[np.floating | np.integer]


def psnr(truth: Pixels, prediction: Pixels) -> float:
    """Peak signal-to-noise ratio in decibel: 20 log10((max g - min g) / sqrt(mean((g - p)^2))).

    Parameters
    ----------
    truth
        Clean image g of any shape; its range is the peak.
    prediction
        Image p of the same shape, in the same unit.

    Returns
    -------
    Decibel; infinite where the two are equal.

    Raises
    ------
    ValueError
        The shapes differ, a pixel is not finite, or the truth is constant.
    """
    g, p = checked(truth, prediction)
    return _decibel(np.ptp(g), np.mean((g - p) ** 2))


def range_invariant_psnr(truth: Pixels, prediction: Pixels) -> float:
    """Peak signal-to-noise ratio after the best scale and offset of the prediction, in decibel.

    With g~ = (g - mean g) / std g and p0 = p - mean p, the scale is a = <g~, p0> / <p0, p0>, and
    the ratio 20 log10((max g~ - min g~) / sqrt(mean((g~ - a p0)^2))). It does not change with the
    unit of either image, nor with the sign of the prediction.

    Parameters
    ----------
    truth
        Clean image g of any shape, one channel.
    prediction
        Image p of the same shape.

    Returns
    -------
    Decibel. A constant prediction gets what a best guess without an image would: the scale is 0,
    and 20 log10((max g - min g) / std g) is left. An exact fit gets hundreds, up to infinity.

    Raises
    ------
    ValueError
        The shapes differ, a pixel is not finite, or the truth is constant.

    Notes
    -----
    Source: Weigert et al. 2018 (CARE), as used by muSplit (Ashesh et al. 2023) and denoiSplit
    (Ashesh & Jug 2024, arXiv:2403.11854, S.2).
    """
    g, p = checked(truth, prediction)
    g = (g - g.mean()) / g.std()
    p = p - p.mean()
    power = np.vdot(p, p)
    scale = np.vdot(g, p) / power if power > 0 else 0.0
    return _decibel(np.ptp(g), np.mean((g - scale * p) ** 2))


def psnr_spread(
    truth: Pixels, samples: Iterable[Pixels], measure: Callable[[Pixels, Pixels], float] = psnr
) -> float:
    """Standard-deviation PSNR: the spread of the samples' PSNR, decibel.

    It grows with the diversity of the samples, but says nothing of whether they are right.

    Parameters
    ----------
    truth
        Clean image of one channel.
    samples
        Two or more, each of the truth's shape and unit.
    measure
        PSNR of one sample; `range_invariant_psnr` where the units differ.

    Raises
    ------
    ValueError
        There are fewer than two samples, or shapes differ, or the truth is constant.

    Notes
    -----
    Source: DivNoising (Prakash et al. 2021, arXiv:2006.06072), supplement 6. The standard deviation
    is that of the given samples (divided by their number), as there.
    """
    values = [measure(truth, sample) for sample in samples]
    if len(values) < 2:
        raise ValueError(f"{len(values)} samples have no spread: give two or more.")
    return float(np.std(values))


def _decibel(peak: np.floating, mean_square_error: np.floating) -> float:
    if mean_square_error == 0:
        return float("inf")
    return float(20 * np.log10(peak / np.sqrt(mean_square_error)))


def checked(truth: Pixels, prediction: Pixels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both as float64.

    Raises
    ------
    ValueError
        The shapes differ, a pixel is not finite, or the truth is constant.
    """
    if truth.shape != prediction.shape:
        raise ValueError(
            f"truth has shape {truth.shape}, prediction {prediction.shape}: they must be equal."
        )
    g, p = np.asarray(truth, dtype=np.float64), np.asarray(prediction, dtype=np.float64)
    for name, image in (("truth", g), ("prediction", p)):
        if not np.isfinite(image).all():
            raise ValueError(f"{name} holds pixels that are not finite: leave them out first.")
    if g.size == 0 or np.ptp(g) == 0:
        raise ValueError("truth is constant: it has no range to compare an error with.")
    return g, p
