from __future__ import annotations

import threading

import pytest

from napari_denoisplit.events import Count, Progress, Stage, changed, run, unless_stopped


def job():
    yield Stage("Reading")
    yield Progress(0.5, None, "plane 1 of 2")
    return "the result"


def test_a_job_returns_its_result_and_tells_every_event():
    events = []
    assert run(job(), events.append) == "the result"
    assert events == [Stage("Reading"), Progress(0.5, None, "plane 1 of 2")]


def test_a_part_of_a_job_has_its_events_changed_or_left_out_and_keeps_its_result():
    events = []
    part = changed(job(), lambda e: () if isinstance(e, Progress) else (e, Stage("Read")))
    assert run(part, events.append) == "the result"
    assert events == [Stage("Reading"), Stage("Read")]


def test_an_error_in_a_part_ends_the_job():
    def failing():
        yield Stage("Reading")
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        run(changed(failing(), lambda event: (event,)))


def test_a_part_that_leaves_nothing_ends_at_its_first_event_after_a_stop():
    stop, closed = threading.Event(), []

    def part():
        try:
            yield from map(str, range(3))
            return "whole"
        finally:
            closed.append(True)

    assert run(unless_stopped(part(), stop, ValueError("stopped"))) == "whole"
    job = unless_stopped(part(), stop, ValueError("stopped"))
    assert next(job) == "0"
    stop.set()
    with pytest.raises(ValueError, match="stopped"):
        next(job)
    assert closed == [True, True]


def test_the_progress_of_one_counts_within_that_of_all(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("napari_denoisplit.events.time.monotonic", lambda: now[0])
    count = Count("image", 4)
    assert count.with_part(0, Progress(0.0, None, "begun")).seconds_left is None
    now[0] = 15.0
    found = count.with_part(1, Progress(0.5, 99.0, "answer 2 of 4"))
    assert found == Progress(0.375, 25.0, "image 2 of 4, answer 2 of 4")
