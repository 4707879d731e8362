"""Which part of a layer is on screen."""

from __future__ import annotations

from itertools import product
from math import floor
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from napari_denoisplit.images.image import AXES
from napari_denoisplit.sampling.focus import Focus
from napari_denoisplit.widgets.layers.place import full_resolution

if TYPE_CHECKING:
    from napari.layers import Image as ImageLayer

    from napari_denoisplit.widgets.layers.place import ViewerRef

_PAUSE_MS = 0
"""Between a movement and the look at where it led: when all of it has happened, since a zoom also
moves the middle of the view. No longer, for somebody waits."""
_TOO_SMALL = 0.1  # of the screen: nothing can be seen of a layer as small as that
_MARGIN = 0.95  # of the screen that a layer fills which is brought there
_LAYER_EVENTS = ("scale", "translate", "rotate", "shear", "affine")


def view_of(viewer: Any, layer: ImageLayer, axes: str) -> Focus | None:
    """Find the part of an image layer that is on screen.

    Parameters
    ----------
    viewer
        A viewer or its model.
    layer
        Multiscale or not; rows and columns are those of its full resolution.
    axes
        A letter for each axis of the layer.

    Returns
    -------
    Plane over T and Z, in this order, rows and columns, which may reach beyond the image; None
    where the screen does not show Y and X of one plane: in 3D, in grid mode, with other axes in
    front, or at a step that the layer does not have.
    """
    dims = viewer.dims
    n_more = dims.ndim - layer.ndim  # axes that other layers have in front
    shown = [axis - n_more for axis in dims.displayed]
    if dims.ndisplay != 2 or min(shown) < 0 or {axes[axis] for axis in shown} != set("YX"):
        return None
    if _canvas(viewer).grid.enabled:
        return None
    corners = np.array([layer.world_to_data(corner) for corner in _corners(viewer)])
    middle = corners.mean(axis=0)
    plane = []
    for axis in AXES:
        if axis in axes and axis not in "CYX":
            at = axes.index(axis)
            plane.append(floor(middle[at] + 0.5))
            if not 0 <= plane[-1] < full_resolution(layer).shape[at]:
                return None
    # The middle of a pixel is at a whole number.
    y, x = (
        (floor(corners[:, at].min() + 0.5), floor(corners[:, at].max() + 0.5) + 1)
        for at in (axes.index("Y"), axes.index("X"))
    )
    return Focus(tuple(plane), y, x)


def bring_into_view(viewer: Any, layer: ImageLayer, axes: str) -> None:
    """Move the view to a layer that is not on screen, or too small there to be seen.

    Parameters
    ----------
    viewer, layer, axes
        See `view_of`; nothing happens where that finds no view.
    """
    view = view_of(viewer, layer, axes)
    if view is None:
        return
    size = [full_resolution(layer).shape[axes.index(axis)] for axis in "YX"]
    seen = view.within(size[0], size[1], max(size))
    on_screen = view.y[1] - view.y[0], view.x[1] - view.x[0]
    share = max(n / of for n, of in zip(size, on_screen, strict=True))
    if seen.n_pixels and share > _TOO_SMALL:
        return
    shown = list(viewer.dims.displayed)
    low, high = (edge[[axis - viewer.dims.ndim for axis in shown]] for edge in layer.extent.world)
    camera = camera_of(viewer)
    camera.zoom = _MARGIN * float(np.min(np.divide(_canvas_size(viewer), high - low)))
    camera.center = (*camera.center[:-2], *((low + high) / 2))


class ViewWatch(QObject):
    """Tells when another part of a layer is on screen.

    Parameters
    ----------
    viewer
        Where the layer is.
    layer, axes
        See `view_of`.
    """

    moved = Signal(object)  # a Focus, or None: see view_of

    def __init__(
        self, viewer: ViewerRef, layer: ImageLayer, axes: str, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._viewer, self._layer, self._axes = viewer, layer, axes
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE_MS)
        self._timer.timeout.connect(self._look)
        self._emitters = _emitters(viewer(), layer)
        for emitter in self._emitters:
            emitter.connect(self._on_move)
        self._view = self._now()

    @property
    def view(self) -> Focus | None:
        """What is on screen, as far as known; may be asked from any thread."""
        return self._view

    def close(self) -> None:
        """Watch no longer."""
        self._timer.stop()
        for emitter in self._emitters:
            emitter.disconnect(self._on_move)
        self._emitters = []

    def _on_move(self, event: object = None) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _look(self) -> None:
        view = self._now()
        if view != self._view:
            self._view = view
            self.moved.emit(view)

    def _now(self) -> Focus | None:
        viewer = self._viewer()
        if viewer is None or not any(one is self._layer for one in viewer.layers):
            return None
        return view_of(viewer, self._layer, self._axes)


def _emitters(viewer: Any, layer: ImageLayer) -> list[Any]:
    """Whatever may change what is on screen."""
    if viewer is None:
        return []
    camera, dims, canvas = camera_of(viewer).events, viewer.dims.events, _canvas(viewer)
    found = [camera.center, camera.zoom, dims.point, dims.order, dims.ndisplay, dims.ndim]
    found += [canvas.grid.events.enabled, viewer.layers.events.removed]
    if hasattr(canvas, "size"):
        found.append(canvas.events.size)
    return found + [getattr(layer.events, name) for name in _LAYER_EVENTS]


def _corners(viewer: Any) -> list[Any]:
    """Corners of the canvas in world coordinates."""
    camera = camera_of(viewer)
    half = np.divide(_canvas_size(viewer), 2 * camera.zoom)
    found = []
    for signs in product((-1, 1), repeat=2):
        corner = np.array(viewer.dims.point, float)
        corner[list(viewer.dims.displayed)] = camera.center[-2:] + half * signs
        found.append(corner)
    return found


def camera_of(viewer: Any) -> Any:
    """Return the camera of a viewer or of its model."""
    return getattr(viewer, "scene", viewer).camera  # in the scene from napari 0.9 on


def grid_of(viewer: Any) -> Any:
    """Return the grid of a viewer or of its model, in which layers stand side by side."""
    return _canvas(viewer).grid


def _canvas(viewer: Any) -> Any:
    return getattr(viewer, "canvas", viewer)


def _canvas_size(viewer: Any) -> tuple[int, int]:
    """Rows and columns of the canvas; before napari 0.9 its size had no public name."""
    canvas = _canvas(viewer)
    height, width = canvas.size if hasattr(canvas, "size") else viewer._canvas_size  # noqa: SLF001
    return height, width
