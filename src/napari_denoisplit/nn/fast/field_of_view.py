"""What of each size of the top-down pass a part of its result depends on.

Context around a part is needed in full where features are coarse, and hardly at all where they are
as fine as the image: there only the last few convolutions look sideways. Most of the work is there,
so it is worth not to do it where nobody looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

ALIGNED = 4
"""Windows begin and end at multiples of this, which suits Winograd's algorithm."""

WORTH = 0.9
"""Share of the doubled maps above which they are used as they are: cutting costs a copy."""

Span = tuple[int, int]


class Window(NamedTuple):
    """Rows and columns of feature maps, half-open."""

    y: Span
    x: Span

    @classmethod
    def of(cls, slices: tuple[slice, slice]) -> Window:
        """Take the window that these slices cut."""
        y, x = slices
        return cls((y.start, y.stop), (x.start, x.stop))

    @classmethod
    def of_all(cls, shape: Sequence[int]) -> Window:
        """Take maps (Y, X) as a whole."""
        return cls((0, shape[0]), (0, shape[1]))

    @property
    def corner(self) -> tuple[int, int]:
        """First row and column."""
        return self.y[0], self.x[0]

    @property
    def area(self) -> int:
        """Positions in it."""
        (top, bottom), (left, right) = self
        return (bottom - top) * (right - left)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Cut maps (..., Y, X) by this."""
        return slice(*self.y), slice(*self.x)

    def within(self, y0: int, x0: int) -> Window:
        """Count from another row and column."""
        (top, bottom), (left, right) = self
        return Window((top - y0, bottom - y0), (left - x0, right - x0))


def needed_windows(
    wanted: Window, shapes: Sequence[tuple[int, int]], n_blocks: int, n_final: int = 1
) -> list[Window]:
    """Find the windows in which the top-down pass must work for a part of its result.

    Parameters
    ----------
    wanted
        Part of the result.
    shapes
        Rows and columns of the result and of each level, the finest first.
    n_blocks
        Residual blocks, of two 3x3 convolutions each, behind every doubling of the size.
    n_final
        Residual blocks before the output.

    Returns
    -------
    list of Window
        One for each of `shapes`.
    """
    up = 2 * n_blocks
    top = len(shapes) - 1
    windows: list[Window] = []
    for size, shape in enumerate(shapes):
        if size == 0:
            radius = 1 + 2 * n_final + up  # output, final blocks
        elif size == top:
            radius = 1 + 1  # doubling, latents
        else:
            radius = 1 + 2 + 1 + 1 + 2 + up  # doubling, skip, latents, posterior, merge
        before = wanted if size == 0 else _halved(windows[-1])
        windows.append(
            Window(*(_grown(span, radius, n) for span, n in zip(before, shape, strict=True)))
        )
    for size in range(top - 1, -1, -1):
        doubled = Window(*((2 * a, 2 * b) for a, b in windows[size + 1]))
        if windows[size].area > WORTH * doubled.area:
            windows[size] = doubled
    return windows


def _halved(window: Window) -> Window:
    """Find the same place in maps that are half as large."""
    (top, bottom), (left, right) = window
    return Window((top // 2, -(-bottom // 2)), (left // 2, -(-right // 2)))


def _grown(span: Span, by: int, size: int) -> Span:
    first, last = (span[0] - by) // ALIGNED, -(-(span[1] + by) // ALIGNED)
    return max(0, first * ALIGNED), min(size, last * ALIGNED)
