"""Budget of a training run: minutes, steps and epochs."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.settings import TrainSettings

WARMUP = 0.02
SETTLING = 0.5
"""Share of the time until it was found good that a training takes to settle: its learning rate
falls to zero meanwhile, which is when a training gains most."""
_KNOWN = 0.005
"""Share of the budget from which on the time left is told."""


class Budget:
    """Minutes, steps and epochs of this run; the first to be used up ends it.

    Parameters
    ----------
    settings
        Holds the limits.
    step, epoch
        Where the run starts from.
    seconds
        Those that are used already.
    end
        Share of the limits at which it ends.
    """

    def __init__(
        self,
        settings: TrainSettings,
        step: int,
        epoch: int,
        seconds: float = 0.0,
        end: float = 1.0,
    ) -> None:
        self._settings, self._end = settings, end
        self._start = time.monotonic() - seconds
        self.first_step, self._epoch = step, epoch

    @classmethod
    def after(
        cls, settings: TrainSettings, step: int, epoch: int, record: Sequence[float]
    ) -> Budget:
        """Make the budget of a resumed run.

        Where the same is asked for again and it was not used up, as after a power cut, it goes on;
        else the whole is before the run.

        Parameters
        ----------
        settings
            Holds the limits.
        step, epoch
            Where the run goes on from.
        record
            What `record` was when the run ended.
        """
        whole = cls(settings, step, epoch)
        known = whole.record
        if len(record) != len(known) or list(record[:3]) != known[:3]:
            return whole
        begun = cls(settings, int(record[3]), int(record[4]), *record[5:])
        return begun if begun.used(step, epoch) < 1 else whole

    @property
    def record(self) -> list[float]:
        """Minutes, steps and epochs, 0 for no limit; step and epoch of the start; seconds; end."""
        limits = (self._settings.minutes, self._settings.steps, self._settings.epochs)
        start = (self.first_step, self._epoch, self.seconds)
        return [*(float(n or 0) for n in limits), *start, self._end]

    @property
    def is_shortened(self) -> bool:
        """Whether it ends before its limits."""
        return self._end < 1

    def shorten(self, step: int, epoch: int) -> None:
        """End soon, once half of what was used until now is used again.

        From here on the schedule is that of a budget which was so short from the start.
        """
        self._end = min(1.0, (1 + SETTLING) * self._end * self.used(step, epoch))

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
        return self._used(self.seconds, step, epoch)

    def _used(self, seconds: float, step: int, epoch: float) -> float:
        s = self._settings
        shares = [0.0]
        if s.minutes is not None:
            shares.append(seconds / (60 * s.minutes))
        if s.steps is not None:
            shares.append((step - self.first_step) / s.steps)
        if s.epochs is not None:
            shares.append((epoch - self._epoch) / s.epochs)
        # Rounded, lest a quotient just below 1 takes one step more.
        return min(1.0, round(max(shares) / self._end, 9))

    def learning_rate(self, used: float) -> float:
        """Learning rate of the 'budget' schedule: a short rise, then half a cosine to zero."""
        rise = min(1.0, (used + 1e-3) / WARMUP)
        return self._settings.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * used))

    def seconds_left(self, step: int, epoch: float) -> float | None:
        """Estimate of the time left, never above what is left of the minutes.

        Parameters
        ----------
        step, epoch
            Totals so far, with the part of the epoch that has begun.

        Returns
        -------
        None at the very start.
        """
        # The clock is read once: of the share before a long step, the time after it makes too much.
        seconds = self.seconds
        used = self._used(seconds, step, epoch)
        return seconds * (1 - used) / used if used > _KNOWN else None
