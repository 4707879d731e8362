"""How often each grey level occurs in an image, seen from a few of its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_PIXELS = 200_000
_N_WINDOWS = 8
_WINDOW = 158  # pixels: eight such windows make 2e5
_MOST_BINS = 128
_CUT = 0.0005  # share of the pixels at either end that may not stretch the axis


@dataclass(frozen=True, slots=True, eq=False)
class GreyLevels:
    """Histogram of an image."""

    name: str
    edges: NDArray[np.float64]
    """(H + 1,), grey levels."""
    counts: NDArray[np.int64]
    """(H,), of the pixels that were looked at."""
    n_pixels: int


def grey_levels(name: str, data: Any) -> GreyLevels:
    """Count grey levels in at most 200 000 pixels.

    Parameters
    ----------
    name
        What the image is called.
    data
        (..., Y, X), numpy or sliceable like it. Of a large one, eight windows spread over planes
        and places are read, so that a lazy array reads few of its chunks.
    """
    values = _sample(data)
    values = values[np.isfinite(values)]
    if not values.size:
        return GreyLevels(name, np.array([0.0, 1.0]), np.zeros(1, dtype=np.int64), 0)
    low, high = np.quantile(values, (_CUT, 1 - _CUT))
    counts, edges = np.histogram(values, _edges(low, high, np.issubdtype(values.dtype, np.integer)))
    return GreyLevels(name, edges.astype(float), counts, int(values.size))


def _edges(low: float, high: float, whole: bool) -> NDArray[np.float64]:
    """Return edges of bins; of whole grey levels each bin holds equally many."""
    if whole:
        low, high = np.floor(low), np.ceil(high) + 1
        step = max(1.0, np.ceil((high - low) / _MOST_BINS))
        return np.asarray(np.arange(low, high + step, step) - 0.5)
    if high <= low:
        return np.array([low - 0.5, low + 0.5])
    return np.asarray(np.linspace(low, high, _MOST_BINS + 1))


def _sample(data: Any) -> NDArray[Any]:
    shape = tuple(int(n) for n in data.shape)
    if np.prod(shape, dtype=float) <= _MOST_PIXELS:
        return np.asarray(data).ravel()
    n_planes = int(np.prod(shape[:-2]))
    # The same places each time: a histogram that changes by itself would worry its reader.
    rng = np.random.default_rng(0)
    windows = []
    for plane in np.linspace(0, n_planes - 1, _N_WINDOWS).astype(int):
        where = tuple(int(i) for i in np.unravel_index(plane, shape[:-2])) if n_planes > 1 else ()
        where = where or (0,) * (len(shape) - 2)
        corner = [int(rng.integers(max(size - _WINDOW, 0) + 1)) for size in shape[-2:]]
        cut = tuple(slice(begin, begin + _WINDOW) for begin in corner)
        windows.append(np.asarray(data[(*where, *cut)]).ravel())
    return np.concatenate(windows)
