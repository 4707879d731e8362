"""Where a part of a plane lies: what is read for it, what is sampled, and what is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

from napari_denoisplit.sampling.border import border_of, bordered, within
from napari_denoisplit.sampling.tiles import grown, tile_grid

if TYPE_CHECKING:
    from napari_denoisplit.sampling.tiles import Tile

A = TypeVar("A")
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Frame:
    """A part of a plane and the context around it, or the whole plane and its border.

    `whole` and `around` make it.
    """

    y: Span
    x: Span
    """Rows and columns of the image that are kept, half-open."""
    rows: Span
    columns: Span
    """What is read, in the bordered plane; multiples of what the ladder divides."""
    part: tuple[Span, Span]
    """Rows and columns of what is read that are sampled; the rest is context."""
    corner: tuple[int, int]
    """Row and column of what is read at which that what is kept begins."""

    @classmethod
    def whole(cls, height: int, width: int, multiple: int) -> Self:
        """All of a plane, whose border is sampled along.

        Parameters
        ----------
        height, width
            Of the plane.
        multiple
            What the ladder divides.
        """
        rows, columns = (0, bordered(height, multiple)), (0, bordered(width, multiple))
        border = border_of(multiple)
        return cls((0, height), (0, width), rows, columns, (rows, columns), (border, border))

    @classmethod
    def around(cls, y: Span, x: Span, shape: tuple[int, int], context: int, multiple: int) -> Self:
        """Rows and columns of a plane, with their context.

        Parameters
        ----------
        y, x
            Half-open, within the plane.
        shape
            Rows and columns of the plane.
        context
            On each side, a multiple of `multiple`; at the edges of the plane it is the border.
        multiple
            What the ladder divides.
        """
        (kept_y, rows), (kept_x, columns) = (
            span_to_read(span, n, context, multiple) for span, n in zip((y, x), shape, strict=True)
        )
        part = (
            (kept_y[0] - rows[0], kept_y[1] - rows[0]),
            (kept_x[0] - columns[0], kept_x[1] - columns[0]),
        )
        border = border_of(multiple)
        corner = (y[0] + border - rows[0], x[0] + border - columns[0])
        return cls(y, x, rows, columns, part, corner)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns that are kept."""
        return self.y[1] - self.y[0], self.x[1] - self.x[0]

    @property
    def read_shape(self) -> tuple[int, int]:
        """Rows and columns that are read."""
        return self.rows[1] - self.rows[0], self.columns[1] - self.columns[0]

    @property
    def origin(self) -> tuple[int, int]:
        """Row and column of the bordered plane at which what is read begins."""
        return self.rows[0], self.columns[0]

    @property
    def offset(self) -> tuple[int, int]:
        """What is added to rows and columns of the image to count in what is read."""
        return self.corner[0] - self.y[0], self.corner[1] - self.x[0]

    def tiles(self, tile_size: int | None, overlap: int, multiple: int) -> list[Tile]:
        """Tiles of what is read that cover what is sampled; see `tile_grid`."""
        return tile_grid(*self.read_shape, tile_size, overlap, multiple, self.part)

    def cropped(self, read: A) -> A:
        """Cut what is kept out of images (..., Y, X) of what is read."""
        (top, left), (height, width) = self.corner, self.shape
        kept: A = read[..., top : top + height, left : left + width]  # type: ignore[index]
        return kept

    def shown(self, tile: Tile) -> tuple[Span, Span]:
        """Rows and columns of what is kept that the inner part of a tile covers; may be empty."""
        inner = (tile.inner_y, tile.inner_x)
        (y, x) = (
            (min(max(first - start, 0), n), min(max(last - start, 0), n))
            for (first, last), start, n in zip(inner, self.corner, self.shape, strict=True)
        )
        return y, x


def span_to_read(span: Span, size: int, context: int, multiple: int) -> tuple[Span, Span]:
    """Rows (or columns) of the bordered plane that are sampled of a part, and read for it.

    Parameters
    ----------
    span
        Rows of the part in the image, half-open.
    size
        Rows of the image.
    context
        On each side, a multiple of `multiple`; at the edges of the image it is the border.
    multiple
        What the ladder divides.
    """
    kept = within(span, multiple)
    return kept, grown(kept, context, bordered(size, multiple))
