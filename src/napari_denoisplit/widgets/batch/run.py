"""A batch in the background, and the results that are opened from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_denoisplit.events import (
    FileOutcome,
    FileProgress,
    FileStarted,
    PartDrawn,
    SampleDrawn,
    StatusEvent,
    changed,
)
from napari_denoisplit.images.layer_record import MMSE
from napari_denoisplit.widgets.layers.opened import add_result
from napari_denoisplit.widgets.layers.results import OwnLayers
from napari_denoisplit.widgets.parts.worker import loading

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from pathlib import Path

    from napari_denoisplit.events import BatchEvent, Job
    from napari_denoisplit.jobs.batch.items import BatchItem
    from napari_denoisplit.jobs.batch.outcome import BatchResult
    from napari_denoisplit.settings import SplitSettings
    from napari_denoisplit.widgets.layers.opened import OpenedResult
    from napari_denoisplit.widgets.layers.place import ViewerRef


ShownEvent = StatusEvent | FileStarted | FileProgress | FileOutcome


@dataclass(frozen=True, slots=True)
class BatchOrder:
    """What is to be done, as chosen at the click."""

    model: Path
    settings: SplitSettings
    rows: tuple[int, ...]
    """Numbers of the rows that are to be split."""
    items: tuple[BatchItem, ...]
    """Their files."""
    output: Path
    channel: str | None
    skip_done: bool


def split_files(order: BatchOrder, stop: threading.Event) -> Job[ShownEvent, BatchResult]:
    """Split the files, without the pictures, of which nothing is shown."""
    yield from loading(stop, "napari_denoisplit.jobs.batch.job")
    # Not at the top: torch is paid for when a split is asked for, in the background.
    from napari_denoisplit.jobs.batch.job import batch_job
    from napari_denoisplit.jobs.batch.record import Reading

    job = batch_job(
        order.model,
        order.items,
        order.settings,
        output=order.output,
        reading=Reading(order.channel),
        skip_done=order.skip_done,
        stop=stop,
    )
    # Samples of large images would pile up faster than the window takes them.
    return (yield from changed(job, _without_pictures))


def _without_pictures(event: BatchEvent) -> Iterator[ShownEvent]:
    if not isinstance(event, SampleDrawn | PartDrawn):
        yield event


class OpenedResults:
    """Layers of the results that were opened; the one opened last is in sight.

    Parameters
    ----------
    viewer
        Where to show them.
    """

    def __init__(self, viewer: ViewerRef) -> None:
        self._viewer = viewer
        self._layers: dict[str, OwnLayers] = {}

    def show(self, opened: OpenedResult) -> None:
        """Add the layers of one result, in the place of those of the same name."""
        for other in self._layers.values():
            other.hide()  # they lie on top of each other
        own = self._layers.get(opened.split.name)
        if own is None or not any(map(own.alive, own.keys())):
            # Whoever removed its layers and opens it again wants to see it again.
            own = self._layers[opened.split.name] = OwnLayers(self._viewer)
        add_result(own, opened)
        for key in own.keys():
            if key[1] == MMSE and (layer := own.alive(key)) is not None:
                layer.visible = True
