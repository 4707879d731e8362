"""Reads samples at a place in the background; of several places asked for, only the last counts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_denoisplit.measures.samples.statistics import ReadingStopped, read_samples_at
from napari_denoisplit.widgets.parts.worker import Cancelled

if TYPE_CHECKING:
    import threading
    from collections.abc import Generator

    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.measures.samples.statistics import SampleReading
    from napari_denoisplit.measures.trust.footprint import Footprint
    from napari_denoisplit.widgets.parts.worker import RunHandle, Start

    Question = tuple[Split, tuple[int, ...], Footprint, Any]


def _read(question: Question, stop: threading.Event) -> Generator[None, None, SampleReading | None]:
    stack, plane, footprint, observed = question
    if stop.is_set():
        yield  # a job is a generator; this one has nothing to tell on its way
    seen = None if observed is None else observed[plane]
    try:
        return read_samples_at(stack, plane, footprint, seen, stop=stop)
    except ReadingStopped:
        return None


class SampleProbe(QObject):
    """Answers what samples say of a place.

    Parameters
    ----------
    start
        How a job is run.
    """

    answered = Signal(object)  # a `SampleReading` has come
    failed = Signal(object)  # the place could not be read: the error

    def __init__(self, start: Start, parent: QObject) -> None:
        super().__init__(parent)
        self._start = start
        self._running: RunHandle | None = None
        self._next: Question | None = None

    @property
    def is_busy(self) -> bool:
        """Whether an answer is still to come."""
        return self._running is not None and self._running.is_running

    def ask(
        self, stack: Split, plane: tuple[int, ...], footprint: Footprint, observed: Any
    ) -> None:
        """Read the samples there; an earlier question is given up."""
        self.forget()
        self._next = stack, plane, footprint, observed
        if not self.is_busy:
            self._begin()

    def forget(self) -> None:
        """Give up what was asked for."""
        self._next = None
        if self._running is not None and self.is_busy:
            self._running.stop()

    def _begin(self) -> None:
        question, self._next = self._next, None
        if question is None:
            return
        self._running = self._start(
            partial(_read, question),
            on_event=_ignore,
            on_done=self._on_done,
            on_error=self._on_error,
            title="denoiSplit: reading samples at a place",
        )
        self._running.cancel_with(self)

    def _on_done(self, reading: object) -> None:
        if self._next is None and reading is not None:
            self.answered.emit(reading)
        self._begin()

    def _on_error(self, error: Exception) -> None:
        if not isinstance(error, Cancelled):
            self.failed.emit(error)
            self._begin()


def _ignore(event: object) -> None:
    """Nothing is told on the way."""
