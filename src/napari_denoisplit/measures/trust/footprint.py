"""Where on an image something is measured: a pixel, an area or a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_denoisplit.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_LARGEST_STEP = 1.0  # pixels between two points of a line
_PIECE = 2048  # rows and columns that are read at once
_MOST_POINTS = 2**25  # of an area; the places of more would take GiB


@dataclass(frozen=True, slots=True, eq=False)
class Footprint:
    """P points of a plane."""

    kind: Literal["pixel", "area", "line"]
    y: Floats
    """(P,), pixels; 0 is the middle of the first row. Whole numbers but for a line."""
    x: Floats
    """(P,)"""
    distance: Floats | None = None
    """(P,), of a line: distance from its beginning, pixels."""

    def __len__(self) -> int:
        return len(self.y)

    @property
    def box(self) -> tuple[slice, slice]:
        """Smallest part of the plane that holds everything the values depend on."""
        return tuple(
            slice(int(np.floor(at.min())), int(np.ceil(at.max())) + 1) for at in (self.y, self.x)
        )  # type: ignore[return-value]

    def pieces(self) -> Iterator[tuple[NDArray[np.intp] | slice, Footprint]]:
        """Divide it, so that no piece's box is larger than 2048 rows and columns or so.

        Yields
        ------
        Which points, and these as a footprint of their own.
        """
        box = self.box
        if all(part.stop - part.start <= _PIECE for part in box):
            yield slice(None), self
            return
        rows, columns = ((at // _PIECE).astype(np.int32) for at in (self.y, self.x))
        for row in range(box[0].start // _PIECE, box[0].stop // _PIECE + 1):
            in_row = np.flatnonzero(rows == row)
            for column in range(box[1].start // _PIECE, box[1].stop // _PIECE + 1):
                at = in_row[columns[in_row] == column]
                if len(at):
                    distance = None if self.distance is None else self.distance[at]
                    yield at, Footprint(self.kind, self.y[at], self.x[at], distance)

    def values(self, crop: NDArray[Any]) -> NDArray[np.float32]:
        """Values at the points, between pixels by bilinear interpolation.

        Parameters
        ----------
        crop
            (..., y, x), the image within `box`.

        Returns
        -------
        (..., P)
        """
        y, x = self.y - self.box[0].start, self.x - self.box[1].start
        if self.kind != "line":
            at: NDArray[np.float32] = crop[..., y.astype(np.intp), x.astype(np.intp)]
            return at
        from scipy.ndimage import map_coordinates  # takes 0.2 s; only lines need it

        planes = crop.reshape(-1, *crop.shape[-2:]).astype(np.float32, copy=False)
        between = [map_coordinates(plane, (y, x), order=1, mode="nearest") for plane in planes]
        return np.reshape(between, (*crop.shape[:-2], len(self))).astype(np.float32, copy=False)


def pixel(y: int, x: int) -> Footprint:
    """Return a single pixel."""
    return Footprint("pixel", np.array([float(y)]), np.array([float(x)]))


def area(mask: NDArray[np.bool_], corner: tuple[int, int] = (0, 0)) -> Footprint:
    """Every pixel that is set in a mask.

    Parameters
    ----------
    mask
        (y, x)
    corner
        Pixel of the image at which the mask begins.

    Raises
    ------
    ImageError
        No pixel is set, or tens of millions are.
    """
    n_points = np.count_nonzero(mask)
    if n_points > _MOST_POINTS:
        raise ImageError(
            f"The area has {n_points:,} pixels; up to {_MOST_POINTS:,} can be measured at once: "
            "draw a smaller one."
        )
    y, x = np.nonzero(mask)
    if not len(y):
        raise ImageError("The region covers no pixel of the image: draw it on the image.")
    return Footprint("area", y.astype(np.float64) + corner[0], x.astype(np.float64) + corner[1])


def line(corners: NDArray[Any], shape: tuple[int, int]) -> Footprint:
    """Points along a line from corner to corner, at equal distances of a pixel at most.

    Parameters
    ----------
    corners
        (V, 2): Y, X in pixels, two or more.
    shape
        Size of the image along Y and X; what lies outside of it is left out.

    Raises
    ------
    ImageError
        The line has no length, or lies outside the image.
    """
    corners = np.asarray(corners, dtype=np.float64)
    lengths = np.hypot(*np.diff(corners, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    if not along[-1] > 0:
        raise ImageError("The line has no length: draw it from one place to another.")
    n_points = int(np.ceil(along[-1] / _LARGEST_STEP)) + 1
    distance = np.linspace(0, along[-1], n_points)
    y, x = (np.interp(distance, along, corners[:, axis]) for axis in (0, 1))
    inside = (y >= 0) & (x >= 0) & (y <= shape[0] - 1) & (x <= shape[1] - 1)
    if not inside.any():
        raise ImageError("The line does not touch the image: draw it on the image.")
    return Footprint("line", y[inside], x[inside], distance[inside])
