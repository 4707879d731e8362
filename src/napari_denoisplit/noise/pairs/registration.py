"""Shift between two images of the same field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_FINE, _COARSE = 1.0, 8.0  # the band that structure stands out of noise and of uneven light in
_MOST_SHIFT = 0.25  # of the edge
_CLEAR = 6.0  # times the spread that the correlation of mere noise has: less may be chance
_NEAR = 2.0  # pixels: where the correlation of sharp structure has not fallen yet
_AREA = 4 * np.pi * _FINE**2  # pixels of smoothed noise that count as one


def shift_between(reference: Floats, image: Floats) -> tuple[float, float] | None:
    """Return how far an image (Y, X) lies below and to the right of a reference, pixels.

    None if there is no structure to tell it by.
    """
    height, width = reference.shape
    fade = np.outer(*(np.hanning(n + 2)[1:-1] for n in (height, width))).astype(np.float32)
    a, b = (_band(plane) * fade for plane in (reference, image))
    independent = float((fade**2).sum()) ** 2 / float((fade**4).sum()) / _AREA
    product = np.fft.rfft2(b) * np.conj(np.fft.rfft2(a))
    correlation = np.fft.fftshift(np.fft.irfft2(product, s=(height, width)))
    reach = tuple(max(int(_MOST_SHIFT * n), 2) for n in (height, width))
    middle = (height // 2, width // 2)
    area = correlation[
        middle[0] - reach[0] : middle[0] + reach[0] + 1,
        middle[1] - reach[1] : middle[1] + reach[1] + 1,
    ]
    y, x = np.unravel_index(int(np.argmax(area)), area.shape)
    whole = float(np.linalg.norm(a)) * float(np.linalg.norm(b))
    chance = _CLEAR / np.sqrt(independent) * whole
    if not area[y, x] > chance:
        return None
    shift = (
        int(y) - reach[0] + _vertex(area[:, x], int(y)),
        int(x) - reach[1] + _vertex(area[y], int(x)),
    )
    # A ramp or an edge looks the same wherever it is moved along itself: a long way is believed
    # only if it fits clearly better than none.
    if max(map(abs, shift)) > _NEAR and area[y, x] - area[reach] < chance:
        return 0.0, 0.0
    return shift


def _band(plane: Floats) -> Floats:
    """Structure of a plane."""
    from scipy import ndimage  # takes 0.2 s; only fits need it

    fine, coarse = (ndimage.gaussian_filter(plane, sigma) for sigma in (_FINE, _COARSE))
    return np.asarray(fine - coarse, dtype=np.float32)


def _vertex(values: NDArray[np.floating], peak: int) -> float:
    """Where between its neighbours a peak lies, by the parabola through the three."""
    if not 0 < peak < len(values) - 1:
        return 0.0
    before, at, after = (float(v) for v in values[peak - 1 : peak + 2])
    bend = before - 2 * at + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0
