"""Fit of noise that goes on from pixel to pixel, to windows of residuals.

Weights of neighbours solve the equations of Yule and Walker, R w = r, with the covariances of the
residual: w is the linear prediction of least squares, and 1 - r w the variance that it leaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.judging.independence import flattened
from napari_denoisplit.noise.models.correlated import CorrelatedNoise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian

    Floats = NDArray[np.float64]

REACH = 2
"""Rows and columns of neighbours: twelve. Three foretell a little more of the noise of resampled
images, and make denoised ones worse."""
ALIKE = 0.05
"""Largest difference of correlations along x and y that count as alike."""
_WHITE = 1e-3  # added to the variance: images that were smoothed have frequencies without noise
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
        Too few neighbouring pixels are known.
    """
    r = _correlations(residuals, 2 * REACH)
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
    return CorrelatedNoise(*numbers, weights.tolist(), float(left), along_both)


def _correlations(residuals: Sequence[NDArray[np.floating]], most: int) -> Floats:
    """Correlation of pixels 0 to `most` apart in y and in x, (most + 1, most + 1).

    Noise is taken to be the same in the mirror, as it is where images are turned and flipped to
    learn from.
    """
    products, pairs = np.zeros((2, most + 1, most + 1))
    for window in residuals:
        flat, known = flattened(np.asarray(window, dtype=np.float32))
        for y, x in np.ndindex(products.shape):
            rows, columns = (n - lag for n, lag in zip(flat.shape, (y, x), strict=True))
            if min(rows, columns) <= 0:
                continue
            for here, there in ((slice(columns), slice(x, None)), (slice(x, None), slice(columns))):
                one, other = (slice(rows), here), (slice(y, None), there)
                products[y, x] += float(np.vdot(flat[one], flat[other]))
                pairs[y, x] += float(np.vdot(known[one], known[other]))
    if pairs.min() < _LEAST_PIXELS:
        raise NoiseModelError(
            "Too few neighbouring pixels are known to say how their noise goes on: correlated "
            "noise is fitted to repeats of one field, or to clean and noisy pairs, of at least "
            "100 x 100 pixels. Give those, or choose another kind of noise model."
        )
    covariances = products / pairs
    return np.asarray(covariances / covariances[0, 0])
