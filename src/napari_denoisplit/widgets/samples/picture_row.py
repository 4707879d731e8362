"""Where pictures of the same place lie side by side."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

_GAP = 1.04  # distance of two pictures, in widths of one


@dataclass(frozen=True, slots=True)
class PictureRow:
    """Pictures of the same place, from left to right. All in pixels of the full resolution."""

    pitch: float
    """Distance of two pictures along X."""
    x: tuple[float, float] | None
    """Columns that each of them shows; None: all of the plane."""

    def shifts(self, n: int) -> tuple[float, ...]:
        """How far along X each of n pictures lies from the first."""
        return tuple(number * self.pitch for number in range(n))

    def number_at(self, x: float, n: int) -> int:
        """Which of n pictures is the nearest to a column of the viewer."""
        begin = -0.5 if self.x is None else self.x[0]
        return min(max(floor((x - begin) / self.pitch), 0), n - 1)

    def columns(self, left: float, step: float, n: int) -> slice:
        """Those of n columns that are shown.

        Parameters
        ----------
        left
            Middle of the first column.
        step
            Width of a column.
        n
            Their number.
        """
        if self.x is None:
            return slice(0, n)
        low = min(max(round((self.x[0] - left) / step), 0), n - 1)
        return slice(low, min(max(round((self.x[1] - left) / step), low + 1), n))


def whole_row(width: int) -> PictureRow:
    """Return pictures that show all of a plane."""
    return PictureRow(_GAP * width, None)


def row_on_screen(width: int, n: int, seen: tuple[float, float]) -> PictureRow:
    """Place n pictures so that all are on screen, each with its part of the same place.

    As much of the plane as the screen holds n times is shown, from the left edge of the screen on;
    all of it where that is less.

    Parameters
    ----------
    width
        Columns of the plane.
    n
        Number of pictures.
    seen
        Columns on screen; they may reach beyond the plane.
    """
    pitch = (seen[1] - seen[0]) / n
    if n < 2 or pitch >= _GAP * width:
        return whole_row(width)
    return PictureRow(pitch, (seen[0], seen[0] + pitch / _GAP))
