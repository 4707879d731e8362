"""How much memory something may take."""

from __future__ import annotations

from typing import Literal

READ_WHOLE = 2**30
"""Bytes up to which a file is read whole where nothing else is asked for; larger ones lazily."""

LAZY_ABOVE = 2**26
"""Bytes of pixels above which they are read where and when they are used, where that serves."""

Use = Literal["results", "sampling", "layers", "files", "shelf", "frames"]
_SHARES: dict[Use, float] = {
    "results": 0.8,
    "sampling": 0.5,
    "layers": 0.4,  # of results, which have MMSE and sigma a second time
    "files": 0.25,  # as float32 their pixels are up to four times as large
    "shelf": 0.25,  # of two: that in use and the next
    "frames": 0.125,  # of a film
}


def free_memory() -> int:
    """Bytes of memory that are free."""
    import psutil  # takes 20 ms

    return psutil.virtual_memory().available


def room_for(use: Use, free: float | None = None) -> float:
    """Bytes that something may take of the memory that is free now, or was."""
    return _SHARES[use] * (free_memory() if free is None else free)
