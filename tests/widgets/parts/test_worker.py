"""The door to the background thread loses neither results nor errors."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref
from functools import partial

import pytest
from qtpy.QtWidgets import QWidget

from napari_denoisplit.errors import JobError
from napari_denoisplit.events import Stage
from napari_denoisplit.widgets.parts.worker import Cancelled, loading, start_job


class Seen:
    """What came back from a job, and in which thread."""

    def __init__(self) -> None:
        self.events, self.results, self.errors, self.threads = [], [], [], set()

    def start(self, job):
        self.running = start_job(
            job,
            on_event=lambda event: self._note(self.events, event),
            on_done=lambda result: self._note(self.results, result),
            on_error=lambda error: self._note(self.errors, error),
        )
        return self.running

    def _note(self, where, what):
        self.threads.add(threading.current_thread())
        where.append(what)


@pytest.fixture
def seen(qtbot):
    seen = Seen()
    yield seen
    seen.running.stop()
    qtbot.waitUntil(lambda: not seen.running.is_running)


def endless(stop):
    while not stop.wait(0.005):
        yield Stage("busy")
    return "what there is"


def test_events_and_result_arrive_in_the_thread_of_the_window(qtbot, seen):
    def job(stop):
        yield Stage("one")
        yield Stage("two")
        return threading.current_thread()

    seen.start(job)
    qtbot.waitUntil(lambda: bool(seen.results))
    assert [event.text for event in seen.events] == ["one", "two"]
    assert seen.threads == {threading.main_thread()}
    assert seen.results[0] is not threading.main_thread()
    assert not seen.running.is_running


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), ValueError("odd"), StopIteration])
def test_every_error_arrives(qtbot, seen, error):
    def job(stop):
        yield Stage("one")
        raise error

    seen.start(job)
    qtbot.waitUntil(lambda: bool(seen.errors))
    assert not seen.results
    assert not seen.running.is_running


def test_a_runtime_error_becomes_a_job_error_with_its_text(qtbot, seen):
    def job(stop):
        raise RuntimeError("CUDA out of memory")
        yield

    seen.start(job)
    qtbot.waitUntil(lambda: bool(seen.errors))
    assert isinstance(seen.errors[0], JobError)
    assert str(seen.errors[0]) == "CUDA out of memory"


def test_stopping_keeps_the_result(qtbot, seen):
    running = seen.start(endless)
    qtbot.waitUntil(lambda: bool(seen.events))
    running.stop()
    assert running.is_stopping
    qtbot.waitUntil(lambda: bool(seen.results))
    assert seen.results == ["what there is"]


def test_a_stop_does_not_wait_for_an_import(qtbot, seen, tmp_path, monkeypatch):
    (tmp_path / "slow_to_load.py").write_text(
        "import threading\nbegun, free = threading.Event(), threading.Event()\n"
        "def wait():\n    begun.set()\n    free.wait(60)\nwait()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    def job(stop):
        yield from loading(stop, "slow_to_load")
        return "began"

    seen.start(job)
    qtbot.waitUntil(lambda: getattr(sys.modules.get("slow_to_load"), "begun", None) is not None)
    seen.running.stop()
    qtbot.waitUntil(lambda: bool(seen.errors))
    assert (str(seen.errors[0]), seen.results) == ("Stopped before it began.", [])
    assert seen.events == [Stage("Loading the network")]
    sys.modules["slow_to_load"].free.set()


def test_a_job_ends_with_the_widget_that_started_it(qtbot, seen):
    ended = threading.Event()

    def job(stop):
        try:
            yield from endless(stop)
        finally:  # a worker that is told to quit at an event does not go on behind it
            ended.set()

    owner = QWidget()
    seen.start(job).cancel_with(owner)
    qtbot.waitUntil(lambda: bool(seen.events))
    owner.deleteLater()
    qtbot.waitUntil(ended.is_set)
    qtbot.wait(50)
    assert not seen.results
    assert not seen.errors  # there is nobody left to tell


def test_napari_knows_of_the_job_by_its_title_and_cancels_it_at_once(qtbot, window, seen):
    tasks = window.window.__wrapped__._task_status_manager
    seen.start(endless)
    qtbot.waitUntil(lambda: bool(seen.events))
    assert any("denoiSplit" in text for text in tasks.get_status())
    began = time.monotonic()
    tasks.cancel_all()
    qtbot.waitUntil(lambda: bool(seen.errors))
    assert time.monotonic() - began < 1
    assert isinstance(seen.errors[0], Cancelled)


def test_python_ends_cleanly_while_a_job_runs():
    code = """
import time
from qtpy.QtWidgets import QApplication
app = QApplication([])
from napari_denoisplit.events import Stage
from napari_denoisplit.widgets.parts.worker import start_job
def job(stop):
    while not stop.is_set():
        time.sleep(0.02)
        yield Stage("busy")
seen = []
start_job(job, on_event=seen.append, on_done=seen.append, on_error=seen.append)
while not seen:
    app.processEvents()
"""
    ended = subprocess.run([sys.executable, "-c", code], timeout=240, check=False)
    assert ended.returncode == 0


def test_an_ended_run_keeps_nothing_that_it_was_given(qtbot):
    class Picture:
        """Stands for an array that the callbacks hold."""

    picture, ends = Picture(), []
    gone = weakref.ref(picture)

    def keep(what: object, held: Picture) -> None:
        ends.append(type(what).__name__)

    def job(stop):
        yield Stage("busy")

    told = {name: partial(keep, held=picture) for name in ("on_event", "on_done", "on_error")}
    running = start_job(job, **told)
    qtbot.waitUntil(lambda: "NoneType" in ends)
    del told, picture
    qtbot.waitUntil(lambda: gc.collect() >= 0 and gone() is None)
    assert not running.is_running


def test_an_error_in_a_window_is_told_by_the_page_alone(qtbot, window, seen):
    def job(stop):
        yield Stage("one")
        raise JobError("no room")

    seen.start(job)  # PySide6 would fail in what napari does with errors of its workers
    qtbot.waitUntil(lambda: not seen.running.is_running)
    qtbot.wait(50)
    assert [str(error) for error in seen.errors] == ["no room"]
    assert not seen.results


def test_python_looks_through_what_was_there_before_only_when_no_job_runs(qtbot, seen):
    frozen = []

    def brief(stop):
        yield Stage("brief")
        frozen.append(gc.get_freeze_count())

    long = Seen()
    long.start(endless)
    qtbot.waitUntil(lambda: bool(long.events))
    before = gc.get_freeze_count()
    assert before > 10_000
    seen.start(brief)
    qtbot.waitUntil(lambda: not seen.running.is_running)
    # What was made since is still looked through: layers that were removed do not pile up.
    assert frozen[0] <= before
    assert gc.get_freeze_count() > 0  # the other job goes on
    long.running.stop()
    qtbot.waitUntil(lambda: gc.get_freeze_count() == 0)


def test_a_job_that_is_given_up_with_its_window_leaves_nothing_out_of_sight(qtbot, seen):
    owner = QWidget()
    seen.start(endless).cancel_with(owner)
    qtbot.waitUntil(lambda: bool(seen.events))
    assert gc.get_freeze_count() > 0
    owner.deleteLater()
    qtbot.waitUntil(lambda: gc.get_freeze_count() == 0)
    assert seen.results == seen.errors == []
