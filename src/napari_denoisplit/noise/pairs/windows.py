"""Windows that stand for an image that may be too large to read."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import NoiseModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Window = tuple[int | slice, ...]

_LARGEST = 1e12  # its square, summed over an image, is within single precision
EDGE = 512
"""Edge of a window: large enough for structure and drift, small beside any memory."""


def spread_windows(
    shape: Sequence[int],
    max_pixels: int,
    *,
    mask: NDArray[np.bool_] | None = None,
    edge: int = EDGE,
) -> list[Window]:
    """Return indices of windows (Y, X), evenly spread over an image (..., Y, X).

    All of the image (or of the box around the mask) if it holds at most `max_pixels`, else as
    many windows as that, and at least one.
    """
    *planes, height, width = (int(n) for n in shape)
    top, bottom, left, right = _box(mask) if mask is not None else (0, height, 0, width)
    n_planes = prod(planes)
    rows, columns = bottom - top, right - left
    if n_planes * rows * columns > max_pixels:
        edge = min(edge, max(int(max_pixels**0.5), 1))
        rows, columns = min(rows, edge), min(columns, edge)
    corners = [
        (y, x)
        for y in range(top, bottom - rows + 1, rows)
        for x in range(left, right - columns + 1, columns)
        if mask is None or mask[y : y + rows, x : x + columns].any()
    ]
    n_all = n_planes * len(corners)
    n = min(max(max_pixels // (rows * columns), 1), n_all)
    # The middle of n equal parts: one window is the middle one, not the first.
    chosen = ((np.arange(n) + 0.5) * n_all / n).astype(int)
    windows: list[Window] = []
    for number in chosen:
        plane, corner = divmod(int(number), len(corners))
        y, x = corners[corner]
        index = (int(i) for i in np.unravel_index(plane, planes)) if planes else ()
        windows.append((*index, slice(y, y + rows), slice(x, x + columns)))
    return windows


def read_window(image: Any, window: Window) -> NDArray[np.float32]:
    """Read a window (Y, X) of an image.

    Raises
    ------
    NoiseModelError
        Its values are too large to compute with.
    """
    # What is beyond single precision becomes infinite, and is told below.
    with np.errstate(over="ignore"):
        pixels = np.asarray(image[window], dtype=np.float32)
    if np.isfinite(pixels).any() and np.abs(pixels[np.isfinite(pixels)]).max() > _LARGEST:
        raise NoiseModelError(
            f"The image holds values beyond {_LARGEST:g}, too large to compute with: divide it by "
            "a constant first."
        )
    return pixels


def _box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of what is True."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
