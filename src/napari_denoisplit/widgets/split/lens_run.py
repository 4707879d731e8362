"""A session of the lens: the job behind it, what is on screen, and the layers that show it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from pydantic import ValidationError
from qtpy.QtCore import QObject, Signal

from napari_denoisplit.errors import DenoisplitError
from napari_denoisplit.events import Stage
from napari_denoisplit.sampling.focus import LARGEST_VIEW, Focus, FocusSlot
from napari_denoisplit.settings import SplitSettings
from napari_denoisplit.widgets.choosers.chosen import single_channel
from napari_denoisplit.widgets.choosers.images import LAYER
from napari_denoisplit.widgets.layers.view import ViewWatch
from napari_denoisplit.widgets.parts.fields import sentence
from napari_denoisplit.widgets.parts.timer import timer
from napari_denoisplit.widgets.parts.worker import Cancelled
from napari_denoisplit.widgets.split.lens_layers import LensLayers, LensPicture, pictures

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping
    from pathlib import Path

    from napari_denoisplit.checkpoint import ModelHeader
    from napari_denoisplit.events import Job, LensDrawn
    from napari_denoisplit.widgets.choosers.chosen import ChosenImage
    from napari_denoisplit.widgets.choosers.images import ImageChooser
    from napari_denoisplit.widgets.choosers.model import ModelChoice
    from napari_denoisplit.widgets.layers.place import ViewerRef
    from napari_denoisplit.widgets.parts.worker import Running, Start

_REST = 3  # times as long as showing took, so that the window stays free for the user
_LONGEST_PAUSE_MS = 500


@dataclass(frozen=True, slots=True, eq=False)
class LensChoice:
    """What a session of the lens splits, and how."""

    model: Path
    header: ModelHeader
    settings: SplitSettings
    chosen: ChosenImage

    @classmethod
    def of(cls, model: ModelChoice, source: ImageChooser, values: Mapping[str, Any]) -> Self:
        """Take what is chosen in a widget.

        Raises
        ------
        DenoisplitError
            Something is missing or cannot be used; it says what.
        """
        if model.header is None:
            raise DenoisplitError(model.problem)
        if source.way != LAYER:
            raise DenoisplitError("The lens looks at a layer, not at files: choose one above.")
        if source.problem:
            raise DenoisplitError(source.problem)
        try:
            settings = SplitSettings(**values)
        except ValidationError as error:
            raise DenoisplitError(sentence(error)) from error
        return cls(model.path, model.header, settings, source.chosen()[0])

    @property
    def key(self) -> tuple[object, ...]:
        """Equal where another session would show the same."""
        c = self.chosen
        axes = "" if c.place is None else c.place.axes
        return self.model, self.header, self.settings, id(c.layer), axes, c.channels


def _split_views(
    choice: LensChoice, views: FocusSlot, stop: threading.Event
) -> Job[Stage | LensPicture, None]:
    """Load what is needed and split views until told to stop."""
    header, chosen = choice.header, choice.chosen
    if chosen.image is None:
        raise TypeError("the lens looks at a layer, not at a file")
    image = single_channel(chosen.image, chosen.channels, header)
    yield Stage("Loading the network")
    # Not at the top: torch is paid for when the lens is switched on, in the background.
    from napari_denoisplit.jobs.split.lens import lens_job

    yield from pictures(lens_job(choice.model, image, choice.settings, views, stop))


class LensRun(QObject):
    """Splits what is on screen until it is closed.

    Parameters
    ----------
    viewer
        Where the image is and the layers go.
    start
        How the job is run.
    choice
        What to split; its input is a layer.
    """

    said = Signal(str)  # how far it is
    outdated = Signal()  # the layer has other pixels
    ended = Signal(object)  # its thread is free: the error that ended the job, or None

    def __init__(
        self, viewer: ViewerRef, start: Start, choice: LensChoice, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        layer, place = choice.chosen.layer, choice.chosen.place
        if layer is None or place is None:
            raise TypeError("the lens looks at a layer, not at a file")
        self.choice, self._layer, self._start = choice, layer, start
        self._views = FocusSlot()
        self._watch = ViewWatch(viewer, layer, place.axes, self)
        note = {"model": choice.model.name, "settings": choice.settings.model_dump(mode="json")}
        self._layers = LensLayers(viewer, layer, place.axes, choice.header, note)
        self._timer = timer(self, self._flush)
        self._pause_ms = 0
        self._newest: LensDrawn | None = None
        self._running: Running | None = None
        self._watch.moved.connect(self._look)
        layer.events.data.connect(self._on_data)

    @property
    def is_open(self) -> bool:
        """Whether it follows the screen."""
        return self._running is not None and not self._running.is_stopping

    def begin(self) -> None:
        """Start the job; signals are emitted from now on."""
        self._running = self._start(
            partial(_split_views, self.choice, self._views),
            on_event=self._event,
            on_done=self._done,
            on_error=self._failed,
            title="",  # it ends with the window
        )
        self._running.cancel_with(self)
        self._look(self._watch.view)

    def close(self, *, keep_layers: bool) -> None:
        """Follow the screen no longer; the layers stay or go."""
        if self._running is not None:
            self._running.stop()
        self._watch_no_longer()
        if not keep_layers:
            self._layers.remove()

    def _watch_no_longer(self) -> None:
        self._watch.close()
        self._timer.stop()
        self._layer.events.data.disconnect(self._on_data)

    def _on_data(self, event: object = None) -> None:
        self.outdated.emit()

    def _look(self, view: Focus | None) -> None:
        if view is None:
            self.said.emit("The lens needs the image's rows and columns on screen, in 2D.")
            return
        self._views.put(view)

    def _event(self, event: Stage | LensPicture) -> None:
        if not self.is_open:
            return
        if isinstance(event, Stage):
            self.said.emit(f"{event.text}…")
            return
        self._newest = event.event
        self._layers.take(event)
        if event.event.n_samples <= 1:
            self._timer.start(0)  # somebody is waiting for it
        elif not self._timer.isActive():
            self._timer.start(self._pause_ms)

    def _flush(self) -> None:
        began = time.monotonic()
        more = self._layers.flush()
        if more:
            self._timer.start(1)  # the window answers in between
            return
        self._pause_ms = min(_LONGEST_PAUSE_MS, round(_REST * (time.monotonic() - began) * 1000))
        if self._newest is not None:
            self.said.emit(self._words(self._newest))

    def _words(self, event: LensDrawn) -> str:
        height, width = event.y[1] - event.y[0], event.x[1] - event.x[0]
        text = f"{event.n_samples} of {event.of} answers for {height} × {width} pixels."
        if event.n_samples == 0:
            text = f"The first answer for {height} × {width} pixels is being drawn."
        view = self._watch.view
        if view is not None and _is_too_large(view, self.choice):
            text += " The view is larger: only its middle is split. Zoom in to see the rest."
        return text

    def _done(self, _: object) -> None:
        self._running = None
        self.ended.emit(None)

    def _failed(self, error: Exception) -> None:
        if self.is_open:
            self._watch_no_longer()
        self._running = None
        self.ended.emit(None if isinstance(error, Cancelled) else error)


def _is_too_large(view: Focus, choice: LensChoice) -> bool:
    image: Any = choice.chosen.image
    height, width = image.shape[-2:]
    whole = view.within(height, width, max(height, width))
    return whole.n_pixels > view.within(height, width, LARGEST_VIEW).n_pixels
