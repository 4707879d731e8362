from __future__ import annotations

import pytest

from napari_denoisplit.jobs.learning.budget import Budget
from napari_denoisplit.settings import TrainSettings


def budget(step: int = 0, epoch: int = 0, **limits) -> Budget:
    return Budget(TrainSettings(**({"minutes": None} | limits)), step, epoch)


def test_the_first_limit_to_be_reached_ends_the_run():
    both = budget(steps=100, epochs=4)
    assert both.used(step=50, epoch=1) == 0.5
    assert both.used(step=50, epoch=3) == 0.75
    assert both.used(step=200, epoch=3) == 1.0


def test_a_resumed_run_has_its_whole_budget_before_it():
    assert budget(step=100, epoch=7, steps=10).used(step=105, epoch=8) == 0.5


def test_minutes_are_counted_by_a_clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    timed = budget(minutes=2)
    now[0] += 30
    assert timed.used(step=0, epoch=0) == pytest.approx(0.25)
    assert timed.seconds_left(step=0, epoch=0) == pytest.approx(90)


@pytest.mark.parametrize("limits", [{}, {"steps": 200}, {"epochs": 3}, {"steps": 4, "epochs": 90}])
def test_the_time_left_is_never_above_what_is_left_of_the_minutes(monkeypatch, limits):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    timed = budget(minutes=2, **limits)
    for step in range(1, 20):
        now[0] += 6
        left = timed.seconds_left(step, step / 10)
        assert left is None or left <= 120 - timed.seconds + 1e-9


def test_the_learning_rate_rises_shortly_and_falls_to_zero():
    rates = [budget(steps=1, learning_rate=0.01).learning_rate(u / 100) for u in range(101)]
    assert rates[0] < 0.001
    assert max(rates) == pytest.approx(0.01, rel=0.01)
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert rates[-1] == pytest.approx(0, abs=1e-12)


def test_the_time_left_is_not_guessed_at_the_very_start():
    assert budget(steps=10).seconds_left(step=0, epoch=0) is None


def test_a_budget_goes_on_only_where_the_same_is_asked_for_and_some_is_left():
    asked = TrainSettings(minutes=2, steps=10)
    record = Budget(asked, 100, 7, seconds=60).record
    assert Budget.after(asked, 104, 8, record).used(104, 8) == pytest.approx(0.5, abs=0.01)
    more = asked.model_copy(update={"steps": 20})
    for settings, step in ((more, 104), (asked, 110)):
        fresh = Budget.after(settings, step, 8, record)
        assert fresh.used(step, 8) == pytest.approx(0, abs=0.01)
    assert Budget.after(asked, 104, 8, []).used(104, 8) == pytest.approx(0, abs=0.01)


def test_a_shortened_budget_ends_once_half_of_what_was_used_is_used_again():
    soon = budget(steps=1000)
    soon.shorten(step=200, epoch=0)
    assert [soon.used(step, epoch=0) for step in (150, 225, 300)] == [0.5, 0.75, 1]
    late = budget(steps=100)
    late.shorten(step=90, epoch=0)
    assert (late.used(step=95, epoch=0), late.is_shortened) == (0.95, False)


def test_a_shortened_budget_goes_on_as_such():
    asked = TrainSettings(minutes=None, steps=1000)
    begun = Budget(asked, 0, 0)
    begun.shorten(step=200, epoch=0)
    resumed = Budget.after(asked, 225, 3, begun.record)
    assert resumed.is_shortened
    assert resumed.used(step=225, epoch=3) == 0.75
