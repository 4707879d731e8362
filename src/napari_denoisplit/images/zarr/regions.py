"""The grid of regions in which a large image is computed and written."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Region:
    """A box of an image: from `start` to before `stop` along each axis."""

    start: tuple[int, ...]
    stop: tuple[int, ...]

    @property
    def slices(self) -> tuple[slice, ...]:
        """The box as an index of an array."""
        return tuple(slice(a, b) for a, b in zip(self.start, self.stop, strict=True))

    @property
    def shape(self) -> tuple[int, ...]:
        """Size along each axis."""
        return tuple(b - a for a, b in zip(self.start, self.stop, strict=True))


@dataclass(frozen=True, slots=True)
class RegionGrid:
    """Regions of `step` that cover `shape`; those at the far edges are cut off.

    Iterating goes through them in C order, the last axis fastest.
    """

    shape: tuple[int, ...]
    step: tuple[int, ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of regions along each axis."""
        return tuple(-(-n // step) for n, step in zip(self.shape, self.step, strict=True))

    def __len__(self) -> int:
        return prod(self.counts)

    def __getitem__(self, number: int) -> Region:
        if not 0 <= number < len(self):
            raise IndexError(f"there are {len(self)} regions, {number} is none of them")
        places = np.unravel_index(number, self.counts)
        start = tuple(int(place) * step for place, step in zip(places, self.step, strict=True))
        stop = (min(a + s, n) for a, s, n in zip(start, self.step, self.shape, strict=True))
        return Region(start, tuple(stop))

    def __iter__(self) -> Iterator[Region]:
        return (self[number] for number in range(len(self)))
