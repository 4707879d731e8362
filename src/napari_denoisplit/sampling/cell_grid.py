"""A grid of cells over a plane, and rectangles of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from napari_denoisplit.sampling.border import round_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Patch:
    """A rectangle of cells of one plane, half-open."""

    plane: tuple[int, ...]
    rows: Span
    columns: Span

    @property
    def n_rows(self) -> int:
        """Cells along Y."""
        return self.rows[1] - self.rows[0]

    @property
    def n_columns(self) -> int:
        """Cells along X."""
        return self.columns[1] - self.columns[0]

    def cells(self) -> Iterator[tuple[tuple[int, ...], int, int]]:
        """Plane, row and column of every cell, row by row."""
        for row in range(*self.rows):
            for column in range(*self.columns):
                yield self.plane, row, column

    def part(self, rows: Span, columns: Span) -> Patch:
        """Cut a rectangle out, counted from the first cell."""
        (top, _), (left, _) = self.rows, self.columns
        return replace(
            self,
            rows=(top + rows[0], top + rows[1]),
            columns=(left + columns[0], left + columns[1]),
        )


@dataclass(frozen=True, slots=True)
class CellGrid:
    """Square cells over a plane; those at the lower and right edge may be smaller."""

    shape: tuple[int, int]
    """Size of the plane with the padding of the ladder, pixels."""
    edge: int

    @classmethod
    def over(cls, shape: tuple[int, ...], edge: int, multiple: int) -> Self:
        """Lay a grid over a plane (Y, X).

        Parameters
        ----------
        shape
            Size of the plane without padding.
        edge
            Of a cell, rounded up to a multiple of `multiple`.
        multiple
            What the ladder divides.
        """
        height, width = (round_up(n, multiple) for n in shape)
        return cls((height, width), round_up(edge, multiple))

    def covering(self, plane: tuple[int, ...], y: Span, x: Span) -> Patch:
        """Find the cells that a range of rows and columns touches; none outside of the plane."""
        rows, columns = (
            (first // self.edge, -(-last // self.edge)) if first < last else (0, 0)
            for first, last in (
                (max(0, a), min(b, n)) for (a, b), n in zip((y, x), self.shape, strict=True)
            )
        )
        return Patch(plane, rows, columns)

    def pixels(self, patch: Patch) -> tuple[Span, Span]:
        """Rows and columns of a patch in pixels."""
        y, x = (
            (min(a * self.edge, n), min(b * self.edge, n))
            for (a, b), n in zip((patch.rows, patch.columns), self.shape, strict=True)
        )
        return y, x

    def cell(self, key: tuple[tuple[int, ...], int, int]) -> tuple[Span, Span]:
        """Rows and columns of one cell in pixels."""
        plane, row, column = key
        return self.pixels(Patch(plane, (row, row + 1), (column, column + 1)))


def rectangles(wanted: NDArray[np.bool_], largest: int) -> list[tuple[Span, Span]]:
    """Cut the wanted cells of a patch into rectangles, half-open rows and columns.

    Parameters
    ----------
    wanted
        (rows, columns)
    largest
        Most cells along an edge; longer stretches are cut evenly, since a rest of one cell would
        cost its context.
    """
    left = wanted.copy()
    found = []
    for row, column in zip(*np.nonzero(wanted), strict=True):
        if not left[row, column]:
            continue
        n_columns = _even(_run(left[row, column:]), largest)
        full = np.asarray(left[row:, column : column + n_columns].all(axis=1))
        n_rows = _even(_run(full), largest)
        rows, columns = (int(row), int(row) + n_rows), (int(column), int(column) + n_columns)
        left[slice(*rows), slice(*columns)] = False
        found.append((rows, columns))
    return found


def _run(wanted: NDArray[np.bool_]) -> int:
    """Length of the stretch of True at the beginning."""
    return len(wanted) if wanted.all() else int(np.argmin(wanted))


def _even(length: int, largest: int) -> int:
    """Length of the first of equal parts, none longer than `largest`."""
    n_parts = -(-length // largest)
    return -(-length // n_parts)
