"""What a batch will take, told before it begins."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.image_file import ImageFile
from napari_denoisplit.jobs.batch.record import input_stamp
from napari_denoisplit.jobs.forecast.preflight import preflight
from napari_denoisplit.jobs.forecast.words import together

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.jobs.batch.items import BatchItem
    from napari_denoisplit.jobs.batch.record import Reading
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
    model: Model, items: Sequence[BatchItem], settings: SplitSettings, reading: Reading
) -> str:
    """Say in a line what splitting files one after the other takes.

    Parameters
    ----------
    model, settings, reading
        What each file is split with, and what is taken of it.
    items
        The files.

    Returns
    -------
    Empty where there is no file; where none can be split, why not the first.
    """
    n_bytes = {item: size_of(item.path) for item in items}
    chosen = items[:: -(-len(items) // LOOKED_AT)] if items else []
    parts, seen, refusals = [], 0, []
    for item in chosen:
        image = ImageFile(item.path, reading.axes, reading.series, reading.channel)
        try:
            parts.append(preflight(model, image, settings, region=item.region))
        except ImageError as error:
            refusals.append(f"What it takes cannot be told: {error}")
            continue
        seen += n_bytes[item]
    if not parts:
        return refusals[0] if refusals else ""
    told = together(parts, results_stay=False)
    if len(chosen) < len(items):
        share = sum(n_bytes.values()) / max(1, seen)
        told = replace(told, seconds=told.seconds * share, n_images=len(items))
    return f"{told.sentence}. {told.problem}" if told.problem else told.sentence
