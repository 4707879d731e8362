"""Correlation of the noise of neighbouring pixels, estimated from a single image.

A second difference measures the same variance of white noise whether its taps are one or two
pixels apart. Of noise that is smooth from pixel to pixel the narrow one sees less. With the
correlation rho(k) at k pixels, a filter with taps k apart, in x times in y, finds the variance

    sigma^2 (1 - 4/3 rho(k) + 1/3 rho(2 k))^2

if the correlations in x and in y multiply. Structure raises the wide filter, too, but not at every
brightness, as correlation does: hence only the flattest pixels of each brightness count, and of the
brightnesses those with the lowest ratios.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_FLATTEST = 0.4  # of pixels that are flat already
_LEAST_COUNT = 200
_LOW = 0.05  # of the ratios: structure raises some of them, correlation all
_MIDDLE = 0.35  # the lowest of many ratios of white noise are below 1 by chance
_FALL = 1.6  # log rho(k) falls as k to this power: 1 exponential, 2 Gaussian smoothing
_TRIM = 25.0  # squared standard deviations for which an outlier counts
_LOWEST, _HIGHEST = -0.3, 0.95


def neighbour_correlation(
    narrow: Floats, wide: Floats, bins: Sequence[NDArray[np.int64]]
) -> tuple[float, float, float]:
    """Estimate the correlation of the noise of pixels 1, 2 and 3 apart.

    Parameters
    ----------
    narrow, wide
        (N,), second differences of each pixel, in x times in y, with taps 1 and 2 pixels apart;
        of white noise they have the same variance.
    bins
        Indices of flat pixels of about the same brightness, by rising roughness.
    """
    ratios = []
    for members in bins:
        flattest = members[: max(int(_FLATTEST * len(members)), _LEAST_COUNT)]
        below = _variance(narrow[flattest])
        if below > 0:
            ratios.append(_variance(wide[flattest]) / below)
    if not ratios:
        return 0.0, 0.0, 0.0
    first = np.linspace(_LOWEST, _HIGHEST, 251)
    seen = [(1 - 4 / 3 * _rho(first, k) + 1 / 3 * _rho(first, 2 * k)) ** 2 for k in (1, 2)]
    low, middle = np.interp(
        np.log(np.quantile(ratios, (_LOW, _MIDDLE))), np.log(seen[1] / seen[0]), first
    )
    # Noise is correlated if it is so nearly everywhere, alternates if it does so on the whole.
    found = max(low, min(middle, 0.0))
    rho_1, rho_2, rho_3 = (float(_rho(found, k)) for k in (1, 2, 3))
    return rho_1, rho_2, rho_3


def _rho(first: Floats, lag: int) -> Floats:
    """Correlation at a lag, if it is `first` at lag 1."""
    if lag == 1:
        return np.asarray(first)
    # Noise that was sharpened is negative next to a pixel and white further on.
    return np.asarray(np.maximum(first, 0.0) ** (lag**_FALL))


def _variance(values: Floats) -> float:
    """Mean square of values of which a few are outliers."""
    squares = values**2
    return float(np.minimum(squares, _TRIM * squares.mean()).mean())
