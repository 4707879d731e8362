"""Fit of noise that goes on from pixel to pixel, to windows of residuals.

Weights of neighbours solve the equations of Yule and Walker, R w = r, with the covariances of the
residual: w is the linear prediction of least squares, and 1 - r w the variance that it leaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.judging.independence import flattened
from napari_denoisplit.noise.models.correlated import CorrelatedNoise
from napari_denoisplit.verdict import CORRELATED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian

    Floats = NDArray[np.float64]
    _Window = tuple[NDArray[np.float32], NDArray[np.float32]]

REACH = 2
"""Rows and columns of neighbours: twelve. Three foretell a little more of the noise of resampled
images, and make denoised ones worse."""
ALIKE = 0.05
"""Largest difference of correlations along x and y that count as alike."""
_WHITE = 1e-3  # added to the variance: images that were smoothed have frequencies without noise
_LEAST_LEFT = 0.8
"""Of the variance that the fit says it leaves: less means noise that goes on further."""
_TOO_FAR = (
    "The noise goes on further than the two rows and columns that a correlated noise model knows, "
    "as that of images that were smoothed by more than a pixel: use the raw data, or bin the "
    "images 2 x 2 and fit anew."
)
_LEAST_PIXELS = 10_000  # tell a correlation to 0.01


def correlated(
    pixel: PoissonGaussian, residuals: Sequence[NDArray[np.floating]]
) -> CorrelatedNoise:
    """Add to a noise model of single pixels what the residual says of neighbours.

    Parameters
    ----------
    pixel
        Of each pixel by itself.
    residuals
        Windows (Y, X) of noise in standard deviations, NaN where it is not known.

    Raises
    ------
    NoiseModelError
        Too few neighbouring pixels are known, or the noise goes on too far, or along a diagonal.
    """
    windows = [flattened(np.asarray(window, dtype=np.float32)) for window in residuals]
    r = _correlations(windows, 2 * REACH)
    along_both = bool(np.abs(r - r.T).max() < ALIKE)
    if along_both:
        r = (r + r.T) / 2
    before = [(y, x) for y in range(-REACH, 1) for x in range(-REACH, REACH + 1) if (y, x) < (0, 0)]
    y, x = np.array(before).T
    between = r[np.abs(y[:, None] - y), np.abs(x[:, None] - x)] + _WHITE * np.eye(len(before))
    of_each = np.linalg.solve(between, r[np.abs(y), np.abs(x)])
    left = np.sqrt(max(1 - of_each @ r[np.abs(y), np.abs(x)], _WHITE))
    weights = np.zeros((REACH + 1, 2 * REACH + 1))
    weights[y + REACH, x + REACH] = of_each
    numbers = (pixel.gain, pixel.offset, pixel.read_noise, *pixel.signal_range)
    try:
        model = CorrelatedNoise(*numbers, weights.tolist(), float(left), along_both)
    except NoiseModelError as error:  # a frequency that has hardly any noise
        raise NoiseModelError(_TOO_FAR) from error
    if not _LEAST_LEFT < _left(model, windows) < 1 / _LEAST_LEFT:
        raise NoiseModelError(_TOO_FAR)
    return model


def _left(model: CorrelatedNoise, windows: Sequence[_Window]) -> float:
    """Variance of what the model leaves; 1 if it is as the model says."""
    squares = pixels = 0.0
    for flat, known in windows:
        new = model.unforeseen(torch.from_numpy(flat)).numpy()
        inside = known[REACH:, REACH:-REACH]
        squares += float(np.vdot(new * inside, new * inside))
        pixels += float(inside.sum())
    return squares / max(pixels, 1.0)


def _correlations(windows: Sequence[_Window], most: int) -> Floats:
    """Correlation of pixels 0 to `most` apart in y and in x, (most + 1, most + 1).

    Noise is taken to be the same in the mirror, as it is where images are turned and flipped to
    learn from; it is refused where it is not.
    """
    products, pairs = np.zeros((2, 2, most + 1, most + 1))
    for flat, known in windows:
        for y, x in np.ndindex(products.shape[1:]):
            rows, columns = (n - lag for n, lag in zip(flat.shape, (y, x), strict=True))
            if min(rows, columns) <= 0:
                continue
            ways = ((slice(columns), slice(x, None)), (slice(x, None), slice(columns)))
            for way, (here, there) in enumerate(ways):
                one, other = (slice(rows), here), (slice(y, None), there)
                products[way, y, x] += float(np.vdot(flat[one], flat[other]))
                pairs[way, y, x] += float(np.vdot(known[one], known[other]))
    if pairs.min() < _LEAST_PIXELS:
        raise NoiseModelError(
            "Too few neighbouring pixels are known to say how their noise goes on: correlated "
            "noise is fitted to repeats of one field, or to clean and noisy pairs, of at least "
            "100 x 100 pixels. Give those, or choose another kind of noise model."
        )
    falling, rising = products / pairs / (products / pairs)[:, :1, :1]
    if np.abs(falling - rising).max() > CORRELATED:
        raise NoiseModelError(
            "The noise goes on along a diagonal, which a correlated noise model does not know: use "
            "the raw data from before any rotation or resampling."
        )
    return np.asarray((falling + rising) / 2)
