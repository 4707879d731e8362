"""One job at a time in the background; of several asked for meanwhile, only the last is run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_denoisplit.widgets.parts.worker import Cancelled

if TYPE_CHECKING:
    from napari_denoisplit.widgets.parts.worker import JobFactory, Running, Start


class LatestJob(QObject):
    """Runs jobs whose results are wanted only as long as nothing else is asked for.

    Parameters
    ----------
    start
        How a job is run.
    title
        What napari calls the job when it asks whether to close; empty for one that ends with the
        window.
    """

    answered = Signal(object)  # the result of the last job that was asked for
    failed = Signal(object)  # the error that ended it

    def __init__(self, start: Start, parent: QObject, title: str = "") -> None:
        super().__init__(parent)
        self._start, self._title = start, title
        self._running: Running | None = None
        self._next: JobFactory[Any, Any] | None = None
        self._is_wanted = False

    @property
    def is_busy(self) -> bool:
        """Whether a job has not ended yet."""
        return self._running is not None and self._running.is_running

    def ask(self, job_factory: JobFactory[Any, Any]) -> None:
        """Run a job; an earlier one is given up."""
        self.forget()
        self._next = job_factory
        if not self.is_busy:
            self._begin()

    def forget(self) -> None:
        """Give up what was asked for."""
        self._next, self._is_wanted = None, False
        if self._running is not None and self.is_busy:
            self._running.stop()

    def _begin(self) -> None:
        job_factory, self._next = self._next, None
        if job_factory is None:
            return
        self._is_wanted = True
        self._running = self._start(
            job_factory,
            on_event=lambda event: None,
            on_done=self._on_done,
            on_error=self._on_error,
            title=self._title,
        )
        self._running.cancel_with(self)

    def _on_done(self, result: object) -> None:
        if self._is_wanted:
            self.answered.emit(result)
        self._begin()

    def _on_error(self, error: Exception) -> None:
        if isinstance(error, Cancelled):
            return
        if self._is_wanted:
            self.failed.emit(error)
        self._begin()
