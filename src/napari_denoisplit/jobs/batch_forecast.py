"""What a batch will take, told before it begins."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image_file import ImageFile
from napari_denoisplit.jobs.batch_record import input_stamp
from napari_denoisplit.jobs.forecast import together
from napari_denoisplit.jobs.preflight import preflight

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.jobs.batch_record import Reading
    from napari_denoisplit.settings import SplitSettings

__all__ = ["forecast_files", "size_of"]

LOOKED_AT = 50
"""Files that are opened; of more these stand for all, by their bytes."""


def size_of(path: Path) -> int:
    """Bytes of an image; 0 where it cannot be looked at, as reading it will tell."""
    try:
        return int(input_stamp(path)["bytes"])
    except OSError:
        return 0


def forecast_files(
    model: Model, n_bytes: Mapping[Path, int], settings: SplitSettings, reading: Reading
) -> str:
    """Say in a line what splitting files one after the other takes.

    Parameters
    ----------
    model, settings, reading
        What each file is split with, and what is taken of it.
    n_bytes
        Size of each file.

    Returns
    -------
    Empty where there is no file, or none can be read, which is told when its turn comes.
    """
    paths = list(n_bytes)
    chosen = paths[:: -(-len(paths) // LOOKED_AT)] if paths else []
    parts, seen = [], 0
    for path in chosen:
        image = ImageFile(path, reading.axes, reading.series, reading.channel)
        try:
            parts.append(preflight(model, image, settings))
        except ImageError:
            continue
        seen += n_bytes[path]
    if not parts:
        return ""
    told = together(parts, results_stay=False)
    if len(chosen) < len(paths):
        share = sum(n_bytes.values()) / max(1, seen)
        told = replace(told, seconds=told.seconds * share, n_images=len(paths))
    return f"{told.sentence}. {told.problem}" if told.problem else told.sentence
