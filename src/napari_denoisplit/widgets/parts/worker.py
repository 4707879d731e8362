"""The door to the background thread: a job goes in, its events come back to the window."""

from __future__ import annotations

import atexit
import gc
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple, Protocol, TypeVar

from napari.qt.threading import GeneratorWorker, create_worker
from qtpy.QtCore import QObject, QThreadPool
from superqt.utils import create_worker as create_unlisted_worker

from napari_denoisplit.errors import JobError
from napari_denoisplit.events import Job, Stage, ignore

E = TypeVar("E")
R = TypeVar("R")
JobFactory = Callable[[threading.Event], Job[E, R]]
"""Makes a job, given the event that asks it to stop; called in the background thread."""

_SECONDS_AT_EXIT = 20
_SECONDS_BETWEEN_LOOKS = 0.05

_at_work = 0
"""Jobs that run now, in all windows; the thread of these alone counts them."""


class Cancelled(JobError):
    """The job was given up because its window or napari closed."""


class Start(Protocol):
    """How a widget has its work done; `start_job` but for tests."""

    def __call__(
        self,
        job_factory: JobFactory[E, R],
        *,
        on_event: Callable[[E], None] = ...,
        on_done: Callable[[R], None],
        on_error: Callable[[Exception], None],
        title: str = ...,
    ) -> Running:
        """Start the job in the background."""
        ...


class _Task(partial[Any]):
    """A call that napari's "still running" dialog shows by its title."""

    title = "denoiSplit"

    def __repr__(self) -> str:
        return self.title


class _Failure(NamedTuple):
    """What a job comes to that an error has ended."""

    error: Exception


class _JobWorker(GeneratorWorker):
    """A worker of napari whose `quit` also reaches a job between two events."""

    def __init__(self, task: _Task, stop: threading.Event) -> None:
        super().__init__(task)
        self._stop = stop

    def quit(self) -> None:
        # superqt looks at its own flag between two events only; the job reads the event.
        self._stop.set()
        super().quit()


class Running(QObject):
    """A job in the background thread, as its widget sees it.

    Exactly one of `on_done` and `on_error` is called, in the thread of the window, after
    `is_running` has become false.
    """

    def __init__(
        self,
        worker: _JobWorker,
        stop: threading.Event,
        on_event: Callable[[Any], None],
        on_done: Callable[[Any], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        super().__init__()
        self._worker: _JobWorker | None = worker
        self._stop = stop
        self._on_event, self._on_done, self._on_error = on_event, on_done, on_error
        worker.yielded.connect(self._event)
        worker.returned.connect(self._done)
        worker.finished.connect(self._finished)
        # A thread that is alive when the interpreter ends aborts Python, so the end waits for it.
        # This also keeps the run until then, even if nobody else does.
        self._at_exit = partial(_quit_and_wait, worker, self)
        atexit.register(self._at_exit)

    @property
    def is_running(self) -> bool:
        """Whether the end of the job is still to come."""
        return self._worker is not None

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to end."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Ask for an ordinary end, with what there is so far."""
        self._stop.set()

    def cancel_with(self, owner: QObject) -> None:
        """Give the job up when `owner` is destroyed; nothing is called any more."""
        owner.destroyed.connect(self._abandon)

    def _abandon(self, *_: object) -> None:
        if self._worker is not None:
            self._worker.quit()
            self._worker = None

    def _event(self, event: object) -> None:
        if self.is_running:
            self._on_event(event)

    def _done(self, result: object) -> None:
        if isinstance(result, _Failure):
            self._failed(result.error)
        elif self.is_running:
            self._worker = None
            self._on_done(result)

    def _failed(self, error: Exception) -> None:
        if self.is_running:
            self._worker = None
            self._on_error(error)

    def _finished(self) -> None:
        _end()
        # Neither a result nor an error came: the worker was told to quit.
        self._failed(Cancelled("The run was given up because a napari window closed."))
        # Whoever keeps a run that has ended keeps nothing of its images and results.
        self._on_event = self._on_done = self._on_error = ignore
        atexit.unregister(self._at_exit)
        del self._at_exit


def start_job(
    job_factory: JobFactory[E, R],
    *,
    on_event: Callable[[E], None] = ignore,
    on_done: Callable[[R], None],
    on_error: Callable[[Exception], None],
    title: str = "denoiSplit",
) -> Running:
    """Run a job in the background; the callbacks are called in the thread of the window.

    Parameters
    ----------
    job_factory
        Makes the job; called in the background thread, so it may import and read what it needs.
    on_event
        Called with each event of the job.
    on_done
        Called with the result; a stopped job has one too.
    on_error
        Called with the error that ended the job; RuntimeError comes as `JobError`.
    title
        What napari calls the job when it asks whether to close; empty for a job that nobody would
        wait for, so that it does not ask.
    """
    stop = threading.Event()
    task = _Task(_shield, job_factory, stop)
    task.title = title
    create = create_worker if title else create_unlisted_worker
    worker = create(task, stop, _worker_class=_JobWorker, _ignore_errors=True)
    running = Running(worker, stop, on_event, on_done, on_error)
    _begin()  # what ends a worker is its signal: a job that is given up may never end itself
    worker.start()
    return running


def loading(stop: threading.Event, *modules: str, what: str = "the network") -> Iterator[Stage]:
    """Import what a job needs: torch takes seconds the first time, and a stop does not wait for it.

    Raises
    ------
    JobError
        The job was stopped meanwhile; the import comes to its end in a thread of its own.
    """
    yield Stage(f"Loading {what}")
    is_new = any(module not in sys.modules for module in modules)
    importing = threading.Thread(target=_import, args=(modules,), name="denoiSplit loads")
    importing.start()
    while importing.is_alive():
        if stop.is_set():
            raise JobError("Stopped before it began.")
        importing.join(_SECONDS_BETWEEN_LOOKS)
    if _at_work and is_new:
        gc.freeze()  # what was imported is not looked through either


def _begin() -> None:
    """Let Python look for garbage only among what was made since the first of the jobs began.

    Python stands still while it looks through the half million objects of napari and torch, for a
    quarter to three quarters of a second each time, and a job that makes many objects lets it look
    often. That was the longest time that a window did not answer during a training.
    """
    global _at_work
    if not _at_work:
        gc.freeze()
    _at_work += 1


def _end() -> None:
    global _at_work
    _at_work -= 1
    if not _at_work:
        gc.unfreeze()


def _import(modules: tuple[str, ...]) -> None:
    with suppress(ImportError):  # the job imports it, too, and tells the error
        for module in modules:
            import_module(module)


def _shield(job_factory: JobFactory[E, R], stop: threading.Event) -> Job[E, R | _Failure]:
    """Return the error that ends a job, rather than raise it.

    superqt takes a RuntimeError for a deleted worker and stays silent, and what napari does with
    any error of a worker is itself one with PySide6.
    """
    try:
        return (yield from job_factory(stop))
    except RuntimeError as error:  # includes CUDA out-of-memory
        told = JobError(str(error))
        told.__cause__ = error
        return _Failure(told)
    except Exception as error:  # noqa: BLE001 - whatever it is, the page is told
        return _Failure(error)


def _quit_and_wait(worker: _JobWorker, _running: Running) -> None:
    worker.quit()
    QThreadPool.globalInstance().waitForDone(_SECONDS_AT_EXIT * 1000)
