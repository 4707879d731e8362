"""A batch in the background, with the table that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, assert_never

import numpy as np

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
from napari_denoisplit.widgets.layers.place import place_of_image
from napari_denoisplit.widgets.layers.results import (
    SIGMA_COLORMAP,
    OwnLayers,
    contrast_limits,
    structure_colormap,
)

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from napari_denoisplit.events import BatchEvent, Job
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.jobs.batch.items import BatchItem
    from napari_denoisplit.jobs.batch.outcome import BatchResult
    from napari_denoisplit.settings import SplitSettings
    from napari_denoisplit.widgets.batch.table import BatchModel, BatchTable
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


@dataclass(frozen=True, slots=True)
class ResultImage:
    """MMSE or sigma of a result."""

    kind: str
    """'MMSE', 'sigma' or 'sigma (uncalibrated)'"""
    image: Image
    limits: tuple[tuple[float, float], ...]
    """Of each channel."""
    record: Mapping[str, Any]
    """How it was made."""


def read_results(
    outputs: Sequence[Path], stop: threading.Event
) -> Job[StatusEvent, tuple[ResultImage, ...]]:
    """Read MMSE and sigma of one image; large ones are only opened."""
    yield Stage("Reading")
    # Not at the top: readers are needed when a result is opened.
    from napari_denoisplit.images.results.files import open_split

    split = open_split(outputs[0])
    images = {"MMSE": split.mmse}
    if split.sigma_arrays is not None:
        images["sigma" if split.calibrated else "sigma (uncalibrated)"] = split.sigma
    record = {**split.provenance, "file": str(split.path)}
    return tuple(ResultImage(kind, i, _limits(i), record) for kind, i in images.items())


def _limits(image: Image) -> tuple[tuple[float, float], ...]:
    """Display limits of each channel, by its middle plane."""
    view = image.transposed("TZCYX")
    middle = np.asarray(view.data[view.shape[0] // 2, view.shape[1] // 2], dtype=np.float32)
    return tuple(contrast_limits(channel) for channel in middle)


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

    def show(self, name: str, images: Sequence[ResultImage]) -> None:
        """Add the layers of one result, in the place of those of the same name."""
        for other in self._layers.values():
            other.hide()  # they lie on top of each other
        own = self._layers.get(name)
        if own is None or not any(own.alive(key) for key in own.keys()):
            # Whoever removed its layers and opens it again wants to see it again.
            own = self._layers[name] = OwnLayers(self._viewer)
        for result in images:
            self._add(own, name, result)
        for key in own.keys():
            if key.endswith("MMSE") and (layer := own.alive(key)) is not None:
                layer.visible = True

    def _add(self, own: OwnLayers, name: str, result: ResultImage) -> None:
        image = result.image
        axes = image.axes.replace("C", "")
        data = image.transposed("C" + axes).data
        for channel in reversed(range(len(data))):
            structure = image.channel_names[channel] if image.channel_names else f"{channel + 1}"
            is_mmse = result.kind == "MMSE"
            own.show(
                f"{channel} {result.kind}",
                data[channel],
                limits=result.limits[channel],
                name=f"{name} · {structure} · {result.kind}",
                colormap=structure_colormap(channel) if is_mmse else SIGMA_COLORMAP,
                blending="additive" if is_mmse else "translucent",
                visible=is_mmse,
                metadata={
                    "denoisplit": {
                        **result.record,
                        "structure": structure,
                        "kind": result.kind,
                    }
                },
                **place_of_image(image).keywords(axes),
            )
