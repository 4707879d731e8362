"""A batch in the background, with the table that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, assert_never

from napari_denoisplit.events import (
    FileDone,
    FileFailed,
    FileProgress,
    FileSkipped,
    FileStarted,
    PartDrawn,
    Progress,
    SampleDrawn,
    Stage,
    StatusEvent,
    changed,
)
from napari_denoisplit.images.layer_record import MMSE
from napari_denoisplit.widgets.layers.opened import add_result
from napari_denoisplit.widgets.layers.results import OwnLayers

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from pathlib import Path

    from napari_denoisplit.events import BatchEvent, Job
    from napari_denoisplit.jobs.batch.items import BatchItem
    from napari_denoisplit.jobs.batch.outcome import BatchResult
    from napari_denoisplit.settings import SplitSettings
    from napari_denoisplit.widgets.batch.table import BatchModel, BatchTable
    from napari_denoisplit.widgets.layers.opened import OpenedResult
    from napari_denoisplit.widgets.layers.place import ViewerRef
    from napari_denoisplit.widgets.parts.run_panel import RunPanel


_ShownEvent = StatusEvent | FileStarted | FileProgress | FileDone | FileFailed | FileSkipped


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


def split_files(order: BatchOrder, stop: threading.Event) -> Job[_ShownEvent, BatchResult]:
    """Split the files, without the pictures, of which nothing is shown."""
    yield Stage("Loading the network")
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


def _without_pictures(event: BatchEvent) -> Iterator[_ShownEvent]:
    if not isinstance(event, SampleDrawn | PartDrawn):
        yield event


class BatchRun:
    """Splits the files of some rows and shows in the table what becomes of them.

    Parameters
    ----------
    panel
        Starts the job and shows how far it is.
    model, table
        The files, and what shows them.
    order
        What is to be done.
    """

    def __init__(
        self, panel: RunPanel, model: BatchModel, table: BatchTable, order: BatchOrder
    ) -> None:
        self._panel, self._model, self._table, self._order = panel, model, table, order

    def begin(self) -> None:
        """Start the job."""
        for row in self._order.rows:
            self._model.update(
                row, status="waiting", done=0.0, seconds=None, message="", outputs=()
            )
        self._panel.say("")
        self._panel.run(
            partial(split_files, self._order),
            on_event=self._event,
            on_done=self._done,
            on_error=self._failed,
            title=f"denoiSplit: splitting {len(self._order.rows)} files",
        )

    def _event(self, event: _ShownEvent) -> None:
        match event:
            case FileStarted(index=index, why_again=why):
                message = f"Split again: {why}." if why else ""
                self._show(index, status="running", message=message)
                self._table.follow(self._order.rows[index])
            case FileProgress(index=index, done=done):
                self._show(index, done=done)
            case FileDone(index=index, outputs=outputs, seconds=seconds, stopped_early=stopped):
                self._show(
                    index,
                    status="stopped" if stopped else "done",
                    outputs=outputs,
                    seconds=seconds,
                    message=" ".join(event.notes),
                )
            case FileFailed(index=index, message=message, seconds=seconds):
                self._show(index, status="failed", message=message, seconds=seconds)
            case FileSkipped(index=index, outputs=outputs):
                self._show(index, status="skipped", outputs=outputs)
            case Stage() | Progress():
                pass  # shown by the panel
            case _:
                assert_never(event)

    def _show(self, index: int, **changes: object) -> None:
        self._model.update(self._order.rows[index], **changes)

    def _done(self, result: BatchResult) -> None:
        log = "" if result.log is None else f" Details: {result.log.name} beside the results."
        self._panel.say(f"{result.summary}.{log}")

    def _failed(self, error: Exception) -> None:
        for row in self._model.with_status("running"):
            self._model.update(row, status="failed", message=str(error))
        self._panel.fail(error)


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
        if own is None or not any(own.alive(key) for key in own.keys()):
            # Whoever removed its layers and opens it again wants to see it again.
            own = self._layers[opened.split.name] = OwnLayers(self._viewer)
        add_result(own, opened)
        for key in own.keys():
            if key[1] == MMSE and (layer := own.alive(key)) is not None:
                layer.visible = True
