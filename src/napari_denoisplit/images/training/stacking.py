"""Several images of the same channels as one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.images.image import Image

__all__ = ["stack_over_time"]


def stack_over_time(images: Sequence[Image]) -> Image:
    """Put images one behind the other along T, axes in the order T, C, Z, Y, X.

    Parameters
    ----------
    images
        At least one; they may have T axes of their own, and must agree in all others. Where one
        of them is lazy, so is the result.

    Raises
    ------
    ImageError
        The images differ in size or in their number of channels.
    """
    first = images[0]
    axes = "T" + "".join(axis for axis in "CZYX" if any(axis in i.axes for i in images))
    views = [image.transposed(axes) for image in images]
    for view, image in zip(views, images, strict=True):
        if view.shape[1:] != views[0].shape[1:]:
            raise ImageError(
                f"{image.name!r} is {image.axes} {image.shape}, {first.name!r} {first.axes} "
                f"{first.shape}: images that are taken together must agree in all but T."
            )
    names = (
        first.channel_names
        if all(image.channel_names == first.channel_names for image in images)
        else ()
    )
    notes = tuple(note for image in images for note in image.notes)
    return replace(
        first, data=_concatenated([view.data for view in views]), axes=axes, notes=notes
    ).with_channel_names(names)


def _concatenated(arrays: list[Any]) -> Any:
    if all(isinstance(array, np.ndarray) for array in arrays):
        return np.concatenate(arrays)
    import dask.array  # only for arrays on disk

    return dask.array.concatenate([dask.array.asarray(array) for array in arrays])
