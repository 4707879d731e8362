"""Images as chosen at the click, which a job reads in the background."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import Stage
from napari_denoisplit.images.channels import channel_titles, choose_channels
from napari_denoisplit.images.image import AXES, Image
from napari_denoisplit.images.superposition import superpose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image as ImageLayer

    from napari_denoisplit.checkpoint import ModelHeader
    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.place import Place


@dataclass(frozen=True, slots=True, eq=False)
class ChosenImage:
    """A layer of the viewer, or a file."""

    name: str
    source: Image | Path
    """Pixels of the layer, or the file."""
    layer: ImageLayer | None = None
    place: Place | None = None
    """Where the layer lies in the viewer."""
    channels: tuple[str, ...] | None = None
    """Which channels to take of an image that has several, by name or number from 1; None: all."""

    @property
    def image(self) -> Image | None:
        """Pixels of the layer; None for a file."""
        return self.source if isinstance(self.source, Image) else None

    @property
    def path(self) -> Path | None:
        """The file; None for a layer."""
        return self.source if isinstance(self.source, Path) else None

    def read(self) -> Image:
        """Return the image; a file is read.

        Raises
        ------
        ImageError
            The file cannot be read.
        """
        if isinstance(self.source, Image):
            return self.source
        # Not at the top: tifffile takes a while, and layers need no reading.
        from napari_denoisplit.images.files.reading import read_image

        return read_image(self.source)


def read_all(chosen: Sequence[ChosenImage]) -> Job[StatusEvent, list[Image]]:
    """Read the chosen channels of images one after the other, and say which; see `read_together`.

    Raises
    ------
    ImageError
        A file cannot be read, or has no such channel.
    """
    # Not at the top: tifffile takes a while, and layers need no reading.
    from napari_denoisplit.images.files.image_file import ImageFile, read_together

    of_files = read_together([ImageFile(one.path) for one in chosen if one.path is not None])
    images = []
    for one in chosen:
        if one.path is not None:
            yield Stage(f"Reading {one.name}")
        image = one.image or next(of_files)
        images.append(image if one.channels is None else choose_channels(image, one.channels))
    return images


def single_channel(image: Image, channels: Sequence[str] | None, header: ModelHeader) -> Image:
    """Make the one channel that is to be split, axes in the order of T, Z, Y, X.

    Parameters
    ----------
    image
        With or without a channel axis.
    channels
        Which to take: one that shows the structures together, or one of each, which are superposed
        as the model was trained. None takes all.
    header
        Of the model that will split it: how many structures, and how they are superposed.

    Raises
    ------
    ImageError
        The image does not have these channels, or neither one nor one per structure.
    """
    n = header.network.n_channels
    rest = "".join(axis for axis in AXES if axis in image.axes and axis != "C")
    if channels is not None:
        image = choose_channels(image, channels)
    if image.n_channels == 1:
        return image.transposed(rest)
    if image.n_channels != n:
        raise ImageError(
            f"{image.name!r} has {image.n_channels} channels "
            f"({', '.join(channel_titles(image))}) and the model {n} structures, so "
            "they cannot be superposed: choose the channel that shows all structures together."
        )
    last = image.transposed(rest[:-2] + "CYX")
    mixed = superpose(last.data, header.mix.mean_weights(n), header.mix.offset)
    return replace(last, data=mixed, axes=rest, channel_names=())
