"""Windows that stand for an image that may be too large to read."""

from __future__ import annotations

from math import ceil, prod
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Window = tuple[Any, ...]  # an int along each axis before Y and X, two slices

T = TypeVar("T")
EDGE = 512
"""Largest edge of a window: room for structure and drift, small beside any memory."""


def spread_windows(
    shape: Sequence[int], max_pixels: int, *, mask: NDArray[np.bool_] | None = None
) -> list[Window]:
    """Return indices of windows (Y, X) of one size, evenly spread over an image (..., Y, X).

    Whole planes if the image (or the box around the mask) holds at most `max_pixels`, else as many
    windows as that, and at least one.
    """
    rows, columns = shape[-2:] if mask is None else (stop - start for start, stop in _box(mask))
    if prod(shape[:-2]) * rows * columns <= max_pixels:
        return windows_of(shape, max(rows, columns), mask)
    edge = min(EDGE, max(int(max_pixels**0.5), 1))
    windows = windows_of(shape, edge, mask)
    return evenly(windows, max_pixels // prod(part.stop - part.start for part in windows[0][-2:]))


def windows_of(
    shape: Sequence[int], edge: int = EDGE, mask: NDArray[np.bool_] | None = None
) -> list[Window]:
    """Return indices of windows of one size that fill an image (..., Y, X).

    Parameters
    ----------
    shape
        Of the image.
    edge
        Largest edge of a window, pixels.
    mask
        (Y, X), True where pixels are used: no window lies outside its box, or holds none of them.
    """
    *planes, height, width = (int(n) for n in shape)
    whole = ((0, height), (0, width)) if mask is None else _box(mask)
    corners = [
        (y, x)
        for y in _parts(*whole[0], edge)
        for x in _parts(*whole[1], edge)
        if mask is None or mask[y, x].any()
    ]
    return [(*plane, *corner) for plane in np.ndindex(*planes) for corner in corners]


def evenly(items: Sequence[T], n: int) -> list[T]:
    """Take n of the items, at least one: the middle ones of n equal parts; else all there are."""
    n = min(max(n, 1), len(items))
    # One window is the middle one, not the first.
    return [items[int((i + 0.5) * len(items) / n)] for i in range(n)]


def spread_planes(image: Any, max_pixels: int, *, whole: bool = False) -> Any:
    """Return the image if it is small enough, else windows of it in memory, (N, Y, X).

    Parameters
    ----------
    image
        (..., Y, X), numpy or sliceable like it.
    max_pixels
        What is smaller is returned as it is.
    whole
        Keep planes as they are, at least one, though it may have more pixels.
    """
    shape = tuple(int(n) for n in image.shape)
    if prod(shape) <= max_pixels:
        return image
    windows = (
        evenly(list(np.ndindex(*shape[:-2])), max_pixels // prod(shape[-2:]))
        if whole
        else spread_windows(shape, max_pixels)
    )
    return np.stack([np.asarray(image[window]) for window in windows])


def _box(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Range of the rows, then of the columns, that hold what is True."""
    used = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return [(int(found[0]), int(found[-1]) + 1) for found in used]


def _parts(start: int, stop: int, edge: int) -> list[slice]:
    """Parts of equal length, at most `edge`, that fill a range; they may share a few pixels."""
    n = ceil((stop - start) / edge)
    size = ceil((stop - start) / n)
    starts = [start + (stop - start - size) * i // max(n - 1, 1) for i in range(n)]
    return [slice(first, first + size) for first in starts]
