"""How far a split to disk is."""

from __future__ import annotations

import time

from napari_denoisplit.events import Progress

__all__ = ["Meter"]


class Meter:
    """Progress from the number of blocks done.

    Parameters
    ----------
    n_blocks, n_missing
        Of the whole image, and those to be done in this run.
    """

    def __init__(self, n_blocks: int, n_missing: int) -> None:
        self._n_blocks, self._n_missing = n_blocks, n_missing
        self._start = time.monotonic()

    def progress(self, done: float) -> Progress:
        """Progress after `done` blocks of this run."""
        seconds = time.monotonic() - self._start
        before = self._n_blocks - self._n_missing
        left = seconds * (self._n_missing - done) / done if done else None
        text = f"block {min(int(before + done) + 1, self._n_blocks)} of {self._n_blocks}"
        return Progress((before + done) / self._n_blocks, left, text)
