"""Windows of large or lazy images that are held in memory for training."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import REPLACE, ImageError
from napari_denoisplit.images.windows import evenly, windows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

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
    for image, name in zip(images, names, strict=True):
        if len(image.shape) < 2 or 0 in image.shape:
            raise ImageError(f"{name!r} has shape {image.shape}: an image (..., Y, X) is needed.")
    places = [
        (image, name, window)
        for image, name in zip(images, names, strict=True)
        for window in windows_of(image.shape)
    ]
    share = min(1.0, max_pixels / sum(prod(image.shape) for image in images))
    windows = []
    for image, name, place in evenly(places, int(len(places) * share)):
        window = np.array(image[place], dtype=np.float32)
        if not np.isfinite(window).all():
            raise ImageError(f"{name!r} holds pixels that are NaN or infinite. {REPLACE}")
        missing = [(0, max(0, least_edge - n)) for n in window.shape]
        windows.append(np.pad(window, missing, mode="symmetric"))
    return windows
