"""Scale between two images of the same field, both with noise.

A straight line through the pixels would be too flat, since the noise of the image on the abscissa
spreads them. Its neighbours' mean serves as an instrument: it goes with the structure and, noise
being independent between pixels, not with the noise. The slope is then
cov(y, instrument) / cov(x, instrument) (Wald 1940, doi 10.1214/aoms/1177731868).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.noise.smoothing import mean_of_neighbours

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

__all__ = ["follow"]

_MOST_ERROR = 0.01  # of the slope: with more it is taken as 1
_SIGNIFICANT = 3.0  # standard errors


def follow(
    reference: Floats, image: Floats, usable: NDArray[np.bool_], *, shift: bool = False
) -> tuple[float, float, Floats]:
    """Bring a reference (Y, X) to the brightness of a noisy image of the same field.

    Parameters
    ----------
    reference
        (Y, X), clean or an average.
    image
        (Y, X), another exposure.
    usable
        (Y, X), pixels to go by.
    shift
        Also take out a shift by a part of a pixel.

    Returns
    -------
    Slope, offset, and the reference as the image would show it without noise.
    """
    smooth = mean_of_neighbours(reference)
    terms = [reference, *np.gradient(smooth)] if shift else [reference]
    tools = [smooth, *terms[1:]]
    y = image[usable].astype(np.float64)
    x, z = (
        np.stack([t[usable].astype(np.float64) for t in group], axis=1) for group in (terms, tools)
    )
    x_mean, y_mean = x.mean(axis=0), y.mean()
    x, y, z = x - x_mean, y - y_mean, z - z.mean(axis=0)
    change = _change(x, y, z)
    scale = change + np.eye(1, len(change))[0]
    moved = reference + sum(
        np.float32(c) * (term - np.float32(m))
        for c, term, m in zip(change, terms, x_mean, strict=True)
    )
    signal = moved + np.float32(y_mean - x_mean[0])
    return float(scale[0]), float(y_mean - scale[0] * x_mean[0]), np.asarray(signal, np.float32)


def _change(
    x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Coefficients of the terms beyond the reference itself; 0 where they cannot be told."""
    cross = z.T @ x
    scales = np.sqrt(np.diag(z.T @ z))
    if not (scales > 0).all() or np.linalg.cond(cross / np.outer(scales, scales)) > 1e6:
        return np.zeros(x.shape[1])
    inverse = np.linalg.inv(cross)
    coefficients = inverse @ (z.T @ y)
    rest = y - x @ coefficients
    # Noise differs from pixel to pixel: the sandwich of White 1980.
    spread = z * rest[:, None]
    error = np.sqrt(np.diag(inverse @ (spread.T @ spread) @ inverse.T))
    coefficients[0] -= 1.0
    if not error[0] < _MOST_ERROR:
        return np.zeros(x.shape[1])
    return np.where(np.abs(coefficients) > _SIGNIFICANT * error, coefficients, 0.0)
