"""Channels of an image by the names and numbers that users give them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_denoisplit.errors import ImageError

if TYPE_CHECKING:
    from napari_denoisplit.images.image import Image


def channel_index(image: Image, which: str) -> int:
    """Return the index of a channel, given by its name or by its number from 1."""
    numbers = [str(number) for number in range(1, image.n_channels + 1)]
    for labels in (image.channel_names, numbers):
        if which in labels:
            return labels.index(which)
    raise ImageError(
        f"{image.name!r} has no channel {which!r}: choose one of "
        f"{', '.join((*image.channel_names, *numbers))}."
    )


def choose_channel(image: Image, which: str) -> Image:
    """Return one channel of an image, by its name or by its number from 1."""
    return image.channel(channel_index(image, which))
