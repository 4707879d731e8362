"""Noise from a clean image of the same field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.noise.field import Field
from napari_denoisplit.noise.windows import spread_windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["fields_of_pairs"]


def fields_of_pairs(
    observation: Any,
    signal: Any,
    max_pixels: int,
    mask: NDArray[np.bool_] | None = None,
    *,
    rescale: bool,
) -> tuple[list[Field], list[str]]:
    """Read windows of an image and of its clean version.

    Parameters
    ----------
    observation
        (..., Y, X), numpy or sliceable like it.
    signal
        The same shape, or its last axes.
    max_pixels
        How many pixels to read.
    mask
        (Y, X), True where pixels are used.
    rescale
        Bring the signal to the scale of the observation.
    """
    fields = []
    for window in spread_windows(observation.shape, max_pixels, mask=mask):
        x = np.asarray(observation[window], dtype=np.float32)
        s = np.asarray(signal[window[-len(signal.shape) :]], dtype=np.float32)
        usable = np.ones(x.shape, dtype=bool) if mask is None else mask[window[-2:]]
        fields.append(Field(s[None], x[None], x[None], usable))
    return fields, []
