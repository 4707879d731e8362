"""Results of a split, written to files; those on disk are moved or copied."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import uuid4

from napari_denoisplit.events import Progress
from napari_denoisplit.files import free_name
from napari_denoisplit.images.results.layers import levels_of
from napari_denoisplit.widgets.layers.opened import OpenedResult

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence
    from pathlib import Path

    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.widgets.layers.results import OwnLayers


@dataclass(frozen=True, slots=True)
class Result:
    """The split of one image."""

    split: Split
    axes: str
    """Of its layers, in the order of the viewer, without that of samples."""
    layers: OwnLayers
    """That show it."""
    temporary: bool = False
    """Whether it lies in a folder that goes with its layers."""

    @property
    def is_there(self) -> bool:
        """Whether it has not gone with its layers: what is in memory is freed with the last."""
        path = self.split.path
        return self.layers.any_alive if path is None else path.exists()


@dataclass(frozen=True, slots=True, eq=False)
class ResultMoved:
    """A result on disk has found its place: it was temporary."""

    result: Result
    opened: OpenedResult
    """What its layers show from there."""


def save_results(
    results: Sequence[Result], folder: Path, stop: threading.Event
) -> Job[StatusEvent | ResultMoved, tuple[Path, ...]]:
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
    from napari_denoisplit.images.results.files import ResultFiles, writing

    written: list[Path] = []
    for number, result in enumerate(results):
        split = result.split
        if split.path is not None and split.path.is_dir():
            path = yield from _save_folder(result, split.path, folder, stop)
            written += [] if path is None else [path]
            continue
        name = free_name(stem_of(split.name), lambda name: ResultFiles(folder / name).existing())
        for path in writing(split, folder / name):
            if stop.is_set():
                return tuple(written)
            yield Progress(number / len(results), None, f"writing {path.name}")
            written.append(path)
    return tuple(written)


def _save_folder(
    result: Result, source: Path, folder: Path, stop: threading.Event
) -> Job[StatusEvent | ResultMoved, Path | None]:
    """Bring a result on disk into a folder, whole or not at all; None after a stop."""
    name = f"{stem_of(result.split.name)}_split"
    free = free_name(name, lambda name: (folder / f"{name}.zarr").exists())
    path = folder / f"{free}.zarr"
    if result.temporary:
        try:
            source.rename(path)
        except OSError:
            pass  # another disk: it is copied, and what is left goes with the last layer
        else:
            yield _moved(result, path)
            return path
    half = folder / f".{uuid4().hex}.zarr"
    try:
        yield from _copy(source, half, path.name, stop)
        if stop.is_set():
            return None
        half.rename(path)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    if result.temporary:
        yield _moved(result, path)
    return path


def _moved(result: Result, path: Path) -> ResultMoved:
    from napari_denoisplit.images.results.zarr_folder import open_zarr_folder  # loads zarr

    before = result.split
    split = replace(
        open_zarr_folder(path),
        name=before.name,
        n_samples=before.n_samples,
        stopped_early=before.stopped_early,
        notes=before.notes,
    )
    levels = levels_of(split, result.axes, complete=not split.stopped_early)
    return ResultMoved(result, OpenedResult(split, levels))


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


def stem_of(name: str) -> str:
    """Name of an image as it can stand in the name of a file."""
    stem = name.lower()
    for ending in (".zarr", ".tiff", ".tif", ".ome"):
        stem = stem.removesuffix(ending)
    return "".join(c if c.isalnum() or c in "-_. " else "-" for c in name[: len(stem)]) or "image"
