"""The image to be split, opened in the background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.results.layers import contrast_limits
from napari_denoisplit.widgets.choosers.chosen import single_channel

if TYPE_CHECKING:
    from napari_denoisplit.checkpoint import ModelHeader
    from napari_denoisplit.widgets.choosers.chosen import ChosenImage

_LARGEST_SHOWN = 2**26
"""Pixels of a plane of the input that is shown without coarser levels."""
_LOOK = 1024  # edge of the part that is looked at for the contrast


@dataclass(frozen=True, slots=True, eq=False)
class InputOpened:
    """The image to be split is known, one channel of it; its pixels may lie on disk."""

    image: Image
    contrast_limits: tuple[float, float]
    levels: tuple[Any, ...]
    """What to show of a file, the finest level first; empty where that would take too long, and of
    a layer."""


def image_of(chosen: ChosenImage, lazy_above: int) -> Image:
    """Return the pixels of a layer, or read those of a file.

    Parameters
    ----------
    chosen
        The layer, or the file.
    lazy_above
        Bytes of pixels above which a file is only opened.
    """
    if isinstance(chosen.source, Image):
        return chosen.source
    from napari_denoisplit.images.files.reading import read_image  # loads tifffile

    return read_image(chosen.source, lazy_above=lazy_above)


def open_input(chosen: ChosenImage, header: ModelHeader, lazy_above: int) -> InputOpened:
    """Open an image, and what is to be shown of it.

    Parameters
    ----------
    chosen, lazy_above
        As of `image_of`.
    header
        Of the model that will split it.
    """
    image = image_of(chosen, lazy_above)
    single = single_channel(image, chosen.channels, header)
    lead = (0,) * (len(single.shape) - 2)
    middle = tuple(
        slice(max(0, n - _LOOK) // 2, max(0, n - _LOOK) // 2 + _LOOK) for n in single.shape[-2:]
    )
    seen = np.asarray(single.data[(*lead, *middle)], dtype=np.float32)
    levels = () if chosen.layer is not None else _levels(chosen, image, single)
    return InputOpened(single, contrast_limits(seen), levels)


def _levels(chosen: ChosenImage, image: Image, single: Image) -> tuple[Any, ...]:
    from napari_denoisplit.images.zarr.levels import channel_levels
    from napari_denoisplit.images.zarr.nodes import is_zarr

    if chosen.path is not None and is_zarr(chosen.path) and image.n_channels == 1:
        try:
            return tuple(channel_levels(chosen.path, 0, single.axes))
        except ImageError:  # of a series, or a plain array
            pass
    in_memory = isinstance(single.data, np.ndarray)
    small = in_memory or single.shape[-1] * single.shape[-2] <= _LARGEST_SHOWN
    return (single.data,) if small else ()
