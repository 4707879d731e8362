"""Memory and disk that a batch takes, before it begins."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_denoisplit.errors import ImageError
from napari_denoisplit.jobs.preflight import preflight, together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.jobs.batch.items import BatchItem
    from napari_denoisplit.jobs.batch.record import Reading
    from napari_denoisplit.settings import SplitSettings

LOOKED_AT = 50
"""Files that are opened; of more these stand for all."""


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
