"""Coarser resolution levels of an image, made piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_denoisplit.images.zarr.regions import Region

SMALLEST = 512
"""Levels are made until Y and X are no longer than this; any window shows that many pixels."""
MAX_PLANES = 32
"""Planes of the coarsest level that are looked at for the contrast."""
CONTRAST = (0.2, 99.8)
"""Percentiles of the pixels between which an image is shown at first."""


def level_shapes(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Shapes (..., Y, X) of all levels, each half of the one before, rounded up."""
    shapes = [tuple(shape)]
    while max(shapes[-1][-2:]) > SMALLEST:
        *leading, y, x = shapes[-1]
        shapes.append((*leading, -(-y // 2), -(-x // 2)))
    return shapes


def halved(fine: Any, region: Region) -> NDArray[Any]:
    """Mean of 2 x 2 pixels, for one region of the coarser level.

    Parameters
    ----------
    fine
        The finer level (..., Y, X), sliceable.
    region
        Where in the coarser level; one plane after the other is read, in quarters, so that
        memory beyond the result stays below one plane of it.

    Returns
    -------
    Array of `region.shape` and the type of `fine`. Where an edge has an odd number of pixels,
    the last mean is over those there are.
    """
    result = np.empty(region.shape, dtype=fine.dtype)
    height, width = region.shape[-2:]
    for plane in np.ndindex(region.shape[:-2]):
        place = tuple(a + i for a, i in zip(region.start[:-2], plane, strict=True))
        for rows in _halves(height):
            for columns in _halves(width):
                source = (
                    _doubled(rows, region.start[-2], fine.shape[-2]),
                    _doubled(columns, region.start[-1], fine.shape[-1]),
                )
                result[(*plane, rows, columns)] = _mean(np.asarray(fine[(*place, *source)]))
    return result


def _halves(n: int) -> tuple[slice, ...]:
    middle = (n + 1) // 2
    return (slice(0, middle), slice(middle, n)) if n > 1 else (slice(0, n),)


def _doubled(part: slice, start: int, size: int) -> slice:
    return slice(2 * (start + part.start), min(2 * (start + part.stop), size))


def _mean(pixels: NDArray[Any]) -> NDArray[Any]:
    """Mean of 2 x 2 pixels of a plane (Y, X)."""
    odd = [(0, n % 2) for n in pixels.shape]
    # The last pixel again: the mean with itself is the mean over those there are.
    whole = np.pad(pixels, odd, mode="edge") if any(n for _, n in odd) else pixels
    kind = np.float32 if whole.dtype == np.float32 else np.float64
    total: NDArray[np.floating[Any]] = whole[::2, ::2].astype(kind)
    for part in (whole[1::2, ::2], whole[::2, 1::2], whole[1::2, 1::2]):
        total += part
    total /= 4
    if pixels.dtype.kind in "ui":
        np.rint(total, out=total)
    return total.astype(pixels.dtype)


def contrast_windows(coarsest: Any, axes: str) -> list[tuple[float, float, float, float]]:
    """(Lowest, start of contrast, its end, highest value) of each channel.

    Parameters
    ----------
    coarsest
        The coarsest level; of many planes some are looked at.
    axes
        Its letters, ending in YX.
    """
    leading = axes[:-2]
    counts = coarsest.shape[:-2]
    channel = leading.index("C") if "C" in leading else None
    places = list(np.ndindex(*(1 if i == channel else n for i, n in enumerate(counts))))
    chosen = np.unique(np.linspace(0, len(places) - 1, MAX_PLANES).round().astype(int))
    windows = []
    for number in range(1 if channel is None else counts[channel]):
        seen = []
        for index in chosen:
            place = list(places[index])
            if channel is not None:
                place[channel] = number
            plane = np.asarray(coarsest[tuple(place)])
            seen.append(plane[np.isfinite(plane)])
        windows.append(_window(np.concatenate(seen)))
    return windows


def _window(pixels: NDArray[Any]) -> tuple[float, float, float, float]:
    if not pixels.size:
        return 0.0, 0.0, 1.0, 1.0
    low, high = float(pixels.min()), float(pixels.max())
    start, end = (float(p) for p in np.percentile(pixels, CONTRAST))
    return (low, start, end, high) if start < end else (low, low, low + 1.0, max(high, low + 1.0))
