"""Windows of a recording, spread over its planes, by which it is judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_denoisplit.measures.trust.likeness import EDGE, tile_starts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_denoisplit.images.image import Image

PLANES = 8
"""Planes of which windows are read."""


class Windows(NamedTuple):
    """Parts of an image that hold something."""

    pixels: NDArray[np.float32]
    """(N, Y, X), grey levels."""
    y: NDArray[np.intp]
    x: NDArray[np.intp]
    """(N,), row and column of the first pixel of each."""
    in_first: NDArray[np.bool_]
    """(N,), whether each is of the first plane."""
    shape: tuple[int, int]
    """Rows and columns of a plane."""


def windows_of(view: Image) -> Windows:
    """Read windows of an image that may be larger than memory, always the same ones.

    Windows with pixels that are not finite, or all alike, as around a mosaic, are left out. Planes
    that are narrower than a window have none.

    Parameters
    ----------
    view
        (..., Y, X). Windows are spread over its first plane; of others the middle ones are read.
    """
    height, width = view.shape[-2:]
    planes = list(np.ndindex(view.shape[:-2]))
    chosen = np.unique(np.linspace(0, len(planes) - 1, PLANES).round().astype(int))
    rows, columns = (tile_starts(n) if min(height, width) >= EDGE else () for n in (height, width))
    places = [(planes[0], y, x) for y in rows for x in columns]
    middle = [
        (y, x)
        for y in rows[(len(rows) - 1) // 2 : len(rows) // 2 + 1]
        for x in columns[(len(columns) - 1) // 2 : len(columns) // 2 + 1]
    ]
    places += [(planes[i], y, x) for i in chosen[1:] for y, x in middle]
    kept = [
        (pixels, y, x, plane == planes[0])
        for plane, y, x in places
        if np.isfinite(pixels := _read(view, plane, int(y), int(x))).all() and np.ptp(pixels) > 0
    ]
    windows = [window for window, *_ in kept]
    return Windows(
        np.stack(windows) if windows else np.empty((0, EDGE, EDGE), np.float32),
        np.array([y for _, y, _, _ in kept], np.intp),
        np.array([x for _, _, x, _ in kept], np.intp),
        np.array([is_first for *_, is_first in kept], bool),
        (height, width),
    )


def _read(view: Image, plane: tuple[int, ...], y: int, x: int) -> NDArray[np.float32]:
    window = view.data[(*plane, slice(y, y + EDGE), slice(x, x + EDGE))]
    return np.asarray(window, dtype=np.float32)
