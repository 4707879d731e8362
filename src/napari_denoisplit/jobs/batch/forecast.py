"""Forecast of a batch: memory and disk before it begins, time left while it runs."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import Progress
from napari_denoisplit.jobs.batch.record import input_stamp
from napari_denoisplit.jobs.preflight import preflight, together

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.jobs.batch.items import BatchItem
    from napari_denoisplit.jobs.batch.record import Reading
    from napari_denoisplit.settings import SplitSettings

LOOKED_AT = 50
"""Files that are opened; of more these stand for all."""


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
    Empty where there is no file.

    Raises
    ------
    ImageError
        None of the files can be split; why not the first.
    """
    chosen = items[:: -(-len(items) // LOOKED_AT)] if items else []
    parts, refusals = [], []
    for item in chosen:
        image = reading.of(item.path)
        try:
            parts.append(preflight(model, image, settings, region=item.region))
        except ImageError as error:
            refusals.append(error)
    if not parts and refusals:
        raise refusals[0]
    if not parts:
        return ""
    needs = together(parts, results_stay=False)
    if len(chosen) < len(items):
        needs = replace(needs, n_images=len(items))
    return f"{needs.sentence}. {needs.problem}" if needs.problem else needs.sentence


class TimeLeft:
    """Time left, from the size of the files and how long those so far have taken.

    Parameters
    ----------
    n_bytes
        How large the files are that are to be split from now on, by their index.
    """

    def __init__(self, n_bytes: dict[int, int]) -> None:
        self._bytes = {index: max(size, 1) for index, size in n_bytes.items()}
        self._finished, self._began = 0, time.monotonic()

    def give_up(self, index: int) -> None:
        """Leave a file out; failing is quick, so it says nothing about the others."""
        del self._bytes[index]

    def finish(self, index: int) -> None:
        """Count a file as split."""
        self._finished += self._bytes[index]

    def progress(self, index: int, done: float, text: str) -> Progress:
        """Return the progress of the batch, given the share done of the file in progress."""
        worked, total = self._finished + done * self._bytes[index], sum(self._bytes.values())
        left = (time.monotonic() - self._began) * (total - worked) / worked if worked else None
        return Progress(min(worked / total, 1.0), left, text)
