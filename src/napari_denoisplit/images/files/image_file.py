"""An image by the name of its file: small enough to be sent to another process."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_denoisplit.images.channels import choose_channels
from napari_denoisplit.images.files.reading import read_image

if TYPE_CHECKING:
    from napari_denoisplit.images.image import Image

LAZY_ABOVE = 2**26
"""Bytes of pixels above which a file is not read at once."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """Where an image is, and how it is to be read."""

    path: Path
    axes: str | None = None
    """See `read_image`."""
    series: int | None = None
    channel: str | None = None
    """Name of a channel, or its number from 1; None takes the image as it is."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))  # may be given as text

    def absolute(self) -> ImageFile:
        """Return the same by its full name, for a process in another folder."""
        return replace(self, path=self.path.resolve())

    def open(self, lazy_above: int = LAZY_ABOVE) -> Image:
        """Open the image; the pixels of a large one are read where and when they are used.

        Parameters
        ----------
        lazy_above
            Bytes of pixels above which it is large.

        Raises
        ------
        ImageError
            The file cannot be read, or has no such channel.
        """
        image = read_image(self.path, axes=self.axes, series=self.series, lazy_above=lazy_above)
        return image if self.channel is None else choose_channels(image, self.channel)
