"""Time left of a batch."""

from __future__ import annotations

import time

from napari_denoisplit.events import Progress

__all__ = ["Pace"]


class Pace:
    """Time left, from the size of the files and how long those so far have taken."""

    def __init__(self) -> None:
        self._bytes: dict[int, int] = {}
        self._finished = 0.0
        self._seconds = 0.0  # that the finished bytes took
        self._current = 0
        self._began = 0.0

    def set_work(self, n_bytes: dict[int, int]) -> None:
        """Say how large the files are that are to be split, by their index."""
        self._bytes = {index: max(size, 1) for index, size in n_bytes.items()}

    def begin(self, index: int) -> None:
        """Begin a file."""
        self._current, self._began = index, time.monotonic()

    def give_up(self, index: int) -> None:
        """Leave a file out; failing is quick, so it says nothing about the others."""
        del self._bytes[index]

    def finish(self, index: int) -> None:
        """Count a file as split."""
        self._finished += self._bytes[index]
        self._seconds += time.monotonic() - self._began

    def progress(self, done: float, text: str) -> Progress:
        """Return the progress of the batch, given the share done of the file in progress."""
        worked = self._finished + done * self._bytes[self._current]
        total = sum(self._bytes.values())
        seconds = self._seconds + time.monotonic() - self._began
        left = seconds * (total - worked) / worked if worked else None
        return Progress(min(worked / total, 1.0), left, text)
