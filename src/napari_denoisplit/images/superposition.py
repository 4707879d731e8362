"""Superposition of channels into one image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def superpose(
    channels: NDArray[np.floating | np.integer], weights: Sequence[float], offset: float = 0.0
) -> NDArray[np.float32]:
    """Weighted sum of the channels, x = offset + sum over c of weight_c * channel_c.

    Parameters
    ----------
    channels
        (..., C, Y, X)
    weights
        One for each channel: 1/C each for an average, 1 each for the light a camera adds up.
    offset
        Grey levels beside the channels.

    Returns
    -------
    (..., Y, X) float32; a dask array of a dask array.

    Raises
    ------
    ImageError
        The number of weights is not the number of channels.
    """
    if channels.ndim < 3 or channels.shape[-3] != len(weights):
        raise ImageError(
            f"{len(weights)} mixing weights do not fit channels of shape {channels.shape}: give "
            "(..., C, Y, X) and one weight per channel."
        )
    if hasattr(channels, "dask"):  # on disk: it stays there
        first, *others = (
            np.float32(weight) * channels[..., number, :, :].astype(np.float32)
            for number, weight in enumerate(weights)
        )
        return sum(others, start=first) + np.float32(offset)
    total = np.full((*channels.shape[:-3], *channels.shape[-2:]), offset, dtype=np.float32)
    for number, weight in enumerate(weights):
        total += np.float32(weight) * channels[..., number, :, :].astype(np.float32)
    return total
