"""A run over one or more images that are split, with the layers that show it."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, assert_never

from qtpy.QtCore import QObject, Signal

from napari_denoisplit.errors import JobError
from napari_denoisplit.events import PartDrawn, Progress, SampleDrawn, Stage
from napari_denoisplit.images.place import Place, place_of_image
from napari_denoisplit.widgets.layers.opened import OpenedResult
from napari_denoisplit.widgets.layers.results import ResultLayers, Subject
from napari_denoisplit.widgets.layers.view import ViewWatch, bring_into_view
from napari_denoisplit.widgets.parts.grade_words import gravest_first
from napari_denoisplit.widgets.parts.timer import timer
from napari_denoisplit.widgets.split.disk_layers import DiskLayers
from napari_denoisplit.widgets.split.in_memory import ArraysMade, MemoryLayers, split_in_memory
from napari_denoisplit.widgets.split.on_disk import BlockPicture, ResultBegun, split_to_disk
from napari_denoisplit.widgets.split.opening import InputOpened
from napari_denoisplit.widgets.split.saving import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari_denoisplit.checkpoint import ModelHeader
    from napari_denoisplit.events import SplitEvent
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.sampling.focus import FocusSource
    from napari_denoisplit.settings import SplitSettings
    from napari_denoisplit.widgets.choosers.chosen import ChosenImage
    from napari_denoisplit.widgets.layers.place import ViewerRef
    from napari_denoisplit.widgets.parts.run_panel import RunPanel
    from napari_denoisplit.widgets.split.results import ResultsPanel

_BREATH_MS = 10  # between two layers that are added
_REST = 4  # times as long as drawing took, so that the window stays free for the user


class SplitRun(QObject):
    """Splits images one after the other and shows what comes of it.

    Parameters
    ----------
    viewer
        Where to show the layers.
    panel
        Starts the jobs and shows how far they are.
    model, header, settings, inputs
        What is split, with what and how.
    where
        Says where the results go.
    """

    noted = Signal(object, str)  # a file of the queue has a new state
    finished = Signal()  # nothing is left to do

    def __init__(
        self,
        viewer: ViewerRef,
        panel: RunPanel,
        model: Path,
        header: ModelHeader,
        settings: SplitSettings,
        inputs: Sequence[ChosenImage],
        where: ResultsPanel,
    ) -> None:
        super().__init__(panel)
        self._viewer, self._panel = viewer, panel
        self._model, self._header, self._settings = model, header, settings
        self._queue = list(inputs)
        self._where = where
        self._layers: ResultLayers | None = None
        self._to_disk = self._temporary = False
        self._input_layer: Any = None
        self._watch: ViewWatch | None = None
        self.results: list[Result] = []
        self._without_result: list[str] = []
        self._error: Exception | None = None
        self._began = time.monotonic()
        self._pause_ms = ResultLayers.pause_ms
        self._timer = timer(self, self._flush)
        panel.stopped.connect(self._forget_queue)

    def _forget_queue(self) -> None:
        self._queue.clear()

    def next(self) -> None:
        """Split the next image, or finish."""
        if not self._queue:
            self._watch_no_longer()
            self._panel.say(self._summary(), self._error)
            self.finished.emit()
            return
        chosen = self._queue.pop(0)
        self._note(chosen, "splitting")
        what = (chosen, self._model, self._header, self._settings)
        focus = self._focus_on(chosen)
        try:
            target = self._where.target(chosen.name)
        except JobError as error:
            self._failed(chosen, error)
            return
        self._to_disk = target is not None
        self._temporary = target is not None and target.temporary
        self._panel.run(
            partial(split_in_memory, *what, focus=focus)
            if target is None
            else partial(split_to_disk, *what, target.path, focus=focus),
            on_event=partial(self._event, chosen),
            on_done=partial(self._done, chosen),
            on_error=partial(self._failed, chosen),
            title=f"denoiSplit: splitting {chosen.name}",
        )

    def _event(
        self,
        chosen: ChosenImage,
        event: SplitEvent | InputOpened | ArraysMade | ResultBegun | BlockPicture | OpenedResult,
    ) -> None:
        match event:
            case InputOpened():
                self._prepare(chosen, event)
            case ArraysMade() | ResultBegun():
                if self._layers is not None:
                    self._layers.take(event)
            case OpenedResult():
                if self._layers is not None:
                    self._layers.take_result(event)
            case SampleDrawn() | PartDrawn() | BlockPicture():
                if self._layers is not None:
                    self._layers.take(event)
                if not self._timer.isActive():
                    self._timer.start(self._pause_ms)
            case Stage() | Progress():
                pass  # shown by the panel
            case _:
                assert_never(event)

    def _focus_on(self, chosen: ChosenImage) -> FocusSource | None:
        """Let what is on screen of a layer come first."""
        self._watch_no_longer()
        if chosen.layer is None or chosen.place is None:
            return None
        self._watch = watch = ViewWatch(self._viewer, chosen.layer, chosen.place.axes, self)
        return lambda: watch.view

    def _watch_no_longer(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def _prepare(self, chosen: ChosenImage, event: InputOpened) -> None:
        if self._layers is not None:
            # Images of a queue lie on top of each other: show the newest.
            self._layers.layers.hide()
        place = chosen.place or place_of_image(event.image)
        if chosen.layer is None:
            self._input_layer = self._show_input(event, place)
        else:
            self._input_layer = chosen.layer
            if (viewer := self._viewer()) is not None:  # after a training the view is elsewhere
                bring_into_view(viewer, chosen.layer, place.axes)
        calibrated = self._header.calibration is not None
        subject = Subject(event.image.name, place, self._header.channel_names, calibrated)
        if self._to_disk:
            self._layers = DiskLayers(self._viewer, subject, self._where.known)
        else:
            self._layers = MemoryLayers(self._viewer, subject)
        self._pause_ms = ResultLayers.pause_ms  # the first is shown at once

    def _show_input(self, event: InputOpened, place: Place) -> Any:
        viewer, levels = self._viewer(), event.levels
        if viewer is None or not levels:
            return None
        layer = viewer.add_image(
            list(levels) if len(levels) > 1 else levels[0],
            multiscale=len(levels) > 1,
            name=event.image.name,
            contrast_limits=event.contrast_limits,
            **place.keywords(event.image.axes),
        )
        bring_into_view(viewer, layer, event.image.axes)
        return layer

    def _flush(self) -> None:
        """Show what is new while samples are drawn."""
        if self._layers is None:
            return
        began = time.monotonic()
        if self._draw(self._layers):
            self._timer.start(_BREATH_MS)
            return
        self._pause_ms = max(
            self._layers.pause_ms, round(_REST * (time.monotonic() - began) * 1000)
        )

    def _draw(self, layers: ResultLayers) -> bool:
        """Show one thing more; say whether there is more."""
        more = layers.flush()
        if self._input_layer is not None:
            # Colours that add up would be drowned in the picture below them.
            self._input_layer.visible = False
            self._input_layer = None
        return more

    def _done(self, chosen: ChosenImage, split: Split) -> Iterator[None]:
        """Show the result, a layer in each step."""
        is_whole = False
        if split.n_samples and (shown := self._layers) is not None:
            self.results.append(Result(split, shown.subject.axes, shown.layers, self._temporary))
            self._timer.stop()
            yield
            while self._draw(shown):
                yield
            is_whole = not split.stopped_early
        elif split.path is not None:  # a block on disk has samples, and shows none
            self._without_result.extend(split.notes[:1])
        self._note(chosen, "done" if is_whole else "stopped")
        self.next()

    def _failed(self, chosen: ChosenImage, error: Exception) -> None:
        self._timer.stop()
        is_end = self._panel.is_end_by_stop(error)
        self._without_result.append(self._panel.told(error))
        self._error = None if is_end else error
        self._note(chosen, "stopped" if is_end else "failed")
        self._panel.fail(error)
        self.next()

    def _note(self, chosen: ChosenImage, text: str) -> None:
        if chosen.path is not None:
            self.noted.emit(chosen.path, text)

    def _summary(self) -> str:
        if not self.results:
            return "\n".join(self._without_result) or "Stopped before the first answer."
        names = " and ".join(self._header.channel_names)
        last = self.results[-1].split
        what = last.name if len(self.results) == 1 else f"{len(self.results)} images"
        ending = ", stopped early" if last.stopped_early else ""
        took = f"{time.monotonic() - self._began:.0f}\N{NO-BREAK SPACE}s"
        answers = "1 answer" if last.n_samples == 1 else f"{last.n_samples} answers"
        text = f"Split {what} into {names}: {answers} in {took}{ending}."
        if last.path is not None and not last.stopped_early:
            kept = "It is deleted with its layers: save it to keep it."
            text += f"\n{kept if self.results[-1].temporary else f'It is in {last.path}.'}"
        notes = (note for result in self.results for note in result.split.notes)
        return gravest_first([text, *notes, *self._without_result])
