"""One big button that starts and stops a job, with how far it is and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QAbstractSpinBox, QApplication, QWidget

from napari_denoisplit.errors import DenoisplitError
from napari_denoisplit.events import Progress, Stage, ignore
from napari_denoisplit.fault_report import explained
from napari_denoisplit.widgets.parts.column import LimitedHeight
from napari_denoisplit.widgets.parts.controls import (
    CalmBar,
    DetailsButton,
    Text,
    big_button,
    in_a_column,
)
from napari_denoisplit.widgets.parts.fields import sentence
from napari_denoisplit.widgets.parts.timer import timer
from napari_denoisplit.widgets.parts.worker import Cancelled, JobFactory, Running, Start
from napari_denoisplit.wording import time_left

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

E = TypeVar("E")
R = TypeVar("R")
T = TypeVar("T")

_STEPS = 1000  # of the progress bar
_BREATH_MS = 10  # between two steps of what is shown
_STATUS_HEIGHT = 160  # pixels; with more the window would outgrow a screen of 720


class RunPanel(QWidget):
    """Start button, progress bar and status of a widget's job.

    Parameters
    ----------
    verb
        What the button says, e.g. "Split".
    help_text
        Its tooltip.
    start
        How the job is run.
    keeps_part
        Whether a job that is stopped keeps what there is so far.
    """

    start_clicked = Signal()  # the button was clicked while nothing ran
    stopped = Signal()  # a run was asked to end
    finished = Signal()  # a run has ended, however, and what came of it is shown

    def __init__(
        self,
        verb: str,
        help_text: str,
        start: Start,
        parent: QWidget | None = None,
        *,
        keeps_part: bool = True,
    ) -> None:
        super().__init__(parent)
        self._kept = "what there is so far is kept" if keeps_part else "nothing is written"
        self._verb, self._help, self._start = verb, help_text, start
        self._running: Running | None = None
        self._was_stopped = self._is_held = False
        self._obstacle = ""
        self._choices: tuple[QWidget, ...] = ()
        self._steps: Iterator[object] = iter(())
        self._timer = timer(self, self._show_next, _BREATH_MS)
        self._lay_out(verb)
        self.say("")
        self._refresh()

    def _lay_out(self, verb: str) -> None:
        self.button = big_button(verb, self)
        self.button.clicked.connect(self._click)
        self.bar = CalmBar(self)
        self.hint = Text("What is missing", self)
        self.stage = Text("What is being done", self)
        self.progress = Text("Time left", self)
        self.status = Text("Status", self)
        self.copy_button = DetailsButton(self)
        status = LimitedHeight(self.status, _STATUS_HEIGHT)
        said = (self.stage, self.progress, status, self.copy_button)
        self.setLayout(in_a_column(self.hint, self.button, self.bar, *said))

    @property
    def is_running(self) -> bool:
        """Whether a job is under way."""
        return self._running is not None and self._running.is_running

    @property
    def is_busy(self) -> bool:
        """Whether a job is under way, or what came of it is still being shown."""
        return self.is_running or self._is_held

    def lock(self, choices: Sequence[QWidget]) -> None:
        """Take changes of these parts only while no job runs: they would have no effect on it."""
        self._choices = tuple(choices)

    def set_obstacle(self, reason: str) -> None:
        """Say why the job cannot start; an empty reason lets it."""
        self._obstacle = reason
        self._refresh()

    def say(self, text: str, error: Exception | None = None) -> None:
        """Show what has happened; the details of an error, if there was one, can be copied."""
        self.status.say(text)
        self.copy_button.offer(error)

    def fail(self, error: Exception) -> None:
        """Show an error in the widget and in napari; a fault of the program with its traceback.

        That a run was asked to end before there was any result is said in the widget alone.
        """
        self.say(self.told(error))
        if not self.is_end_by_stop(error):
            self.notify(error)

    def told(self, error: Exception) -> str:
        """Say what has ended a run."""
        return str(error) if self.is_end_by_stop(error) else f"⚠ {explained(error)}"

    def is_end_by_stop(self, error: Exception) -> bool:
        """Whether an error says no more than that a run was asked to end."""
        return self._was_stopped and isinstance(error, DenoisplitError)

    def notify(self, error: Exception) -> None:
        """Show an error in napari; a fault of the program with its traceback."""
        self.copy_button.offer(error)
        # Imported here: napari's notifications bring Qt dialogs that few runs need.
        from napari.utils.notifications import notification_manager, show_error

        if isinstance(error, DenoisplitError):
            show_error(explained(error))
        else:
            notification_manager.receive_error(type(error), error, error.__traceback__)

    def checked(self, choose: Callable[[], T]) -> T | None:
        """Return what was chosen, or None where a choice is wrong, which is then shown."""
        try:
            chosen = choose()
        except ValidationError as error:
            self.fail(DenoisplitError(sentence(error)))
            return None
        except DenoisplitError as error:
            self.fail(error)
            return None
        self.say("")
        return chosen

    def run(
        self,
        job_factory: JobFactory[E, R],
        *,
        on_done: Callable[[R], Iterator[object] | None],
        title: str,
        on_event: Callable[[E], None] = ignore,
        on_error: Callable[[Exception], None] | None = None,
    ) -> None:
        """Start a job; stages and progress are shown here, other events go to `on_event`.

        Parameters
        ----------
        job_factory, title
            As for `start_job`.
        on_done
            Called with the result. What it takes longer to show, such as layers, it may show in
            steps: the window answers between two of them.
        on_event
            Called with every other event.
        on_error
            Called with an error; `fail` by default.
        """
        self._was_stopped = False
        self._show_stage("Starting…")

        def event(event: E) -> None:
            if isinstance(event, Progress):
                self._show_progress(event)
            elif isinstance(event, Stage):
                self._show_stage(event.text)
            else:
                on_event(event)

        def done(result: R) -> None:
            try:
                self._steps = on_done(result) or iter(())
                self._show_next()
            finally:
                self._refresh()  # after it: who sees the button free sees the result

        def failed(error: Exception) -> None:
            try:
                if isinstance(error, Cancelled):
                    self.say(str(error))
                else:
                    (on_error or self.fail)(error)
            finally:
                self._refresh()
            self.finished.emit()

        self._running = self._start(
            job_factory, on_event=event, on_done=done, on_error=failed, title=title
        )
        self._running.cancel_with(self)
        self._refresh()

    def stop(self) -> None:
        """Ask the job, if there is one, for an ordinary end."""
        if self._running is not None and self._running.is_running:
            self._was_stopped = True
            self._running.stop()
            self.stopped.emit()
            self._refresh()

    def _show_next(self) -> None:
        """Take the next step of what is shown; the button waits for the last."""
        is_more = False
        try:
            for _ in self._steps:
                is_more = True
                self._timer.start()
                return
        finally:
            self._is_held = is_more  # after an error, too: it leaves no button that nothing frees
            self._refresh()
        self.finished.emit()

    def _click(self) -> None:
        if self.is_running:
            self.stop()
            return
        # On macOS a click does not take the focus, and what was typed last would not be read.
        if isinstance(typed := QApplication.focusWidget(), QAbstractSpinBox):
            typed.interpretText()
        self.start_clicked.emit()

    def _show_progress(self, event: Progress) -> None:
        self.bar.setRange(0, _STEPS)
        self.bar.setValue(round(event.done * _STEPS))
        self.progress.setText(" · ".join(filter(None, (time_left(event.seconds_left), event.text))))

    def _show_stage(self, text: str) -> None:
        self.bar.setRange(0, 0)  # moves to and fro: how long it takes is not known yet
        self.stage.setText(text)
        self.progress.clear()
        self._refresh()  # a job that was stopped may go on without a part, and be stopped again

    def _refresh(self) -> None:
        running = self._running is not None and self._running.is_running
        stopping = running and self._running is not None and self._running.is_stopping
        obstacle = "" if running else self._obstacle
        held = self._is_held and not running
        doing = "Stopping…" if stopping else "Stop" if running else "Showing…" if held else ""
        self.button.setText(doing or self._verb)
        self.button.setEnabled(not (stopping or held or obstacle))
        if stopping:
            text = f"This takes a moment; {self._kept}."
        elif running:
            text = f"End now; {self._kept}."
        else:
            text = obstacle or self._help
        self.button.setToolTip(text)
        self.button.setAccessibleName(self.button.text())
        self.hint.say(text if stopping else obstacle)
        for part in (self.bar, self.stage, self.progress):
            part.setVisible(running)
        for part in self._choices:
            part.setEnabled(not (running or held))
