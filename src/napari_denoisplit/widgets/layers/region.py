"""A region of interest that was drawn on an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import ImageError

if TYPE_CHECKING:
    from napari.layers import Image as ImageLayer
    from napari.layers import Shapes
    from numpy.typing import NDArray

_AREAS = ("rectangle", "polygon", "ellipse")
_ELLIPSE_CORNERS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """Outlines on an image."""

    outlines: tuple[NDArray[np.float64], ...]
    """Each (V, 2): corners Y, X in pixels of the image; 0 is the middle of the first pixel."""
    name: str

    def mask(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Rasterize the outlines.

        Parameters
        ----------
        shape
            Size of the image along Y and X.

        Returns
        -------
        (Y, X), True where the middle of a pixel lies in an outline.

        Raises
        ------
        ImageError
            No pixel of the image does.
        """
        mask = np.zeros(shape, dtype=bool)
        for outline in self.outlines:
            _fill(mask, outline)
        if not mask.any():
            raise ImageError(
                f"The region {self.name!r} covers no pixel of the image (Y, X: {shape}): draw it "
                "on the image, or use the whole image."
            )
        return mask


def region_of_shapes(shapes: Shapes, layer: ImageLayer, axes: str) -> Region:
    """Take the outlines of the shapes that have an area, where they lie on an image.

    Parameters
    ----------
    shapes
        Layer of shapes, with any scale and shift of its own.
    layer
        Layer of the image.
    axes
        A letter for each axis of the image.

    Raises
    ------
    ImageError
        There is no shape with an area.
    """
    outlines = [
        outline_on_image(corners, kind, shapes, layer, axes)
        for corners, kind in zip(shapes.data, shapes.shape_type, strict=True)
        if kind in _AREAS
    ]
    if not outlines:
        raise ImageError(
            f"{shapes.name!r} holds no rectangle, ellipse or polygon: draw the region as one of "
            "them, or use the whole image."
        )
    return Region(tuple(outlines), shapes.name)


def outline_on_image(
    corners: Any, kind: str, shapes: Shapes, layer: ImageLayer, axes: str
) -> NDArray[np.float64]:
    """Corners (V, 2) of one shape of a layer, Y, X in pixels of an image; an ellipse is a polygon.

    Parameters
    ----------
    corners, kind
        One of `shapes.data`, and its type.
    shapes, layer, axes
        As in `region_of_shapes`.
    """
    return _on_image(_outline(np.asarray(corners), kind), shapes, layer, axes)


def _outline(corners: NDArray[Any], kind: str) -> NDArray[Any]:
    """Return corners of a shape; an ellipse is given by those of the rectangle around it."""
    if kind != "ellipse":
        return corners
    middle = corners.mean(axis=0)
    across, down = (corners[1] - corners[0]) / 2, (corners[3] - corners[0]) / 2
    turn = np.linspace(0, 2 * np.pi, _ELLIPSE_CORNERS, endpoint=False)[:, None]
    return np.asarray(middle + np.cos(turn) * across + np.sin(turn) * down)


def _on_image(
    corners: NDArray[Any], shapes: Shapes, layer: ImageLayer, axes: str
) -> NDArray[np.float64]:
    n_dims = max(layer.ndim, shapes.ndim)
    found = np.empty((len(corners), 2))
    for row, corner in enumerate(corners):
        world = np.zeros(n_dims)
        world[n_dims - shapes.ndim :] = shapes.data_to_world(corner)
        data = layer.world_to_data(world[n_dims - layer.ndim :])
        found[row] = data[axes.index("Y")], data[axes.index("X")]
    return found


def _fill(mask: NDArray[np.bool_], outline: NDArray[np.float64]) -> None:
    """Set the pixels whose middle lies in the outline, by the even-odd rule, row by row."""
    first = max(int(np.ceil(outline[:, 0].min())), 0)
    last = min(int(np.floor(outline[:, 0].max())), mask.shape[0] - 1)
    (y0, x0), (y1, x1) = outline.T, np.roll(outline, -1, axis=0).T
    for y in range(first, last + 1):
        crossing = (y0 <= y) != (y1 <= y)
        share = (y - y0[crossing]) / (y1[crossing] - y0[crossing])
        at = np.sort(x0[crossing] + share * (x1[crossing] - x0[crossing]))
        for begin, end in zip(np.ceil(at[::2]), np.floor(at[1::2]), strict=True):
            mask[y, max(int(begin), 0) : max(int(end) + 1, 0)] = True
