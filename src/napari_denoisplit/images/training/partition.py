"""Training, validation and test pixels of a set of fields, with no pixel shared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.giving_up import look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FRAMES_TO_SPLIT = 10
"""From so many fields on, whole fields are set aside; below, a block of each field."""
GRID = 16
"""Blocks have edges and corners that are multiples of this where the field allows it."""


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of one field: rows y0 to y1, columns x0 to x1, ends excluded, pixels."""

    field: int
    y0: int
    y1: int
    x0: int
    x1: int

    def of(self, fields: Sequence[np.ndarray]) -> np.ndarray:
        """Cut this region, (..., y1 - y0, x1 - x0), from its field."""
        return fields[self.field][..., self.y0 : self.y1, self.x0 : self.x1]


@dataclass(frozen=True, slots=True)
class Partition:
    """Which pixels are used for what."""

    train: tuple[NDArray[np.bool_], ...]
    """(Y, X) for each field, pixels that training may see."""
    validation: tuple[Region, ...]
    test: tuple[Region, ...]


def partition(
    fields: Sequence[NDArray[np.float32]],
    *,
    patch_size: int,
    validation_fraction: float,
    test_fraction: float,
    alternate: bool = False,
    masks: Sequence[NDArray[np.bool_]] | None = None,
    repeats: int = 1,
    names: Sequence[str] = (),
) -> Partition:
    """Set pixels aside for validation and test.

    Of many fields, the first are kept for test and the next for validation: neighbours in a
    time-lapse look alike, so a run of them leaks less than a random choice. Of few fields, a block
    of each is kept, where the field's structure is most typical of the whole.

    Parameters
    ----------
    fields
        Arrays (C, Y, X).
    patch_size
        Edge of a training patch; each field must keep room for at least one.
    validation_fraction, test_fraction
        Shares of the fields, or of the area of each.
    alternate
        Of many fields, as `set_aside` has it.
    masks
        Pixels that may be used at all, (Y, X) each.
    repeats
        So many fields in a row show one place; what is kept is kept of each of them, so that no
        place is both learned and tested.
    names
        Of the fields, for errors; empty where there is none.

    Raises
    ------
    ImageError
        A field is too small to hold a patch beside its blocks.
    """
    if repeats > 1:
        places = partition(
            fields[::repeats],
            patch_size=patch_size,
            validation_fraction=validation_fraction,
            test_fraction=test_fraction,
            alternate=alternate,
            masks=None if masks is None else masks[::repeats],
            names=names[::repeats],
        )
        return _repeated(places, repeats)
    usable = [np.ones(f.shape[1:], bool) for f in fields] if masks is None else list(masks)
    n = len(fields)
    if n >= FRAMES_TO_SPLIT:
        whole = [Region(i, 0, f.shape[1], 0, f.shape[2]) for i, f in enumerate(fields)]
        aside = set_aside(whole, validation_fraction, test_fraction, alternate=alternate)
        kept = len(aside.validation) + len(aside.test)
        train = tuple(m if i >= kept else np.zeros_like(m) for i, m in enumerate(usable))
        return replace(aside, train=train)
    validation, test, train_masks = [], [], []
    named = [name or f"Field {i + 1}" for i, name in enumerate(names or [""] * n)]
    for i, (data, mask) in enumerate(zip(fields, usable, strict=True)):
        free = mask.copy()
        blocks = []
        for fraction in (validation_fraction, test_fraction):
            if fraction > 0:
                blocks.append(_typical_block(i, data, free, fraction, patch_size, named[i]))
                free[blocks[-1].y0 : blocks[-1].y1, blocks[-1].x0 : blocks[-1].x1] = False
        validation.append(blocks[0])
        test += blocks[1:]
        train_masks.append(free)
    return Partition(tuple(train_masks), tuple(validation), tuple(test))


