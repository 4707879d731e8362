"""Arguments of the public functions, checked before anything is loaded."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, overload

from napari_denoisplit.images.image import Image, no_image

if TYPE_CHECKING:
    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.images.files.image_file import ImageFile
    from napari_denoisplit.images.results.split import Split

    Result = Split | str | PathLike[str]


def model_or_path(model: Model | str | PathLike[str]) -> Model | Path:
    """Return a model as it is, and the name of its file as a path."""
    return Path(model) if isinstance(model, (str, PathLike)) else model


def path_or_none(path: str | PathLike[str] | None) -> Path | None:
    """Return the name of a file as a path, where there is one."""
    return None if path is None else Path(path)


def opened(result: Result) -> Split:
    """Return a result as it is; open one on disk, without reading it."""
    from napari_denoisplit.images.results.files import open_split
    from napari_denoisplit.images.results.split import Split

    return result if isinstance(result, Split) else open_split(result)


@overload
def checked_image(image: Image) -> Image: ...
@overload
def checked_image(image: Image | ImageFile) -> Image | ImageFile: ...
def checked_image(image: object) -> object:
    """Return an image as it is.

    Raises
    ------
    ImageError
        It is the name of a file, a plain array, or something else.
    """
    if isinstance(image, Image):
        return image
    from napari_denoisplit.images.files.image_file import ImageFile  # loads tifffile

    if isinstance(image, ImageFile):
        return image
    raise no_image(image)
