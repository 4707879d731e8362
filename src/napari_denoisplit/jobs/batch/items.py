"""Images of a batch: those of folders, each with a name for its results."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.file_sets import once_each
from napari_denoisplit.images.files.folders import images_of, is_folder, no_image_in
from napari_denoisplit.images.results.files import ResultFiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.images.plane_region import PlaneRegion


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One image of a batch."""

    path: Path
    name: str
    """Where its results lie below the output folder, without ending, e.g. 'day1/cell 7'."""
    region: PlaneRegion | None = None
    """Part of every plane to split; None is all of it. Results of a part have it in their names."""
    note: str = ""
    """What is to be said of the choice of the file, e.g. that it stands for others."""

    def files(self, output: Path) -> ResultFiles:
        """Return where its results lie."""
        part = "" if self.region is None else f"_{self.region.label}"
        return ResultFiles(output / (self.name + part))


def find_items(
    paths: Sequence[Path],
    *,
    pattern: str = "*",
    recursive: bool = False,
    region: PlaneRegion | None = None,
) -> tuple[BatchItem, ...]:
    """List the images of folders and files, folders in natural order (2 before 10).

    Of files that make one OME set, any of which opens the whole, and of several names of one file,
    the first is taken. `images_of` says what is taken of a folder. Results of files of a folder
    keep its sub-folders; those of several folders are told apart by the part of their paths that
    differs.

    Parameters
    ----------
    paths
        Folders and files. A file that does not exist is listed, and fails when its turn comes.
    pattern, recursive
        As of `images_of`.
    region
        Part of every image to split; None is all of it.

    Raises
    ------
    ImageError
        A folder cannot be read, nothing was found, or two files would have the same results.
    """
    folders = [path for path in paths if is_folder(path)]
    roots = _roots(folders)
    items: list[BatchItem] = []
    seen: set[Path] = set()
    for path in paths:
        if path in folders:
            found = _named(images_of(path, pattern, recursive=recursive), path, roots[path])
        else:
            found = [BatchItem(path, _without_ending(path.name))]
        for item in found:
            place = Path(os.path.abspath(item.path))
            # Below it is told that a file is named twice; one that a folder brings needs no word.
            if place not in seen or not folders:
                items.append(item)
            seen.add(place)
    if not items:
        raise ImageError(no_image_in(folders, pattern, recursive=recursive))
    chosen, told = once_each([item.path for item in items])
    by_path = {item.path: item for item in items}
    items = [by_path[path] for path in chosen]
    _refuse_same_names(items)
    return tuple(replace(i, region=region, note=told.get(i.path, "")) for i in items)


def refuse_overwriting(items: Sequence[BatchItem], output: Path) -> None:
    """Make sure that no result takes the place of an image that is to be split.

    Raises
    ------
    ImageError
        One would.
    """
    inputs = {os.path.abspath(item.path) for item in items}
    for item in items:
        files = item.files(output)
        for path in (files.mmse, files.sigma):
            if os.path.abspath(path) in inputs:
                raise ImageError(
                    f"The result of {item.path} would replace {path}, which is to be split as "
                    "well: choose another folder for the results."
                )


def _roots(folders: Sequence[Path]) -> dict[Path, Path]:
    """Where the names of results of each folder begin: below what all folders have in common."""
    if len(folders) < 2:
        return dict.fromkeys(folders, Path())
    places = [Path(os.path.abspath(folder)) for folder in folders]
    try:
        common = Path(os.path.commonpath(places))
    except ValueError:  # on several drives of Windows
        return {
            folder: Path(place.drive.strip(":\\/") or "_", *place.parts[1:])
            for folder, place in zip(folders, places, strict=True)
        }
    return {f: place.relative_to(common) for f, place in zip(folders, places, strict=True)}


def _named(paths: Sequence[Path], folder: Path, root: Path) -> list[BatchItem]:
    """Name the results of the files of a folder after what they lie in."""
    relative = [root / path.relative_to(folder) for path in paths]
    names = [(path.parent / _without_ending(path.name)).as_posix() for path in relative]
    shared = Counter(name.casefold() for name in names)
    return [
        # cell.tif beside cell.czi: their endings tell them apart.
        BatchItem(path, below.as_posix() if shared[name.casefold()] > 1 else name)
        for path, below, name in zip(paths, relative, names, strict=True)
    ]


def _without_ending(name: str) -> str:
    stem = name.removesuffix(Path(name).suffix)
    return stem[: -len(".ome")] if stem.lower().endswith(".ome") else stem


def _refuse_same_names(items: Sequence[BatchItem]) -> None:
    first: dict[str, Path] = {}
    for item in items:
        name = item.name.casefold()  # what differs in case alone is one file on some systems
        if name in first:
            raise ImageError(
                f"{first[name]} and {item.path} would have the same results {item.name}_mmse"
                ".ome.tif: split them in two runs with different folders for the results."
            )
        first[name] = item.path