def set_aside(
    regions: Sequence[Region],
    validation_fraction: float,
    test_fraction: float,
    *,
    alternate: bool,
) -> Partition:
    """Keep the first of many regions; of the others nothing is said.

    Parameters
    ----------
    regions
        In their order.
    validation_fraction, test_fraction
        Shares of them.
    alternate
        Whether what is kept is for validation and for test in turns, three at a time, as published
        for PaviaATN; False: first for test, then for validation, as published for BioSR and Hagen.
    """
    n = len(regions)
    if not alternate:
        n_test = max(1, int(test_fraction * n)) if test_fraction else 0
        n_kept = n_test + max(1, int(validation_fraction * n))
        return Partition((), tuple(regions[n_test:n_kept]), tuple(regions[:n_test]))
    n_kept = max(2, int((validation_fraction + test_fraction) * n))
    turn = max(1, min(3, n_kept // 2))
    is_test = [number // turn % 2 == 1 for number in range(n_kept)]
    if n_kept % (2 * turn) == 2:  # too few for a turn of validation: one for each
        is_test[-2] = True
    kept = list(zip(regions, is_test, strict=False))
    validation = tuple(region for region, for_test in kept if not for_test)
    return Partition((), validation, tuple(region for region, for_test in kept if for_test))


def _repeated(places: Partition, repeats: int) -> Partition:
    """Give every exposure of a place the same pixels."""

    def each(regions: Sequence[Region]) -> tuple[Region, ...]:
        """Return the regions, one for every exposure of their place."""
        return tuple(
            replace(region, field=region.field * repeats + number)
            for region in regions
            for number in range(repeats)
        )

    train = tuple(mask for mask in places.train for _ in range(repeats))
    return Partition(train, each(places.validation), each(places.test))


def _typical_block(
    index: int,
    data: np.ndarray,
    free: NDArray[np.bool_],
    fraction: float,
    patch_size: int,
    name: str,
) -> Region:
    """Return the free block whose contrast in each channel is nearest to that of the field."""
    height, width = data.shape[1:]
    block = (_edge(height, fraction), _edge(width, fraction))
    # In double precision, and relative: squares of 1e20 overflow, those of 1e-7 are next to 0.
    spread = np.maximum(data[:, free].std(axis=1, dtype=np.float64), np.finfo(float).tiny)  # (C,)
    best, best_distance = None, np.inf
    for y in _starts(height - block[0]):
        for x in _starts(width - block[1]):
            look()
            region = Region(index, y, y + block[0], x, x + block[1])
            if not free[y : region.y1, x : region.x1].all():
                continue
            cut = region.of([data] * (index + 1)).reshape(len(data), -1)
            contrast = cut.std(axis=1, dtype=np.float64) / spread
            distance = float(np.abs(np.log(contrast + 1e-12)).sum())
            if distance < best_distance and _leaves_room(free, region, patch_size):
                best, best_distance = region, distance
    if best is None:
        raise ImageError(
            f"{name} of {height}x{width} pixels has no room for a validation block of "
            f"{block[0]}x{block[1]} beside a patch of {patch_size}x{patch_size}: use a larger "
            "image, a smaller patch size, or more fields."
        )
    return best


def _edge(size: int, fraction: float) -> int:
    """Edge of a block that, squared, is about `fraction` of the field."""
    edge: int = round(size * fraction**0.5 / GRID) * GRID
    return int(min(max(edge, 2 * GRID), size))


def _starts(last: int) -> list[int]:
    """About ten corners from 0 to `last`, on the grid but for the last."""
    step = max(GRID, last // 10 // GRID * GRID)
    return sorted({*range(0, last + 1, step), last}) if last >= 0 else []


def _leaves_room(free: NDArray[np.bool_], block: Region, patch_size: int) -> bool:
    """Whether a patch still fits into the free pixels once the block is taken."""
    left = free.copy()
    left[block.y0 : block.y1, block.x0 : block.x1] = False
    return bool(window_sums(left, patch_size).max(initial=0) == patch_size**2)


def window_sums(values: np.ndarray, size: int) -> NDArray[np.float64]:
    """Sum over every size x size window, by its upper left corner: (Y - size + 1, X - size + 1)."""
    look()
    if min(values.shape) < size:
        return np.zeros((0, 0))
    total = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    np.cumsum(np.cumsum(values, axis=0, dtype=np.float64), axis=1, out=total[1:, 1:])
    sums = total[size:, size:] - total[:-size, size:] - total[size:, :-size] + total[:-size, :-size]
    return np.asarray(sums)
