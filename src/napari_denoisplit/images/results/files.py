"""The files of a split, opened as one value."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import tifffile

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.results.split import Split
from napari_denoisplit.images.zarr.nodes import is_zarr

if TYPE_CHECKING:
    from os import PathLike

_LAZY_ABOVE = 2**22  # bytes; of many samples only the one in sight is read
_RESULT = re.compile(r"(.+)_(mmse|sigma|sigma-uncalibrated|sample-\d+)\.ome\.tiff?", re.IGNORECASE)
_NUMBERED = re.compile(r"(\d+)\.ome\.tiff?$", re.IGNORECASE)
_SAMPLES = "_samples"


def open_split(path: str | PathLike[str]) -> Split:
    """Open the result of a split lazily: MMSE, sigma and samples, as far as they are kept.

    Parameters
    ----------
    path
        Result of a split: an OME-Zarr folder, a folder ``NAME_samples``, or one of the files
        ``NAME_mmse.ome.tif``, ``NAME_sigma.ome.tif``, ``NAME_sample-001.ome.tif``.

    Raises
    ------
    ImageError
        It is no result of a split, or its samples differ in shape.
    """
    path = Path(path)
    if not is_zarr(path):
        return _from_files(path)
    from napari_denoisplit.images.results.zarr_folder import open_zarr_folder  # loads zarr

    return open_zarr_folder(path)


def result_files(path: Path) -> tuple[Path, list[Path]]:
    """Folder and name of a result, without ending, and its sample files in order."""
    if path.is_dir():
        if not path.name.endswith(_SAMPLES):
            found = sorted(path.glob(f"*{_SAMPLES}"))
            if len(found) != 1:
                raise ImageError(
                    f"{path} is no folder of samples: choose a folder NAME_samples, a file "
                    "NAME_mmse.ome.tif or an OME-Zarr folder that a split has written."
                )
            path = found[0]
        target = path.with_name(path.name.removesuffix(_SAMPLES))
        files = path.glob("*.ome.tif")
    else:
        match = _RESULT.fullmatch(path.name)
        inside = path.parent.name.endswith(_SAMPLES) and path.is_file()
        if match is None and inside:
            return result_files(path.parent)
        if match is None or not path.exists():
            raise ImageError(
                f"{path} is no result of a split: choose NAME_mmse.ome.tif, a folder NAME_samples "
                "or an OME-Zarr folder."
            )
        target = path.with_name(match[1])
        beside = target.with_name(f"{target.name}{_SAMPLES}")
        if beside.is_dir():
            files = beside.glob("*.ome.tif")
        else:
            files = target.parent.glob(f"{_escaped(target.name)}_sample-*.ome.tif")
    return target, sorted(files, key=lambda file: (_number(file), file.name))


def _number(file: Path) -> int:
    """Return the number of a sample, from 1; 0 for a file that has another name."""
    found = _NUMBERED.search(file.name)
    return int(found[1]) if found else 0


def _escaped(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)


def _from_files(path: Path) -> Split:
    import dask.array  # only to stack what is not read

    target, files = result_files(path)
    named = {}
    for ending in ("mmse", "sigma", "sigma-uncalibrated"):
        file = target.with_name(f"{target.name}_{ending}.ome.tif")
        if file.exists():
            named[ending.partition("-")[0]] = file
    images = [read_image(file, lazy_above=_LAZY_ABOVE) for file in (*files, *named.values())]
    if not images:
        raise ImageError(f"{path} holds no sample, and there is no MMSE beside it: split again.")
    first = images[0]
    if any(image.shape != first.shape for image in images[: len(files)]):
        raise ImageError(f"{path}: its samples differ in shape. Split the image again.")
    arrays: dict[str, Any] = {}
    if files:
        parts = [dask.array.asarray(image.data) for image in images[: len(files)]]
        arrays["samples"] = dask.array.stack(parts)
    for kind, image in zip(named, images[len(files) :], strict=True):
        if (image.shape, image.axes) == (first.shape, first.axes):
            arrays[kind] = image.data
    record = _record((*files, *named.values())[0]) or _record_beside(target) or {}
    split = Split.of_image(first, record=record, **arrays, name=target.name, path=path)
    # Where somebody has taken samples away, it cannot be told which ones are pairs.
    whole = [_number(file) for file in files] == list(range(1, len(files) + 1))
    return replace(split, mirrored=split.mirrored and whole)


def _record(path: Path) -> dict[str, Any] | None:
    """Read how a result was made from the description in the file; None where it does not say."""
    try:
        with tifffile.TiffFile(path) as file:
            root = ElementTree.fromstring(file.pages.first.description)
        texts = [e.text for e in root.iter() if e.tag.rpartition("}")[2] == "Description"]
        record = json.loads(texts[0] or "")
    except (OSError, ValueError, LookupError, ElementTree.ParseError):
        return None
    return record if isinstance(record, dict) else None


def _record_beside(target: Path) -> dict[str, Any] | None:
    """Read the record that the Split widget has saved in a file of its own."""
    try:
        record = json.loads(target.with_name(f"{target.name}_split.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None
