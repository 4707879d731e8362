"""Frames of posterior samples, read ahead in the background where they are not in memory."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_denoisplit.images.results.levels import SplitLevels
from napari_denoisplit.widgets.parts.worker import Cancelled

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_denoisplit.images.results.levels import Window
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.widgets.parts.worker import RunHandle, Start

    Parts = tuple[NDArray[np.float32], ...]

MEAN = -1
"""In the place of a sample's number: the MMSE."""
_IDLE_SECONDS = 1.0  # after which the thread ends, so that closing napari asks for nothing
_WAIT_SECONDS = 0.05
_MOST_BYTES = 2**29
_SHARE_OF_MEMORY = 8


@dataclass(frozen=True, slots=True)
class FrameKey:
    """A frame: the number of a sample, from 0, or `MEAN`; its plane, and the part of that."""

    index: int
    plane: tuple[int, ...]
    window: Window | None = None
    """None is the whole plane, at full resolution."""


@dataclass(frozen=True, slots=True, eq=False)
class _FrameRead:
    key: FrameKey
    parts: Parts


class _Requests:
    """What is to be read next; shared between the window and the thread that reads."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._keys: list[FrameKey] = []

    def put(self, keys: Sequence[FrameKey]) -> None:
        """Replace what was asked for and has not been begun."""
        with self._condition:
            self._keys = list(keys)
            self._condition.notify()

    def take(self) -> FrameKey | None:
        """Return the next key; None if none came for a short while."""
        with self._condition:
            if not self._keys:
                self._condition.wait(_WAIT_SECONDS)
            return self._keys.pop(0) if self._keys else None

    def __len__(self) -> int:
        return len(self._keys)


def _read_frames(
    levels: SplitLevels, requests: _Requests, stop: threading.Event
) -> Generator[_FrameRead, None, None]:
    """Read what is asked for, until nothing has been for a while."""
    rested = time.monotonic()
    while not stop.is_set() and time.monotonic() - rested < _IDLE_SECONDS:
        key = requests.take()
        if key is not None:
            yield _FrameRead(key, _read(levels, key))
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
        self._levels: SplitLevels | None = None
        self._requests = _Requests()
        self._running: RunHandle | None = None
        self._cache: OrderedDict[FrameKey, Parts] = OrderedDict()
        self._room, self._taken = 0, 0  # bytes

    @property
    def n_cached(self) -> int:
        """Frames that are kept in memory."""
        return len(self._cache)

    @property
    def levels(self) -> SplitLevels | None:
        """Resolutions of the samples."""
        return self._levels

    @property
    def _is_reading(self) -> bool:
        return self._running is not None and self._running.is_running

    def capacity(self, window: Window | None = None) -> int:
        """Frames of a part that may be kept in memory, at least 2."""
        if self._levels is None:
            return 0
        split = self._levels.splits[0]
        n_pixels = math.prod(split.plane_shape) if window is None else window.n_pixels
        return max(2, self._room // (4 * split.n_structures * n_pixels))

    def set_stack(self, stack: Split | None) -> None:
        """Read from another stack, or from none."""
        # Not at the top: needed only when samples are browsed.
        import psutil

        self.rest()
        self._levels = None if stack is None else SplitLevels(stack)
        self._cache.clear()
        self._taken = 0
        self._room = min(_MOST_BYTES, psutil.virtual_memory().available // _SHARE_OF_MEMORY)

    def rest(self) -> None:
        """Read no more until something is asked for."""
        # A thread that is ending keeps its own list: it must not take what is asked for next.
        self._requests = _Requests()
        if self._running is not None:
            self._running.stop()
            self._running = None

    def get(self, key: FrameKey) -> Parts | None:
        """Return a frame, structure by structure, if it is at hand without delay."""
        if self._levels is None:
            return None
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        stack = self._levels.level(key.window)
        if stack.is_lazy or (key.index == MEAN and stack.mmse_arrays is None):
            return None
        return _read(self._levels, key)

    def want(self, keys: Sequence[FrameKey]) -> None:
        """Ask for frames, the most urgent first; what is not asked for again is left out."""
        if self._levels is None:
            return
        missing = [key for key in dict.fromkeys(keys) if self.get(key) is None]
        self._requests.put(missing)
        if missing and not self._is_reading:
            self._run(self._levels)

    def _run(self, levels: SplitLevels) -> None:
        self._running = self._start(
            partial(_read_frames, levels, self._requests),
            on_event=partial(self._on_frame, levels),
            on_done=partial(self._on_end, levels),
            on_error=self._on_error,
            title="denoiSplit: reading samples",
        )
        self._running.cancel_with(self)

    def _on_frame(self, levels: SplitLevels, event: Any) -> None:
        if levels is not self._levels:
            return  # of samples that are no longer shown
        if event.key not in self._cache:
            self._cache[event.key] = event.parts
            self._taken += _n_bytes(event.parts)
        # Two stay in any case: a difference needs both at once.
        while self._taken > self._room and len(self._cache) > 2:
            self._taken -= _n_bytes(self._cache.popitem(last=False)[1])
        self.ready.emit(event.key)

    def _on_end(self, levels: SplitLevels, _result: object) -> None:
        # A request may have come while the thread was ending.
        # It may also be one that was told to rest, and another reads since.
        if levels is self._levels and len(self._requests) and not self._is_reading:
            self._run(levels)

    def _on_error(self, error: Exception) -> None:
        if not isinstance(error, Cancelled):
            self.failed.emit(error)


def _n_bytes(parts: Parts) -> int:
    return sum(part.nbytes for part in parts)
