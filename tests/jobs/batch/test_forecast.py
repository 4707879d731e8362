from __future__ import annotations

import pytest

from napari_denoisplit.jobs.batch import forecast as batch_pace
from napari_denoisplit.jobs.batch.forecast import TimeLeft


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    now = [0.0]
    monkeypatch.setattr(batch_pace.time, "monotonic", lambda: now[0])
    return now


def test_the_time_left_follows_the_size_of_the_files(clock):
    time_left = TimeLeft({0: 100, 3: 300})
    clock[0] = 10.0
    time_left.finish(0)
    half = time_left.progress(3, 0.0, "")
    assert (half.done, half.seconds_left) == (0.25, 30.0)
    clock[0] = 25.0
    assert time_left.progress(3, 0.5, "").seconds_left == pytest.approx(15.0)


def test_a_file_that_failed_at_once_does_not_promise_that_the_others_are_fast(clock):
    time_left = TimeLeft({0: 1000, 1: 100, 2: 100})
    time_left.give_up(0)
    clock[0] = 8.0
    time_left.finish(1)
    assert time_left.progress(2, 0.0, "").seconds_left == 8.0


def test_before_anything_is_done_the_time_left_is_unknown(clock):
    assert TimeLeft({0: 0}).progress(0, 0.0, "").seconds_left is None
