from __future__ import annotations

import threading

import pytest

from napari_denoisplit.giving_up import GivenUp, finished, giving_up, look


@pytest.fixture
def stop() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


def test_nobody_is_given_up_who_was_not_said_to_be():
    look()


def test_work_ends_where_its_stop_is_set(stop):
    done = []
    stop.clear()

    def work():
        done.append("before")
        stop.set()
        look()
        done.append("after")

    assert not finished(stop, work)
    assert done == ["before"]
    look()  # that was all


def test_work_comes_to_its_end_without_a_stop():
    assert finished(threading.Event(), look)
    assert finished(None, look)


def test_work_is_not_begun_after_its_stop(stop):
    done = []
    assert not finished(stop, done.append, 1)
    assert not done


def test_work_within_work_has_a_stop_of_its_own(stop):
    outer = threading.Event()
    with giving_up(outer):
        assert not finished(stop, look)
        look()
        outer.set()
        assert finished(threading.Event(), look)
        with pytest.raises(GivenUp):
            look()


def test_another_thread_is_not_given_up(stop):
    found = []
    outer = threading.Event()
    with giving_up(outer):
        outer.set()
        thread = threading.Thread(target=lambda: found.append(look()))
        thread.start()
        thread.join()
    assert found == [None]


def test_an_error_of_the_work_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        finished(threading.Event(), divmod, 1, 0)
