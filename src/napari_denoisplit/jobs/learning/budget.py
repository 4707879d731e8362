"""Budget of a training run: minutes, steps and epochs."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_denoisplit.settings import TrainSettings

WARMUP = 0.02


class Budget:
    """Minutes, steps and epochs of this run; the first to be used up ends it.

    Parameters
    ----------
    settings
        Holds the limits.
    step, epoch
        Where the run starts from; a resumed run has its whole budget before it.
    """

    def __init__(self, settings: TrainSettings, step: int, epoch: int) -> None:
        self._settings = settings
        self._start = time.monotonic()
        self._step, self._epoch = step, epoch

    @property
    def seconds(self) -> float:
        """Seconds since this run began."""
        return time.monotonic() - self._start

    def used(self, step: int, epoch: int) -> float:
        """Share used up, 0 to 1.

        Parameters
        ----------
        step, epoch
            Totals so far; `epoch` counts finished epochs.
        """
        s = self._settings
        shares = [0.0]
        if s.minutes is not None:
            shares.append(self.seconds / (60 * s.minutes))
        if s.steps is not None:
            shares.append((step - self._step) / s.steps)
        if s.epochs is not None:
            shares.append((epoch - self._epoch) / s.epochs)
        return min(1.0, max(shares))

    def learning_rate(self, used: float) -> float:
        """Learning rate of the 'budget' schedule: a short rise, then half a cosine to zero."""
        rise = min(1.0, (used + 1e-3) / WARMUP)
        return self._settings.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * used))

    def seconds_left(self, used: float) -> float | None:
        """Estimate of the time left, None at the very start."""
        return self.seconds * (1 - used) / used if used > 0.005 else None
