"""Results of a split, written to files; those on disk are moved or copied."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import uuid4

from napari_denoisplit.events import Progress
from napari_denoisplit.files import replacing
from napari_denoisplit.widgets.split.on_disk import DiskSplit

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.widgets.split.disk_levels import Levels


@dataclass(frozen=True, slots=True)
class Result:
    """The split of one image."""

    name: str
    split: Split | DiskSplit

    @property
    def is_there(self) -> bool:
        """Whether it has not been deleted with its layers."""
        return not isinstance(self.split, DiskSplit) or self.split.path.exists()


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """A result on disk has found its place: it was temporary."""

    result: Result
    path: Path
    levels: Mapping[str, Levels]
    """What its layers show from there."""


def save_results(
    results: Sequence[Result], folder: Path, stop: threading.Event
) -> Job[StatusEvent | Moved, tuple[Path, ...]]:
    """Write MMSE, sigma and samples of every result as OME-TIFF, and where they came from.

    A result on disk stays OME-Zarr: a temporary one is moved, another one is copied.

    Parameters
    ----------
    results
        What to write.
    folder
        Where to; a name that is taken there is numbered, nothing is overwritten.
    stop
        Ends the work between two files.

    Returns
    -------
    The files written.
    """
    # Not at the top: writers are needed at the end of a session, if at all.
    from napari_denoisplit.images.files.writing import write_image

    written: list[Path] = []
    for number, result in enumerate(results):
        if isinstance(result.split, DiskSplit):
            path = yield from _save_folder(result, result.split, folder, stop)
            if path is not None:
                written.append(path)
            continue
        name = _free_name(folder, stem_of(result.name))
        record = folder / f"{name}_split.json"
        with replacing(record) as temporary:
            temporary.write_text(_record(result.split), encoding="utf-8")
        written.append(record)
        for ending, image in _images(result.split):
            if stop.is_set():
                return tuple(written)
            path = folder / f"{name}_{ending}.ome.tif"
            yield Progress(number / len(results), None, f"writing {path.name}")
            write_image(path, image)
            written.append(path)
    return tuple(written)


def _save_folder(
    result: Result, split: DiskSplit, folder: Path, stop: threading.Event
) -> Job[StatusEvent | Moved, Path | None]:
    """Bring a result on disk into a folder, whole or not at all; None after a stop."""
    name = f"{stem_of(result.name)}_split"
    number = 1
    while (path := folder / f"{name}{f'-{number}' if number > 1 else ''}.zarr").exists():
        number += 1
    if split.temporary:
        try:
            split.path.rename(path)
        except OSError:
            pass  # another disk: it is copied, and what is left goes with the last layer
        else:
            yield Moved(result, path, split.levels(path))
            return path
    half = folder / f".{uuid4().hex}.zarr"
    try:
        yield from _copy(split.path, half, path.name, stop)
        if stop.is_set():
            return None
        half.rename(path)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    if split.temporary:
        yield Moved(result, path, split.levels(path))
    return path


def _copy(source: Path, target: Path, name: str, stop: threading.Event) -> Job[StatusEvent, None]:
    files = sorted(path for path in source.rglob("*") if path.is_file())
    total, done = sum(path.stat().st_size for path in files), 0
    for path in files:
        if stop.is_set():
            return
        to = target / path.relative_to(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, to)
        done += path.stat().st_size
        yield Progress(done / max(1, total), None, f"copying {name}")


def _record(split: Split) -> str:
    return json.dumps(dict(split.provenance), indent=2, default=str) + "\n"


def _images(split: Split) -> list[tuple[str, Image]]:
    images = [("mmse", split.mmse)]
    if split.n_samples > 1:
        images.append(("sigma" if split.calibrated else "sigma-uncalibrated", split.sigma))
    for number, sample in enumerate(split.samples if split.samples is not None else ()):
        images.append((f"sample-{number + 1:03d}", replace(split.mmse, data=sample)))
    return images


def stem_of(name: str) -> str:
    """Name of an image as it can stand in the name of a file."""
    stem = name.lower()
    for ending in (".zarr", ".tiff", ".tif", ".ome"):
        stem = stem.removesuffix(ending)
    return "".join(c if c.isalnum() or c in "-_. " else "-" for c in name[: len(stem)]) or "image"


def _free_name(folder: Path, stem: str) -> str:
    """Return the name, numbered if there are results of that name already."""
    number = 1
    name = stem
    # The command writes the same names without a record: those are not overwritten either.
    while any((folder / f"{name}_{ending}").exists() for ending in ("split.json", "mmse.ome.tif")):
        number += 1
        name = f"{stem}-{number}"
    return name
