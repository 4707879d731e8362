from __future__ import annotations

import pytest
import torch

from napari_denoisplit.jobs.learning import threads
from napari_denoisplit.jobs.learning.threads import Threads, Use, free_cores


@pytest.mark.parametrize(
    ("cores", "busy", "own", "free"),
    [
        (8, 4.0, 4.0, 8),  # nobody else is there
        (8, 8.0, 5.0, 5),
        (2, 2.0, 0.5, 1),  # the others would take more
        (2, 2.0, 0.0, 1),
        (8, 3.99, 4.0, 8),  # two clocks that do not quite agree
    ],
)
def test_free_are_the_cores_that_others_leave(cores, busy, own, free):
    before = Use(cores, 100.0, 50.0, 7.0)
    assert free_cores(before, Use(cores, 101.0, 50.0 + busy, 7.0 + own)) == free


def test_what_this_process_does_is_not_of_others():
    before = Use.now()
    x = torch.rand(300, 300)
    while Use.now().clock < before.clock + 0.5:
        x = x @ x.T / 300
    now = Use.now()
    assert now.own - before.own > 0.1
    assert now.busy - before.busy > 0.8 * (now.own - before.own)
    assert now.busy - before.busy < 1.1 * now.cores * (now.clock - before.clock)


def test_threads_follow_the_free_cores_and_are_given_back(monkeypatch):
    monkeypatch.setattr(threads, "FIRST_LOOK", 0)
    monkeypatch.setattr(threads, "BETWEEN_LOOKS", -1)
    of_others = iter([0, 7, 5, 0])
    looks = iter(Use(8, n, n * 8 - 8 * n, 0.0) for n in range(10))

    def now() -> Use:
        look = next(looks)
        busy.append(busy[-1] + next(of_others))
        return look._replace(busy=busy[-1])

    busy = [0.0]
    monkeypatch.setattr(Use, "now", now)
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        with Threads(torch.device("cpu")) as used:
            assert torch.get_num_threads() == 1
            used.adapt()
            assert torch.get_num_threads() == 3
            used.adapt()
            assert torch.get_num_threads() == 4  # no more than before
            torch.set_num_threads(2)
        assert torch.get_num_threads() == 4
        with Threads(torch.device("meta")) as used:
            used.adapt()  # looks at nothing
    finally:
        torch.set_num_threads(before)
