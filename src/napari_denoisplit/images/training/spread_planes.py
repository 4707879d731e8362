"""A part of a large image that stands for the whole."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

EDGE = 512
"""Edge of the windows that stand for a plane that is too large by itself."""


def spread_planes(image: Any, max_pixels: int, *, whole_planes: bool = False) -> Any:
    """Take planes, or windows of them, that are evenly spread over an image.

    Parameters
    ----------
    image
        (..., Y, X), numpy or sliceable like it.
    max_pixels
        What is smaller is returned as it is.
    whole_planes
        Keep planes as they are, at least one, though it may have more pixels.

    Returns
    -------
    The image, or (N, Y, X) in memory.
    """
    shape = tuple(int(n) for n in image.shape)
    if prod(shape) <= max_pixels:
        return image
    height, width = shape[-2:]
    if not whole_planes and height * width > max_pixels:
        height, width = min(height, EDGE), min(width, EDGE)
    corners = [
        (*plane, slice(y, y + height), slice(x, x + width))
        for plane in np.ndindex(*shape[:-2])
        for y in range(0, shape[-2] - height + 1, height)
        for x in range(0, shape[-1] - width + 1, width)
    ]
    n = max(1, max_pixels // (height * width))
    chosen = np.unique(np.linspace(0, len(corners) - 1, n).round().astype(int))
    return np.stack([np.asarray(image[corners[index]]) for index in chosen])
