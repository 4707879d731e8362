"""Tiles over a (Y, X) image: what is computed (outer) and what of it is kept (inner)."""

from __future__ import annotations

from dataclasses import dataclass

from napari_denoisplit.sampling.border import round_up


@dataclass(frozen=True, slots=True)
class Tile:
    """Rows and columns as half-open ranges in image pixels."""

    inner_y: tuple[int, int]
    inner_x: tuple[int, int]
    outer_y: tuple[int, int]
    outer_x: tuple[int, int]

    def outer(self, shrink: int = 1) -> tuple[slice, slice]:
        """Outer ranges at a level that is `shrink` times smaller."""
        return (
            slice(self.outer_y[0] // shrink, self.outer_y[1] // shrink),
            slice(self.outer_x[0] // shrink, self.outer_x[1] // shrink),
        )

    def inner(self, shrink: int = 1) -> tuple[slice, slice]:
        """Inner ranges at a level that is `shrink` times smaller."""
        return (
            slice(self.inner_y[0] // shrink, self.inner_y[1] // shrink),
            slice(self.inner_x[0] // shrink, self.inner_x[1] // shrink),
        )

    def inner_in_outer(self, shrink: int = 1) -> tuple[slice, slice]:
        """Inner ranges counted from the corner of the outer ones."""
        ranges = ((self.inner_y, self.outer_y[0]), (self.inner_x, self.outer_x[0]))
        y, x = (
            slice((inner[0] - start) // shrink, (inner[1] - start) // shrink)
            for inner, start in ranges
        )
        return y, x


def tile_grid(
    height: int,
    width: int,
    tile_size: int | None,
    overlap: int,
    multiple: int,
    part: tuple[tuple[int, int], tuple[int, int]] | None = None,
) -> list[Tile]:
    """Cut an image into tiles whose inner parts cover every pixel once.

    Parameters
    ----------
    height, width
        Size of the image; multiples of `multiple`.
    tile_size
        Outer edge of a tile; None is one tile for all.
    overlap
        Context on each side that is computed and not kept; none at the border of the image.
    multiple
        Every corner is a multiple of this, so that the levels of a ladder align.
    part
        Rows and columns that the inner parts cover, half-open and multiples of `multiple`; None
        is the whole image.

    Raises
    ------
    ValueError
        The overlap leaves nothing to keep.
    """
    overlap = round_up(overlap, multiple)
    if tile_size is None:
        tile_size = max(height, width) + 2 * overlap
    inner = (tile_size - 2 * overlap) // multiple * multiple
    if inner <= 0:
        raise ValueError(
            f"A tile of {tile_size} pixels keeps nothing within an overlap of {overlap} on each "
            f"side: use a tile of at least {2 * overlap + multiple}."
        )
    rows, columns = part or ((0, height), (0, width))
    return [
        Tile(y, x, grown(y, overlap, height), grown(x, overlap, width))
        for y in _ranges(rows, inner)
        for x in _ranges(columns, inner)
    ]


def grown(inner: tuple[int, int], by: int, size: int) -> tuple[int, int]:
    """Widen a half-open range by `by` on each side, within 0 and `size`."""
    return max(0, inner[0] - by), min(size, inner[1] + by)


def _ranges(whole: tuple[int, int], step: int) -> list[tuple[int, int]]:
    return [(start, min(start + step, whole[1])) for start in range(*whole, step)]
