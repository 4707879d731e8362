"""What a user looks at, and what it means for the order of work.

The order changes when something is there, never what it is: latent noise is a function of position.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from napari_denoisplit.sampling.tiles import Tile

LARGEST_VIEW = 1024
"""Rows and columns of a view that are split as one looks at it; a second or so of work."""


@dataclass(frozen=True, slots=True)
class Focus:
    """The part of an image that is in view."""

    plane: tuple[int, ...]
    """Index over the axes before Y and X, without C; () for a single plane."""
    y: tuple[int, int]
    x: tuple[int, int]
    """Rows and columns, half-open; they may reach beyond the image."""

    def within(self, height: int, width: int, largest: int) -> Focus:
        """Cut to an image, and to at most `largest` rows and columns around the middle."""
        y, x = (_middle(span, n, largest) for span, n in ((self.y, height), (self.x, width)))
        return replace(self, y=y, x=x)

    @property
    def n_pixels(self) -> int:
        """Pixels in view; none where the view lies beside the image."""
        return max(0, self.y[1] - self.y[0]) * max(0, self.x[1] - self.x[0])


class FocusSlot:
    """Takes views from one thread and gives the newest to another; older ones are dropped."""

    def __init__(self) -> None:
        self._newest: Focus | None = None
        self._there = threading.Event()

    def put(self, focus: Focus) -> None:
        """Take a view in the place of what is there."""
        self._newest = focus
        self._there.set()

    def take(self, seconds: float) -> Focus | None:
        """Wait for a view that was not taken yet; None if none comes in time."""
        if not self._there.wait(seconds):
            return None
        self._there.clear()  # before the look: a view that comes in between is seen twice, not lost
        return self._newest


FocusSource = Callable[[], Focus | None]
"""Says what is in view now, None where nothing is; called from the thread of the job."""


def planes_from(
    planes: Iterable[tuple[int, ...]], focus: FocusSource | None
) -> Iterator[tuple[int, ...]]:
    """Go through planes, always the one next that is nearest to the plane in view.

    Parameters
    ----------
    planes
        Indices of planes; their order holds where nothing is in view, and between equally near
        ones.
    focus
        Asked again before each plane.
    """
    left = list(planes)
    while left:
        view = focus() if focus is not None else None
        yield left.pop(0 if view is None else _nearest(left, view.plane))


def tiles_from(
    tiles: Sequence[Tile],
    plane: tuple[int, ...],
    focus: FocusSource | None,
    offset: tuple[int, int] = (0, 0),
) -> list[Tile]:
    """Sort tiles of a plane by their distance from the middle of the view, those in view first.

    Parameters
    ----------
    tiles, plane
        The tiles and their plane.
    focus
        What is in view.
    offset
        What is added to rows and columns of the image to count as the tiles do.
    """
    view = focus() if focus is not None else None
    if view is None or view.plane != plane:
        return list(tiles)
    view_y, view_x = (
        (a + shift, b + shift) for (a, b), shift in zip((view.y, view.x), offset, strict=True)
    )
    middle_y, middle_x = sum(view_y) / 2, sum(view_x) / 2

    def rank(tile: Tile) -> tuple[bool, float]:
        """Whether it is out of view, and the square of its distance from the middle."""
        in_view = _overlap(tile.inner_y, view_y) and _overlap(tile.inner_x, view_x)
        dy, dx = sum(tile.inner_y) / 2 - middle_y, sum(tile.inner_x) / 2 - middle_x
        return not in_view, dy * dy + dx * dx

    return sorted(tiles, key=rank)


def tiles_below(tiles: Sequence[Tile], tile: Tile) -> list[Tile]:
    """List the tiles whose features a top-down pass over `tile` reads, itself included."""
    return [
        other
        for other in tiles
        if _overlap(other.inner_y, tile.outer_y) and _overlap(other.inner_x, tile.outer_x)
    ]


def _middle(span: tuple[int, int], size: int, largest: int) -> tuple[int, int]:
    low, high = max(span[0], 0), min(span[1], size)
    if high - low <= largest:
        return low, high
    start = (low + high - largest) // 2
    return start, start + largest


def _nearest(planes: Sequence[tuple[int, ...]], plane: tuple[int, ...]) -> int:
    def steps(number: int) -> int:
        return sum(abs(a - b) for a, b in zip(planes[number], plane, strict=False))

    return min(range(len(planes)), key=steps)  # of equally near ones the first


def _overlap(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return a[0] < b[1] and b[0] < a[1]
