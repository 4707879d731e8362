"""A shape drawn on a picture, as the place where samples are measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Shapes
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.measures.trust.footprint import area, line
from napari_denoisplit.widgets.layers.region import Region, outline_on_image
from napari_denoisplit.widgets.layers.removal import LayerRemoval
from napari_denoisplit.widgets.layers.results import same_selection
from napari_denoisplit.widgets.layers.view import camera_of
from napari_denoisplit.widgets.parts.controls import button, in_a_row
from napari_denoisplit.widgets.parts.timer import timer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.images.place import Place
    from napari_denoisplit.measures.trust.footprint import Footprint
    from napari_denoisplit.widgets.layers.found import FoundResult
    from napari_denoisplit.widgets.layers.place import ViewerRef

LAYER = "measured places"
"""Name of the layer of shapes that is added for drawing."""
_LINES = ("line", "path")
_SETTLE_MS = 150  # after the last movement of a corner
_COLOUR = "#f0f0f0"
_WIDTH = 1.5  # of an outline, pixels of the screen at the zoom at which it is drawn


class DrawnPlace(QWidget):
    """Buttons to draw an area or a line; says when one was drawn, moved or chosen.

    Shapes of any layer count: the one that is selected, else the one drawn last.

    Parameters
    ----------
    viewer
        Where to draw.
    """

    changed = Signal()  # a shape was drawn, moved or chosen

    def __init__(self, viewer: ViewerRef, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._heard: list[Shapes] = []
        self._last: Shapes | None = None
        self.place: Place | None = None
        """Where the picture lies, so that what is drawn gets its scale and units."""
        self._timer = timer(self, self.changed.emit, _SETTLE_MS)
        self.area_button = button(
            "Draw an area",
            "Draw an outline: the mean over the area, with its interval.",
            lambda: self.draw("add_polygon"),
        )
        self.line_button = button(
            "Draw a line",
            "Draw a line: the profile along it, and its mean, with their intervals.",
            lambda: self.draw("add_line"),
        )
        self.setLayout(in_a_row(self.area_button, self.line_button))

    def draw(self, mode: str) -> None:
        """Let the user draw, on the layer of measured places."""
        viewer = self._viewer()
        if viewer is None:
            return
        layer = next((x for x in viewer.layers if isinstance(x, Shapes) and x.name == LAYER), None)
        if layer is None:
            layer = viewer.add_shapes(
                name=LAYER,
                edge_color=_COLOUR,
                face_color="transparent",
                ndim=2,
                **({} if self.place is None else self.place.keywords("YX")),
            )
        viewer.layers.selection.active = layer
        camera = camera_of(viewer)
        layer.current_edge_width = _WIDTH / (camera.zoom * float(min(abs(layer.scale))))
        layer.mode = mode

    def reset_choices(self) -> None:
        """Listen to the layers of shapes that there are."""
        viewer = self._viewer()
        every = [] if viewer is None else [x for x in viewer.layers if isinstance(x, Shapes)]
        for layer in every:
            if not any(layer is heard for heard in self._heard):
                layer.events.data.connect(self._on_data)
                layer.events.highlight.connect(self._on_highlight)
        self._heard = every

    def footprint(
        self, chosen: FoundResult, folded: Callable[[NDArray[Any]], NDArray[Any]]
    ) -> Footprint | None:
        """Pixels of the shape that was changed last; None where there is none.

        Raises
        ------
        ImageError
            The shape lies outside of the image.
        """
        layer = self._last
        if layer is None or not any(layer is x for x in self._heard) or not len(layer.data):
            return None
        selected = [n for n in layer.selected_data if n < len(layer.data)]
        number = max(selected) if selected else len(layer.data) - 1
        corners, kind = layer.data[number], str(layer.shape_type[number])
        if np.linalg.matrix_rank(corners - corners[0]) < (1 if kind in _LINES else 2):
            return None  # the first clicks of a shape that is being drawn
        points = outline_on_image(corners, kind, layer, chosen.samples[0], chosen.sample_axes)
        return footprint_of_shape(folded(points), kind, chosen.split.plane_shape)

    def _on_data(self, event: Any) -> None:
        self._last = event.source
        self._timer.start()

    def _on_highlight(self, event: Any) -> None:
        if event.source.selected_data and str(event.source.mode) == "select":
            self._on_data(event)


def footprint_of_shape(
    corners: NDArray[np.float64], kind: str, shape: tuple[int, int]
) -> Footprint:
    """Pixels of a shape: within its outline, or along it.

    Parameters
    ----------
    corners
        (V, 2): Y, X in pixels.
    kind
        What napari calls the shape.
    shape
        Size of the image.

    Raises
    ------
    ImageError
        The shape lies outside of the image, or covers no pixel.
    """
    if kind in _LINES:
        return line(corners, shape)
    low = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int)
    high = np.minimum(np.ceil(corners.max(axis=0)) + 1, shape).astype(int)
    size = int(high[0] - low[0]), int(high[1] - low[1])
    if min(size) <= 0:
        size = 1, 1  # outside: says so
    mask = Region((corners - low,), LAYER).mask(size)
    return area(mask, (int(low[0]), int(low[1])))


_SLACK = 4  # pixels of the screen that the mouse may move in a click
_LEFT = 1


class PixelClick(QObject):
    """Tells where the viewer was clicked, while it is on.

    Only a click with the left button and no key counts, without a drag, and while the active layer
    is in its pan and zoom mode: painting, drawing and panning go on as ever. Whoever owns it sets
    it off before it goes.

    Parameters
    ----------
    viewer
        Where to listen.
    """

    clicked = Signal(object)  # a place was clicked: its world coordinates

    def __init__(self, viewer: ViewerRef, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._on = False

    @property
    def is_on(self) -> bool:
        """Whether clicks are told."""
        return self._on

    def set_on(self, on: bool) -> None:
        """Listen, or listen no more."""
        viewer = self._viewer()
        if viewer is None or on == self._on:
            return
        self._on = on
        if on:
            viewer.mouse_drag_callbacks.append(self._on_press)
        else:
            viewer.mouse_drag_callbacks.remove(self._on_press)

    def _on_press(self, viewer: Any, event: Any) -> Generator[None, None, None]:
        if not self._on or event.button != _LEFT or event.modifiers or not _is_free(viewer):
            return
        begin, place = np.asarray(event.pos), tuple(event.position)
        yield
        while event.type == "mouse_move":
            yield
        if np.abs(np.asarray(event.pos) - begin).max() <= _SLACK:
            self.clicked.emit(place)


def _is_free(viewer: Any) -> bool:
    """Whether a click has no other meaning now."""
    active = viewer.layers.selection.active
    return viewer.dims.ndisplay == 2 and (active is None or str(active.mode) == "pan_zoom")


MARKER = "clicked pixel"
"""Name of the layer."""
_SHARE = 60  # of the picture's edge that a cross takes
_LEAST = 3  # pixels
_ON_SCREEN = (2, 36)  # least and most pixels of the screen; of a slide it would cover all


class PixelMarker:
    """One cross in each picture that shows the pixel.

    Parameters
    ----------
    viewer
        Where.
    """

    def __init__(self, viewer: ViewerRef) -> None:
        self._viewer = viewer
        self.removal = LayerRemoval(viewer)
        self._layer: Any = None

    def show(self, chosen: FoundResult, where: tuple[int, int], shifts: Sequence[float]) -> None:
        """Mark a pixel.

        Parameters
        ----------
        chosen
            The samples, for their place.
        where
            Y, X.
        shifts
            How far along X each picture lies from the first, in pixels.
        """
        viewer = self._viewer()
        if viewer is None:
            return
        points = np.array([(where[0], where[1] + shift) for shift in shifts], dtype=float)
        if self._alive():
            self._layer.data = points
            return
        with same_selection(viewer.layers.selection):
            self._layer = viewer.add_points(
                points,
                name=MARKER,
                symbol="cross",
                size=max(min(chosen.split.plane_shape) / _SHARE, _LEAST),
                face_color="white",
                border_color="black",
                border_width=0.15,
                canvas_size_limits=_ON_SCREEN,
                **chosen.place.keywords("YX"),
            )

    def remove(self) -> None:
        """Take the cross away."""
        if self._layer is not None:
            self.removal.remove([self._layer])
        self._layer = None

    def _alive(self) -> bool:
        viewer = self._viewer()
        return viewer is not None and any(layer is self._layer for layer in viewer.layers)
