from __future__ import annotations

import pytest
from tests.stand_in import stand_in

from napari_denoisplit import events


def test_a_stand_in_takes_the_place_until_the_test_ends(monkeypatch):
    real = events.run

    def run(job, on_event=real.__defaults__[0]):
        return 7

    with monkeypatch.context() as patch:
        stand_in(patch, "events", run)
        assert events.run(None) == 7
    assert events.run is real


def test_a_stand_in_with_other_parameters_is_refused(monkeypatch):
    def run(job, *, on_event=None):
        return 7

    with pytest.raises(AssertionError, match="run of events takes"):
        stand_in(monkeypatch, "events", run)


def test_a_stand_in_for_nothing_is_refused(monkeypatch):
    def walk(job):
        return 7

    with pytest.raises(AttributeError, match="walk"):
        stand_in(monkeypatch, "events", walk)
