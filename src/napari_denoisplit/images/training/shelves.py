"""What of unread fields is in memory when: one shelf of regions after the other.

Every field is a region, or several where it is large. Training regions are put on shelves in random
order, and none comes again before all others have come, so that each is on as many shelves as any
other. Where a shelf serves as long as its share of all places is, each place is as likely as any.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, prod
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.training.gathering import BYTES_PER_PIXEL
from napari_denoisplit.images.training.partition import Partition, Region, set_aside
from napari_denoisplit.images.training.separate import SeparateFields
from napari_denoisplit.images.windows import evenly
from napari_denoisplit.memory import free_memory, room_for
from napari_denoisplit.wording import gib

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from napari_denoisplit.images.training.fields import TrainingFields

EDGE = 1024
"""Largest edge of a region, pixels, if four patches do not need more."""
LARGEST = 2**30
"""Bytes of a shelf; there are two, that in use and the next."""
MOST_VALIDATED = 16
"""Regions of a structure that are held for validation, which looks at a part of each."""


@dataclass(frozen=True, slots=True)
class _Places:
    """Regions of the fields of one structure, or of all together; of repeats, of the first."""

    fields: TrainingFields
    test: list[Region]
    validation: list[Region]
    train: list[Region]

    @classmethod
    def of(
        cls,
        fields: TrainingFields,
        patch_size: int,
        validation_fraction: float,
        test_fraction: float,
        alternate: bool,
    ) -> _Places:
        """Set regions aside as `partition` does fields."""
        edge = max(EDGE, 4 * patch_size)
        found = [
            region
            for number in range(0, len(fields.fields), fields.repeats)
            for region in _regions(number, fields.fields[number].shape[-2:], edge)
            if min(region.y1 - region.y0, region.x1 - region.x0) >= patch_size
        ]
        aside = set_aside(found, validation_fraction, test_fraction, alternate=alternate)
        n_kept = len(aside.test) + len(aside.validation)
        if len(found) <= n_kept:
            raise ImageError(
                f"The images of {', '.join(fields.channel_names)} have {len(found)} places that "
                f"hold a patch of {patch_size}x{patch_size} pixels, and {n_kept} are kept for "
                "validation and test: give more or larger fields, or choose a smaller patch size."
            )
        return cls(fields, list(aside.test), list(aside.validation), found[n_kept:])

    @property
    def n_bytes(self) -> int:
        """Memory of the largest region in a training."""
        planes = sum(
            prod(arrays[0].shape[:-2])
            for arrays in (self.fields.fields, self.fields.clean, self.fields.superpositions)
            if arrays is not None
        )
        largest = max((r.y1 - r.y0) * (r.x1 - r.x0) for r in self.train)
        return BYTES_PER_PIXEL * planes * self.fields.repeats * largest

    def every(self, regions: Sequence[Region]) -> list[Region]:
        """Regions of every exposure of their place."""
        n = range(self.fields.repeats)
        return [replace(region, field=region.field + k) for region in regions for k in n]


class Shelves:
    """Shelves of unread fields.

    Parameters
    ----------
    fields
        Unread.
    patch_size, validation_fraction, test_fraction, alternate
        As of `partition`.
    seed
        Of the order in which regions come.
    n_bytes
        Of a shelf; None goes by the memory that is free.
    n_processes
        That share it.

    Raises
    ------
    ImageError
        There are too few places, or memory does not hold one region of each structure.
    """

    def __init__(
        self,
        fields: TrainingFields | SeparateFields,
        *,
        patch_size: int,
        validation_fraction: float,
        test_fraction: float,
        alternate: bool = False,
        seed: int,
        n_bytes: int | None = None,
        n_processes: int = 1,
    ) -> None:
        self._fields, self._seed, self._patch_size = fields, seed, patch_size
        structures = fields.structures if isinstance(fields, SeparateFields) else (fields,)
        how = patch_size, validation_fraction, test_fraction, alternate
        self._places = [_Places.of(one, *how) for one in structures]
        self.n_bytes = n_bytes or int(min(LARGEST, room_for("shelf") / n_processes))
        share = self.n_bytes // len(structures)
        self._sizes = [min(share // p.n_bytes, len(p.train)) for p in self._places]
        if min(self._sizes) < 1:
            most = gib(len(structures) * max(p.n_bytes for p in self._places))
            raise ImageError(
                f"One region of each structure takes {most} of memory, and {gib(self.n_bytes)} are "
                "there for it: close other programs, or give fewer exposures of each place."
            )
        train = [region for p in self._places for region in p.every(p.train)]
        self.n_places = self._count(train)
        """Number of places that a patch may come from, on all shelves."""
        self.n_pixels = sum((r.y1 - r.y0) * (r.x1 - r.x0) for r in train)
        aside = [
            Partition((), tuple(p.every(p.validation)), tuple(p.every(p.test)))
            for p in self._places
        ]
        self.aside = fields.joined(aside) if isinstance(fields, SeparateFields) else aside[0]
        """Regions of the fields that are kept for validation and test."""

    def share(self, number: int) -> float:
        """Share of all places that is on a shelf."""
        return sum(map(self._count, self.on_shelf(number))) / self.n_places

    def _count(self, regions: Sequence[Region]) -> int:
        least = self._patch_size - 1
        return sum((r.y1 - r.y0 - least) * (r.x1 - r.x0 - least) for r in regions)

    def in_words(self) -> str:
        """Say how much is held, and what is measured on a part."""
        n, of = sum(self._sizes), sum(len(p.train) for p in self._places)
        return (
            f"The images take up to {gib(self._fields.n_bytes)} of memory, and "
            f"{gib(free_memory())} are free: they are read as they are needed. Two random parts of "
            f"them are held at a time, of up to {gib(self.n_bytes)} each, and exchanged as the "
            f"training goes on. The first, {n:,} of {of:,} regions, is what normalization and "
            "noise models are measured on"
        )

    def on_shelf(self, number: int) -> list[list[Region]]:
        """Training regions of each structure on a shelf."""
        found = []
        for c, (places, size) in enumerate(zip(self._places, self._sizes, strict=True)):
            n, wanted = len(places.train), range(number * size, (number + 1) * size)
            orders = {
                k: np.random.default_rng((self._seed, c, k)).permutation(n)
                for k in {i // n for i in wanted}
            }
            found.append(places.every([places.train[orders[i // n][i % n]] for i in wanted]))
        return found

    def beginning(
        self, on_read: Callable[[], None]
    ) -> tuple[TrainingFields | SeparateFields, Partition]:
        """Read the first shelf and what is held for validation, and tell which is which.

        Parameters
        ----------
        on_read
            Called before each region; what it raises ends the reading.
        """
        held, parts = [], []
        for places, regions in zip(self._places, self.on_shelf(0), strict=True):
            kept = places.every(evenly(places.validation, MOST_VALIDATED))
            found = places.fields.cut([*kept, *regions], on_read)
            shapes = [field.shape[1:] for field in found.fields]
            masks = tuple(np.full(shape, i >= len(kept)) for i, shape in enumerate(shapes))
            whole = tuple(Region(i, 0, y, 0, x) for i, (y, x) in enumerate(shapes[: len(kept)]))
            held.append(found)
            parts.append(Partition(masks, whole, ()))
        fields = self._like(held)
        return fields, fields.joined(parts) if isinstance(fields, SeparateFields) else parts[0]

    def read(self, number: int, on_read: Callable[[], None]) -> TrainingFields | SeparateFields:
        """Read a shelf, without clean images; parameters as of `beginning`.

        Raises
        ------
        ImageError
            A file is gone or damaged, or holds pixels that are not finite.
        """
        both = zip(self._places, self.on_shelf(number), strict=True)
        return self._like([replace(p.fields, clean=None).cut(r, on_read) for p, r in both])

    def _like(self, held: list[TrainingFields]) -> TrainingFields | SeparateFields:
        return SeparateFields(tuple(held)) if isinstance(self._fields, SeparateFields) else held[0]


def _regions(number: int, shape: Sequence[int], edge: int) -> Iterator[Region]:
    """Regions of one field, of about equal size, that share no pixel."""
    rows, columns = (_parts(n, edge) for n in shape)
    for y0, y1 in rows:
        for x0, x1 in columns:
            yield Region(number, y0, y1, x0, x1)


def _parts(n: int, edge: int) -> list[tuple[int, int]]:
    count = ceil(n / edge)
    return list(pairwise(n * i // count for i in range(count + 1)))
