"""Pixels of one window, as noise is measured in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import NoiseModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_denoisplit.images.windows import Window

_LARGEST = 1e12  # its square, summed over an image, is within single precision


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
