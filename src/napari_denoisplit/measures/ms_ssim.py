"""Structural similarity of a prediction, of one scale or of several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, assert_never

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_denoisplit.measures.psnr import checked

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.floating | np.integer]
    Floats = NDArray[np.float64]

Variant = Literal["range_invariant", "plain", "least_squares"]

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponent of each scale, finest first."""
SIGMA = 1.5
RADIUS = 5
"""The Gaussian window, pixels: 11 wide."""
K1, K2 = 0.01, 0.03
SMALLEST_EDGE = 2 * RADIUS * 2 ** (len(WEIGHTS) - 1) + 2 ** (len(WEIGHTS) - 1)
"""Pixels (176) that leave one whole window at the coarsest of the scales."""


def ssim(truth: Pixels, prediction: Pixels) -> float:
    """Structural similarity of one scale, of the prediction as it is, at most 1.

    Parameters
    ----------
    truth, prediction
        (Y, X), one channel in one unit. The range of the truth is the data range; windows are
        Gaussian, 11 pixels wide, and continued by mirroring at the borders.

    Raises
    ------
    ValueError
        The shapes differ, a pixel is not finite, or the truth is constant.

    Notes
    -----
    Source: Wang et al. 2004.
    """
    g, p = checked(truth, prediction)
    return _similarity(g, p, np.ptp(g))[0]


def ms_ssim(
    truth: Pixels,
    prediction: Pixels,
    variant: Variant = "range_invariant",
    *,
    data_range: float | None = None,
) -> float:
    """Multi-scale structural similarity over 5 scales, at most 1.

    Parameters
    ----------
    truth
        (Y, X) clean image of one channel.
    prediction
        (Y, X)
    variant
        What is done to the images first. 'range_invariant': the truth is normalized to its 3rd
        and 99.8th percentile and the prediction fitted to it by an affine map (CARE).
        'plain': nothing. 'least_squares': the mean is taken from both and the prediction scaled
        to the truth.
    data_range
        Range of the truth in the unit of the compared images; None: its maximum minus minimum
        after that normalization.

    Raises
    ------
    ValueError
        The images differ in shape, are not two-dimensional, hold pixels that are not finite, the
        truth is constant, or an edge is below `SMALLEST_EDGE`.

    Notes
    -----
    Windows, constants and exponents as in Wang, Simoncelli & Bovik 2003; borders are mirrored at
    the coarsest scale, and a negative similarity of a scale counts as 0. Variants as evaluated
    for denoiSplit (Ashesh & Jug 2024, arXiv:2403.11854).
    """
    g, p = _checked(truth, prediction)
    match variant:
        case "plain":
            pass
        case "range_invariant":
            low, high = np.percentile(g, (3, 99.8))
            # A truth that is mostly background may have equal percentiles: then its full range.
            g = (g - low) / (high - low if high > low else np.ptp(g))
            p = g.mean() + _best_scale(g, p) * (p - p.mean())
        case "least_squares":
            p = _best_scale(g, p) * (p - p.mean())
            g = g - g.mean()
        case _:
            assert_never(variant)
    return _multi_scale(g, p, np.ptp(g) if data_range is None else data_range)


def _best_scale(g: Floats, p: Floats) -> float:
    """Scale of p that fits g best, once both have mean 0; 0 for a constant p."""
    centred = p - p.mean()
    power = float(np.vdot(centred, centred))
    return float(np.vdot(g - g.mean(), centred)) / power if power > 0 else 0.0


def _multi_scale(g: Floats, p: Floats, data_range: float) -> float:
    similarity = 1.0
    for number, weight in enumerate(WEIGHTS):
        whole, contrast = _similarity(g, p, data_range)
        last = number == len(WEIGHTS) - 1
        similarity *= max(whole if last else contrast, 0.0) ** weight
        g, p = _halved(g), _halved(p)
    return similarity


def _similarity(g: Floats, p: Floats, data_range: float) -> tuple[float, float]:
    """Mean structural similarity, and its contrast-structure part where windows lie inside."""
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    g_mean, p_mean = _window(g), _window(p)
    g_var = np.maximum(_window(g * g) - g_mean**2, 0)
    p_var = np.maximum(_window(p * p) - p_mean**2, 0)
    covariance = _window(g * p) - g_mean * p_mean
    contrast = (2 * covariance + c2) / (g_var + p_var + c2)
    luminance = (2 * g_mean * p_mean + c1) / (g_mean**2 + p_mean**2 + c1)
    valid = contrast[RADIUS:-RADIUS, RADIUS:-RADIUS]
    return float((luminance * contrast).mean()), float(valid.mean()) if valid.size else np.nan


def _window(image: Floats) -> Floats:
    return gaussian_filter(image, SIGMA, mode="mirror", radius=RADIUS)


def _halved(image: Floats) -> Floats:
    """Means of 2 x 2 pixels; an odd last row or column is left out."""
    height, width = (n - n % 2 for n in image.shape)
    blocks = image[:height, :width].reshape(height // 2, 2, width // 2, 2)
    halved: Floats = blocks.mean(axis=(1, 3))
    return halved


def _checked(truth: Pixels, prediction: Pixels) -> tuple[Floats, Floats]:
    if truth.ndim != 2 or truth.shape != prediction.shape:
        raise ValueError(
            f"truth has shape {truth.shape}, prediction {prediction.shape}: give one (Y, X) plane "
            "of a channel each."
        )
    if min(truth.shape) < SMALLEST_EDGE:
        raise ValueError(
            f"The images have shape {truth.shape}: {len(WEIGHTS)} scales need at least "
            f"{SMALLEST_EDGE} pixels along each edge."
        )
    return checked(truth, prediction)
