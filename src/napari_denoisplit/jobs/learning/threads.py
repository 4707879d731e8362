"""Threads of a training: as many as there are cores that no other program uses.

Threads that have to share a core wait for one another at every operation, and spin meanwhile: on
two cores with four other programs, a step of the preset 'fast' took 4.9 s with two threads and
2.3 s with one (docs/study_speed.md).
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple, Self

import psutil
import torch

if TYPE_CHECKING:
    from types import TracebackType

FIRST_LOOK = 0.2
"""Seconds that the first look at the cores takes."""
BETWEEN_LOOKS = 1.0


class Use(NamedTuple):
    """Of the cores that this process may run on, up to a moment; seconds."""

    cores: int
    clock: float
    busy: float
    """All programs together."""
    own: float

    @classmethod
    def now(cls) -> Self:
        """Look at them."""
        of_each = psutil.cpu_times(percpu=True)
        if hasattr(os, "sched_getaffinity"):  # as a cluster grants them
            of_each = [of_each[n] for n in os.sched_getaffinity(0) if n < len(of_each)]
        idle = sum(times.idle + getattr(times, "iowait", 0.0) for times in of_each)
        # Not the sum of all times: guests of a virtual machine are counted twice there.
        clock = time.monotonic()
        return cls(len(of_each), clock, len(of_each) * clock - idle, time.process_time())


def free_cores(before: Use, now: Use) -> int:
    """Return how many cores other programs have left free between two looks, 1 at least."""
    of_others = (now.busy - before.busy - (now.own - before.own)) / (now.clock - before.clock)
    return max(1, round(now.cores - max(0.0, of_others)))


class Threads:
    """Torch's threads, which follow the cores that are free until it is left.

    Parameters
    ----------
    device
        Of the network; on a GPU threads matter little and stay as they are.
    """

    def __init__(self, device: torch.device) -> None:
        self._most = torch.get_num_threads()
        self._follows = device.type == "cpu" and self._most > 1

    def __enter__(self) -> Self:
        """Look at the cores for the first time."""
        if self._follows:
            self._seen = Use.now()
            time.sleep(FIRST_LOOK)
            self._set(Use.now())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take as many as before."""
        if self._follows:
            torch.set_num_threads(self._most)

    def adapt(self) -> None:
        """Take as many threads as there are free cores by now, no more than before."""
        if self._follows and time.monotonic() - self._seen.clock > BETWEEN_LOOKS:
            self._set(Use.now())

    def _set(self, now: Use) -> None:
        n = min(self._most, free_cores(self._seen, now))
        self._seen = now
        if n != torch.get_num_threads():
            torch.set_num_threads(n)
