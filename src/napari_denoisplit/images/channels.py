"""Channels of an image by the names and numbers that users give them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import sliceable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.images.image import Image


def channel_index(image: Image, which: str) -> int:
    """Return the index of a channel, given by its name or by its number from 1.

    Raises
    ------
    ImageError
        The image has no such channel; says which it has.
    """
    numbers = [str(number) for number in range(1, image.n_channels + 1)]
    for labels in (image.channel_names, numbers, channel_titles(image)):
        if which in labels:
            return labels.index(which)
    raise ImageError(
        f"{image.name!r} has no channel {which!r}: choose one of "
        f"{', '.join((*image.channel_names, *numbers))}."
    )


def choose_channels(image: Image, which: str | Sequence[str]) -> Image:
    """Return some channels of an image, in the order given; nothing is read or copied.

    Parameters
    ----------
    image
        With or without a channel axis.
    which
        Names, or numbers from 1: ``"DAPI"``, ``["DAPI", "3"]``. Of a single one the axis goes.

    Raises
    ------
    ImageError
        There is no such channel, or one is given twice.
    """
    chosen = [which] if isinstance(which, str) else list(which)
    indices = [channel_index(image, one) for one in chosen]
    if not indices or len(set(indices)) < len(indices):
        raise ImageError(
            f"{image.name!r}: of its channels {', '.join(channel_titles(image))} the choice is "
            f"{', '.join(chosen) or 'none'}: give each once."
        )
    names = tuple(channel_titles(image)[index] for index in indices)
    if len(indices) == 1:
        one = image.channel(indices[0])
        return one if image.n_channels == 1 else replace(one, channel_names=names)
    at = (slice(None),) * image.axes.index("C")
    return replace(image, data=sliceable(image.data)[(*at, indices)], channel_names=names)


def as_channels(images: Sequence[Image]) -> Image:
    """Put images of one channel each together, named after them; of a single image nothing changes.

    Raises
    ------
    ImageError
        One has several channels, or not the size of the first.
    """
    if len(images) == 1:
        return images[0]
    first = images[0].transposed("TZYX")
    stacked = []
    for image in images:
        if image.n_channels != 1 or (one := image.transposed("TZYX")).shape != first.shape:
            raise ImageError(
                f"{image.name!r} has {image.n_channels} channels of {image.shape} {image.axes}, "
                f"{images[0].name!r} has {images[0].shape} {images[0].axes}: give images of one "
                "channel and of the same size, or one image with all channels."
            )
        stacked.append(np.asarray(one.data))
    names = tuple(image.name for image in images)
    return replace(first, axes="CTZYX", data=np.stack(stacked), channel_names=names)


def channel_titles(image: Image) -> tuple[str, ...]:
    """Return what each channel is called: its name, or its number where it has none."""
    numbers = range(1, image.n_channels + 1)
    return image.channel_names or tuple(f"channel {number}" for number in numbers)
