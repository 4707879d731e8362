"""Windows of large or lazy images that are held in memory for training."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

WINDOW = 512
MAX_PIXELS = 16_000_000
"""64 MiB as float32; several times what a few minutes of training look at."""


def training_windows(
    images: Sequence[Any], *, least_edge: int, names: Sequence[str], max_pixels: int = MAX_PIXELS
) -> list[NDArray[np.float32]]:
    """Copy windows that are evenly spread over all planes of all images.

    Parameters
    ----------
    images
        (..., Y, X) each, numpy or sliceable like it.
    least_edge
        Smaller windows are continued by reflection to this size, pixels.
    names
        Names of the images, for messages.
    max_pixels
        Pixels to hold; what is smaller in all is held whole.

    Returns
    -------
    Windows (Y, X).

    Raises
    ------
    ImageError
        An image has no Y and X axis or no pixel, or a window holds a value that is not finite.
    """
    places: list[tuple[int, tuple[Any, ...]]] = []
    for number, (image, name) in enumerate(zip(images, names, strict=True)):
        shape = tuple(int(n) for n in image.shape)
        if len(shape) < 2 or 0 in shape:
            raise ImageError(f"{name!r} has shape {shape}: an image (..., Y, X) is needed.")
        tall, wide = _ranges(shape[-2]), _ranges(shape[-1])
        places += [
            (number, (*plane, y, x))
            for plane in np.ndindex(*shape[:-2])
            for y in tall
            for x in wide
        ]
    sizes = [_area(place) for _, place in places]
    n_kept = max(1, int(len(places) * min(1.0, max_pixels / sum(sizes))))
    chosen = np.unique(np.linspace(0, len(places) - 1, n_kept).round().astype(int))
    windows = []
    for index in chosen:
        number, place = places[index]
        window = np.array(images[number][place], dtype=np.float32)
        if not np.isfinite(window).all():
            raise ImageError(
                f"{names[number]!r} holds pixels that are NaN or infinite: replace them first."
            )
        missing = [(0, max(0, least_edge - n)) for n in window.shape]
        windows.append(np.pad(window, missing, mode="symmetric"))
    return windows


def _ranges(size: int) -> list[slice]:
    """Ranges of about equal length, at most `WINDOW`."""
    n = -(-size // WINDOW)
    edges = [size * i // n for i in range(n + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]


def _area(place: tuple[Any, ...]) -> int:
    y, x = place[-2:]
    return int((y.stop - y.start) * (x.stop - x.start))
