"""Frames of posterior samples, read ahead in the background where they are not in memory."""

from __future__ import annotations

import math
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_denoisplit.images.results.levels import SplitLevels
from napari_denoisplit.memory import room_for
from napari_denoisplit.widgets.parts.worker import Cancelled

if TYPE_CHECKING:
    import threading
    from collections.abc import Generator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_denoisplit.images.results.levels import Window
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.widgets.parts.worker import Running, Start

    Parts = tuple[NDArray[np.float32], ...]

MEAN = -1
"""In the place of a sample's number: the MMSE."""
_IDLE_SECONDS = 1.0  # after which the thread ends, so that closing napari asks for nothing
_WAIT_SECONDS = 0.005
_MOST_BYTES = 2**29


@dataclass(frozen=True, slots=True)
class FrameKey:
    """A frame: the number of a sample, from 0, or `MEAN`; its plane, and the part of that."""

    index: int
    plane: tuple[int, ...]
    window: Window | None = None
    """None is the whole plane, at full resolution."""


def _read_frames(
    levels: SplitLevels, requests: deque[FrameKey], stop: threading.Event
) -> Generator[tuple[FrameKey, Parts], None, None]:
    """Read what is asked for, until nothing has been for a while."""
    rested = time.monotonic()
    while not stop.is_set() and time.monotonic() - rested < _IDLE_SECONDS:
        try:
            key = requests.popleft()
        except IndexError:
            stop.wait(_WAIT_SECONDS)
            continue
        yield key, _read(levels, key)
        rested = time.monotonic()


def _read(levels: SplitLevels, key: FrameKey) -> Parts:
    if key.index == MEAN:
        return levels.read_mmse(key.plane, key.window)
    return levels.read_sample(key.index, key.plane, key.window)


class FrameReader(QObject):
    """Frames of one stack: views where it is in memory, read in the background where it is not.

    Parameters
    ----------
    start
        How a job is run.
    """

    ready = Signal(object)  # a frame that was asked for has come: its key
    failed = Signal(object)  # a frame could not be read: the error

    def __init__(self, start: Start, parent: QObject) -> None:
        super().__init__(parent)
        self._start = start
        self.levels: SplitLevels | None = None
        """Resolutions of the samples."""
        self._requests: deque[FrameKey] = deque()
        self._running: Running | None = None
        self._cache: OrderedDict[FrameKey, Parts] = OrderedDict()
        self._room, self._taken = 0, 0  # bytes

    @property
    def _is_reading(self) -> bool:
        return self._running is not None and self._running.is_running

    def capacity(self, window: Window | None = None) -> int:
        """Frames of a part that may be kept in memory, at least 2."""
        if self.levels is None:
            return 0
        split = self.levels.splits[0]
        n_pixels = math.prod(split.plane_shape) if window is None else window.n_pixels
        return max(2, self._room // (4 * split.n_structures * n_pixels))

    def set_stack(self, stack: Split | None) -> None:
        """Read from another stack, or from none."""
        self.rest()
        self.levels = None if stack is None else SplitLevels(stack)
        self._cache.clear()
        self._taken = 0
        self._room = min(_MOST_BYTES, int(room_for("frames")))

    def rest(self) -> None:
        """Read no more until something is asked for."""
        # A thread that is ending keeps its own list: it must not take what is asked for next.
        self._requests = deque()
        if self._running is not None:
            self._running.stop()
            self._running = None

    def get(self, key: FrameKey) -> Parts | None:
        """Return a frame, structure by structure, if it is at hand without delay."""
        if self.levels is None:
            return None
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        stack = self.levels.level(key.window)
        if stack.is_lazy or (key.index == MEAN and stack.mmse_arrays is None):
            return None
        return _read(self.levels, key)

    def want(self, keys: Sequence[FrameKey]) -> None:
        """Ask for frames, the most urgent first; what is not asked for again is left out."""
        if self.levels is None:
            return
        missing = [key for key in dict.fromkeys(keys) if self.get(key) is None]
        self._requests.clear()
        self._requests.extend(missing)
        if missing and not self._is_reading:
            self._run(self.levels)

    def _run(self, levels: SplitLevels) -> None:
        self._running = self._start(
            partial(_read_frames, levels, self._requests),
            on_event=partial(self._on_frame, levels),
            on_done=partial(self._on_end, levels),
            on_error=self._on_error,
            title="denoiSplit: reading answers",
        )
        self._running.cancel_with(self)

    def _on_frame(self, levels: SplitLevels, frame: tuple[FrameKey, Parts]) -> None:
        if levels is not self.levels:
            return  # of samples that are no longer shown
        key, parts = frame
        if key not in self._cache:
            self._cache[key] = parts
            self._taken += _n_bytes(parts)
        # Two stay in any case: a difference needs both at once.
        while self._taken > self._room and len(self._cache) > 2:
            self._taken -= _n_bytes(self._cache.popitem(last=False)[1])
        self.ready.emit(key)

    def _on_end(self, levels: SplitLevels, _result: object) -> None:
        # A request may have come while the thread was ending.
        # It may also be one that was told to rest, and another reads since.
        if levels is self.levels and len(self._requests) and not self._is_reading:
            self._run(levels)

    def _on_error(self, error: Exception) -> None:
        if not isinstance(error, Cancelled):
            self.failed.emit(error)


def _n_bytes(parts: Parts) -> int:
    return sum(part.nbytes for part in parts)
