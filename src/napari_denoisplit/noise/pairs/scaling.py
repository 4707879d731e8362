"""Scale between two images of the same field, both with noise.

A straight line through the pixels would be too flat, since the noise of the image on the abscissa
spreads them. Its neighbours' mean serves as an instrument: it goes with the structure and, noise
being independent between pixels, not with the noise. The slope is then
cov(y, instrument) / cov(x, instrument) (Wald 1940, doi 10.1214/aoms/1177731868).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]
    Floats = NDArray[np.float32]

_MOST_ERROR = 0.01  # of the slope: with more it is taken as 1
_SIGNIFICANT = 3.0  # standard errors
_MOST_PIXELS = 100_000  # they tell the slope to a percent, if anything does
_MOST_CHAOS = 1e6  # condition number of equations that can be solved
_REACH = 4  # taps on each side of the Gaussian


class Reference:
    """A field (Y, X), clean or an average, that other exposures are compared with.

    Parameters
    ----------
    image
        (Y, X), finite.
    usable
        (Y, X), pixels to go by.
    shift
        Also take out shifts by a part of a pixel.
    """

    def __init__(self, image: Floats, usable: NDArray[np.bool_], *, shift: bool = False) -> None:
        smooth = mean_of_neighbours(image)
        steps = np.gradient(smooth) if shift else []
        self._terms = [image, *steps]
        pixels = np.flatnonzero(usable)
        self._pixels = pixels[:: max(len(pixels) // _MOST_PIXELS, 1)]
        x, z = (self._columns(terms) for terms in (self._terms, [smooth, *steps]))
        self._means = x.mean(axis=0)
        self._x, self._z = x - self._means, z - z.mean(axis=0)
        cross = self._z.T @ self._x
        scales = np.sqrt(np.diag(self._z.T @ self._z))
        told = (scales > 0).all() and np.linalg.cond(cross / np.outer(scales, scales)) < _MOST_CHAOS
        self._inverse = np.linalg.inv(cross) if told else None

    def followed_by(self, image: Floats) -> tuple[float, float, Floats]:
        """Return slope, offset, and the field as an exposure (Y, X) would show it without noise."""
        y = self._columns([image])[:, 0]
        offset = y.mean()
        change = self._change(y - offset)
        signal = self._terms[0] + np.float32(offset - self._means[0])
        for c, term, mean in zip(change, self._terms, self._means, strict=True):
            if c:
                signal += np.float32(c) * (term - np.float32(mean))
        slope = 1.0 + float(change[0])
        return slope, float(offset - slope * self._means[0]), signal

    def _columns(self, planes: Sequence[Floats]) -> Doubles:
        """Pixels to go by, (N, len(planes))."""
        return np.stack([p.ravel()[self._pixels].astype(np.float64) for p in planes], axis=1)

    def _change(self, y: Doubles) -> Doubles:
        """Coefficients of the terms beyond the field itself; 0 where they cannot be told."""
        nothing = np.zeros(len(self._terms))
        if self._inverse is None:
            return nothing
        coefficients = self._inverse @ (self._z.T @ y)
        # Noise differs from pixel to pixel: the sandwich of White 1980 (doi 10.2307/1912934).
        spread = self._z * (y - self._x @ coefficients)[:, None]
        error = np.sqrt(np.diag(self._inverse @ (spread.T @ spread) @ self._inverse.T))
        coefficients[0] -= 1.0
        if not error[0] < _MOST_ERROR:
            return nothing
        return np.where(np.abs(coefficients) > _SIGNIFICANT * error, coefficients, 0.0)


def mean_of_neighbours(image: Floats, sigma: float = 1.0) -> Floats:
    """Return the Gaussian mean (Y, X) around each pixel, without the pixel itself.

    Where noise is independent between pixels, it is independent of the noise of the pixel: pixels
    that are sorted by it are not chosen by their own noise.
    """
    from scipy import ndimage  # takes 0.2 s; only fits need it

    taps = np.exp(-0.5 * (np.arange(-_REACH, _REACH + 1) / sigma) ** 2)
    taps = (taps / taps.sum()).astype(np.float32)
    smooth = ndimage.correlate1d(ndimage.correlate1d(image, taps, axis=0), taps, axis=1)
    own = taps[_REACH] ** 2
    return np.asarray((smooth - own * image) / (1 - own), dtype=np.float32)
