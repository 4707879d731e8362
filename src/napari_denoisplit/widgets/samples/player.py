"""Steps from sample to sample, by hand or by a clock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Qt, QTimer, Signal

from napari_denoisplit.images.results.pictures import following

if TYPE_CHECKING:
    from napari_denoisplit.settings import FilmLoop

_AGAIN_MS = 5  # until a frame is looked for again that was not read yet
_BREATH = 0.25  # of the time a frame took, left to the window before the next


class Player(QObject):
    """Which of n samples is in sight, and which comes next."""

    moved = Signal(int)  # another sample is wanted in sight
    played = Signal(bool)  # play has begun or ended

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.index, self.n = 0, 1
        self.speed, self.loop = 8, "round"
        self._step = 1
        self._waiting = False
        self._due = 0.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)

    speed: int
    """Samples in a second, at most."""
    loop: FilmLoop

    @property
    def is_playing(self) -> bool:
        """Whether the clock runs."""
        return bool(self._timer.isActive())

    def reset(self, n: int) -> None:
        """Begin with the first of n samples."""
        self.pause()
        self.index, self.n, self._step = 0, n, 1

    def play(self) -> None:
        """Let the clock run; at the end of a round that is not repeated, from the beginning."""
        if self.n < 2 or self.is_playing:
            return
        if following(self.index, self._step, self.n, self.loop) is None:
            self.index, self._step = -1, 1
        self._due = time.perf_counter()
        self._timer.start(0)
        self.played.emit(True)

    def pause(self) -> None:
        """Stop the clock."""
        if self.is_playing:
            self._timer.stop()
            self.played.emit(False)

    def toggle(self) -> None:
        """Play, or pause."""
        if self.is_playing:
            self.pause()
        else:
            self.play()

    def go(self, index: int) -> None:
        """Turn to one sample."""
        index = min(max(index, 0), self.n - 1)
        if index != self.index:
            self.index = index
            self.moved.emit(index)

    def step(self, by: int) -> None:
        """Turn to the sample after or before; beyond the last comes the first."""
        self.pause()
        self.go((self.index + by) % self.n)

    def ahead(self, count: int) -> tuple[int, ...]:
        """Return the samples that come next, in their order."""
        found: list[int] = []
        place: tuple[int, int] | None = (self.index, self._step)
        while place is not None and len(found) < min(count, self.n):
            place = following(*place, self.n, self.loop)
            if place is not None:
                found.append(place[0])
        return tuple(found)

    def hold(self, waiting: bool) -> None:
        """Wait with the next sample until the one that is wanted has been read."""
        self._waiting = waiting

    def _tick(self) -> None:
        if self._waiting:
            self._timer.start(_AGAIN_MS)
            return
        place = following(self.index, self._step, self.n, self.loop)
        if place is None:
            self.played.emit(False)
            return
        began = time.perf_counter()
        self.index, self._step = place
        # The clock is started first: what is called next may stop it.
        self._timer.start(0)
        self.moved.emit(self.index)
        if self.is_playing:
            self._timer.start(self._until_next(began))

    def _until_next(self, began: float) -> int:
        now = time.perf_counter()
        # A late frame is not made up for: a film that stutters and then races shows nothing.
        self._due = max(self._due + 1 / self.speed, now + _BREATH * (now - began))
        return max(1, round((self._due - now) * 1000))
