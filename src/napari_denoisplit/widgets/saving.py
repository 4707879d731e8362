"""Results of a split, written to files."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_denoisplit.events import Event, Progress
from napari_denoisplit.files import replacing

if TYPE_CHECKING:
    import threading
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.jobs.splitting import Split

__all__ = ["Result", "save_results"]


@dataclass(frozen=True, slots=True)
class Result:
    """The split of one image."""

    name: str
    split: Split


def save_results(
    results: Sequence[Result], folder: Path, stop: threading.Event
) -> Generator[Event, None, tuple[Path, ...]]:
    """Write MMSE, sigma and samples of every result as OME-TIFF, and where they came from.

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
    from napari_denoisplit.images.writing import write_image

    written: list[Path] = []
    for number, result in enumerate(results):
        name = _free_name(folder, _stem(result.name))
        record = folder / f"{name}_split.json"
        with replacing(record) as temporary:
            temporary.write_text(_record(result), encoding="utf-8")
        written.append(record)
        for ending, image in _images(result.split):
            if stop.is_set():
                return tuple(written)
            path = folder / f"{name}_{ending}.ome.tif"
            yield Progress(number / len(results), None, f"writing {path.name}")
            write_image(path, image)
            written.append(path)
    return tuple(written)


def _record(result: Result) -> str:
    return json.dumps(dict(result.split.provenance), indent=2, default=str) + "\n"


def _images(split: Split) -> list[tuple[str, Image]]:
    images = [("mmse", split.mmse)]
    if split.n_samples > 1:
        images.append(("sigma" if split.calibrated else "sigma-uncalibrated", split.sigma))
    for number, sample in enumerate(split.samples if split.samples is not None else ()):
        images.append((f"sample-{number + 1:03d}", replace(split.mmse, data=sample)))
    return images


def _stem(name: str) -> str:
    stem = name.lower().removesuffix(".tiff").removesuffix(".tif").removesuffix(".ome")
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
