"""What splits have really taken corrects what is told of the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_denoisplit.checkpoint import read_header
from napari_denoisplit.errors import DenoisplitError
from napari_denoisplit.jobs.forecast.preflight import preflight
from napari_denoisplit.jobs.forecast.speed import correct
from napari_denoisplit.jobs.split.memory import RAN_OUT, is_out_of_memory
from napari_denoisplit.nn.compute import Compute

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.settings import SplitSettings

SHORTEST = 2.0
"""Seconds of a split that says something of the next: below, most is loading and warming up."""


def learn(
    model: Path,
    image: Image,
    settings: SplitSettings,
    seconds: float,
    *,
    notes: Sequence[str] = (),
    on_disk: bool = False,
) -> None:
    """Let forecasts know what a whole split has taken.

    One with a target error says nothing, nor does one whose memory ran out: it began again with
    smaller tiles, or went on elsewhere. What cannot be learned costs no result: files may be gone
    since the split began.

    Parameters
    ----------
    model, image, settings, on_disk
        As for `preflight`.
    seconds
        Of the split, loading of the network included.
    notes
        Of the split.
    """
    retreated = any(note.startswith(RAN_OUT) for note in notes)
    if seconds < SHORTEST or settings.target_error is not None or retreated:
        return
    try:
        told = preflight(model, image, settings, on_disk=on_disk)
        compute = Compute.choose(settings.device, settings.precision)
        correct(read_header(model).network, compute, seconds / told.seconds)
    except (DenoisplitError, OSError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not is_out_of_memory(error):
            raise
