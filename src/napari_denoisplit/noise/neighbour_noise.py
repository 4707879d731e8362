"""Whether noise is independent between neighbouring pixels, seen in a single noisy image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CORRELATED", "neighbour_noise"]

CORRELATED = 0.2
"""From here on noise counts as correlated. Found on confocal, two-photon and simulated images
with a correlation of 0.0 to 0.06: -0.09 to 0.11; on wide-field images with 0.6: 0.33."""

_SECOND_DIFFERENCE = np.array([1.0, -2.0, 1.0]) / np.sqrt(6.0)
_BORDER = 6  # reach of the smoothing: no pixel is judged by what was padded
_FLATTEST = 0.25
_BINS = 20
_LEAST_COUNT = 50
_MOST_DEVIATIONS = 5.0  # hot pixels would count as noise of their own


def neighbour_noise(image: NDArray[np.floating | np.integer]) -> tuple[float, float] | None:
    """Correlation of the noise at a distance of one pixel, along x and along y.

    A second difference along both axes leaves of an image little but its noise. That of white
    noise correlates with its neighbour by exactly -4/6; noise with correlation c at one pixel and
    none beyond by (-4 + 7c) / (6 - 8c). This is solved for c over the flattest pixels of each
    brightness. Where the correlation reaches further, as in smoothed images, c comes out too
    small (0.33 in place of 0.6): read it as 'at least'.

    Parameters
    ----------
    image
        (Y, X), as noisy as it came.

    Returns
    -------
    None if the image is too small or holds no noise.
    """
    from scipy import ndimage  # takes 0.2 s; only noise needs it

    if min(image.shape) < 4 * _BORDER:
        return None
    pixels = np.asarray(image, dtype=np.float64)
    residual = pixels
    for axis in (0, 1):
        residual = ndimage.correlate1d(residual, _SECOND_DIFFERENCE, axis=axis)
    smooth = ndimage.gaussian_filter(pixels, 2.0, truncate=3.0)
    step_y, step_x = np.gradient(smooth)
    bulge = (smooth - ndimage.gaussian_filter(pixels, 4.0, truncate=3.0)) / 4.0
    inner = (slice(_BORDER, -_BORDER),) * 2
    roughness = (step_y**2 + step_x**2 + bulge**2)[inner]
    scaled = _flat_noise(residual[inner], smooth[inner], roughness)
    along_x = _correlation(scaled[:, :-1], scaled[:, 1:])
    along_y = _correlation(scaled[:-1], scaled[1:])
    return None if along_x is None or along_y is None else (along_x, along_y)


def _flat_noise(
    residual: NDArray[np.float64], smooth: NDArray[np.float64], roughness: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Residual of flat pixels in standard deviations at that brightness; NaN elsewhere."""
    scaled = np.full(residual.shape, np.nan)
    edges = np.quantile(smooth, np.linspace(0, 1, _BINS + 1))
    brightness = np.searchsorted(edges[1:-1], smooth)
    for number in range(_BINS):
        members = brightness == number
        if members.sum() < _LEAST_COUNT:
            continue
        flat = members & (roughness <= np.quantile(roughness[members], _FLATTEST))
        spread = 1.4826 * float(np.median(np.abs(residual[flat])))
        if spread > 0:
            limit = _MOST_DEVIATIONS
            scaled[flat] = np.clip(residual[flat] / spread, -limit, limit)
    return scaled


def _correlation(here: NDArray[np.float64], there: NDArray[np.float64]) -> float | None:
    known = np.isfinite(here) & np.isfinite(there)
    if known.sum() < _LEAST_COUNT:
        return None
    a, b = here[known], there[known]
    filtered = float(2 * (a @ b) / (a @ a + b @ b))
    # Below -0.8 the noise alternates from pixel to pixel: no correlation of this kind.
    return (4 + 6 * filtered) / (7 + 8 * max(filtered, -0.8))
