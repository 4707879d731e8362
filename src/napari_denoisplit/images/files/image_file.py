"""An image by the name of its file: small enough to be sent to another process."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.channels import choose_channels
from napari_denoisplit.images.files.file_sets import once_each
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.zarr.nodes import is_zarr
from napari_denoisplit.memory import LAZY_ABOVE, READ_WHOLE, room_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from os import PathLike

    from numpy.typing import NDArray

    from napari_denoisplit.images.image import Image

_AT_ONCE = 2**22
"""Bytes of pixels up to which a file that is opened anew is read whole."""
_SMALL = 2**18
"""Bytes of pixels that are read faster than they are opened lazily."""
_NAMED = 5


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

    def open_unread(self) -> Image:
        """Open the image and close its file again, which is opened anew for each part of it.

        Raises
        ------
        ImageError
            As of `open`, as far as can be told without reading pixels.
        """
        image = self.open(lazy_above=_SMALL)
        if is_zarr(self.path):  # keeps no file open
            return image
        return replace(image, data=_Unread(self, image))


class _Unread:
    """Pixels of a closed file: there may be more of these than a system keeps open."""

    def __init__(self, file: ImageFile, image: Image) -> None:
        self._file = file
        self.shape, self.dtype, self.ndim = image.shape, image.data.dtype, len(image.shape)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        image = self._file.open(_AT_ONCE)
        if (image.shape, image.data.dtype) != (self.shape, self.dtype):
            raise ImageError(
                f"{self._file.path} is now of {image.shape} {image.data.dtype}, and was of "
                f"{self.shape} {self.dtype} when it was opened: leave files that are in use alone."
            )
        part = image.data[index]
        # In this thread, which may be one of dask's own.
        lazy = hasattr(part, "compute")
        return np.asarray(part.compute(scheduler="synchronous") if lazy else part)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[(slice(None),) * self.ndim], dtype)


def read_together(files: Sequence[ImageFile]) -> Iterator[Image]:
    """Read images that are used together one after the other, or open them unread.

    The latter where they would take a large part of the free memory. All of those that cannot be
    used, as far as their headers tell, are named at once.

    Raises
    ------
    ImageError
        A file cannot be read, or has no such channel.
    """
    # Pixels take as many bytes as the files, or more where those are compressed.
    sizes = [file.path.stat().st_size for file in files if file.path.is_file()]
    if sum(size for size in sizes if size <= READ_WHOLE) <= room_for("files"):
        for file in files:
            yield file.open(READ_WHOLE)
        return
    bad = []
    for file in files:
        try:
            image = file.open_unread()
        except ImageError as error:
            bad.append(str(error))
            continue
        yield image
    if bad:
        more = f" So cannot {len(bad) - _NAMED:,} more files." if len(bad) > _NAMED else ""
        raise ImageError(" ".join(bad[:_NAMED]) + more)


def read_images(paths: Iterable[str | PathLike[str]]) -> list[Image]:
    """Read several files, each with the defaults of `read_image`.

    An image is read once, also where several files of an OME set or two names of a file stand
    for it; `Image.notes` says so, and which file is a copy of another. Where the files would take
    more than a quarter of the free memory together, they are opened, and their pixels read as they
    are needed.

    Raises
    ------
    ImageError
        As of `read_image`; of files that are only opened all that cannot be used are named.
    """
    chosen, told = once_each(map(Path, paths))
    images = read_together([ImageFile(path) for path in chosen])
    return [
        replace(image, notes=(*image.notes, told[path])) if path in told else image
        for image, path in zip(images, chosen, strict=True)
    ]
