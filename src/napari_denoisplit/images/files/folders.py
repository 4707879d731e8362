"""Images in folders: which files are taken, and in which order."""

from __future__ import annotations

import os
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.endings import READABLE
from napari_denoisplit.images.results.files import is_result
from napari_denoisplit.images.zarr.nodes import is_zarr

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TEMPORARY = (".", "~", "$")  # first characters of the names of hidden and temporary files
_DIGITS = re.compile(r"(\d+)", re.ASCII)


def is_folder(path: Path) -> bool:
    """Whether a path is a folder of images; one of Zarr is an image by itself."""
    return path.is_dir() and not is_zarr(path)


def images_of(folder: Path, pattern: str = "*", *, recursive: bool = False) -> list[Path]:
    """List the images in a folder in natural order (2 before 10).

    Left out is what is hidden, temporary, of an ending that is not read, or a result of a split.

    Parameters
    ----------
    folder
        Its own images come before those of its sub-folders.
    pattern
        Which files to take, e.g. 'cell*.tif'; with a '/' it is compared with the path below the
        folder. A pattern with an ending takes files of that ending, whatever it is.
    recursive
        Whether to look into the sub-folders.

    Raises
    ------
    ImageError
        A folder cannot be read.
    """
    return list(_images(folder, folder, pattern, recursive))


def no_image_in(folders: Sequence[Path], pattern: str = "*", *, recursive: bool = True) -> str:
    """Say that folders hold no image, and what was looked for; parameters as of `images_of`."""
    where = ", ".join(map(str, folders)) or "what was chosen"
    which = "" if pattern == "*" else f" named like {pattern!r}"
    below = "" if recursive else " Images in sub-folders are found with recursive=True."
    return (
        f"There is no image{which} in {where} ({', '.join(READABLE)}; results of a split are left "
        f"out).{below}"
    )


def _images(folder: Path, root: Path, pattern: str, recursive: bool) -> Iterator[Path]:
    """Images in a folder below `root`, its own before those of its sub-folders."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: _natural(entry.name))
    except OSError as error:
        raise ImageError(
            f"The folder {folder} cannot be read ({error.strerror}): check that you may read it."
        ) from error
    shown = [entry for entry in entries if not entry.name.startswith(_TEMPORARY)]
    for entry in shown:
        path = folder / entry.name
        below = path.relative_to(root).as_posix()
        if not is_folder(path) and _is_wanted(below, pattern) and not is_result(path):
            yield path
    for entry in shown if recursive else ():
        # Not through links, which may lead in a circle.
        if entry.is_dir(follow_symlinks=False) and is_folder(folder / entry.name):
            yield from _images(folder / entry.name, root, pattern, recursive)


def _is_wanted(below: str, pattern: str) -> bool:
    """Whether a file is named like the pattern, and of an ending that is read or named there."""
    name = below if "/" in pattern else below.rpartition("/")[2]
    if not fnmatch(name.lower(), pattern.lower()):
        return False
    ending = Path(pattern).suffix
    named = bool(ending) and not set(ending) & set("*?[")
    return named or name.lower().endswith(READABLE)


def _natural(name: str) -> tuple[list[str | int], str]:
    """Sort key: numbers by their value, letters whatever their case."""
    parts: list[str | int] = [*_DIGITS.split(name.casefold())]
    parts[1::2] = map(int, parts[1::2])
    return parts, name
