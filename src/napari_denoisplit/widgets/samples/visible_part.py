"""Which part of large planes of samples is on screen, and at which resolution it is needed."""

from __future__ import annotations

from math import ceil, floor
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_denoisplit.widgets.layers.view import ViewWatch, camera_of, view_of
from napari_denoisplit.widgets.samples.picture_row import PictureRow, row_on_screen, whole_row

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_denoisplit.images.results.levels import SplitLevels, Window
    from napari_denoisplit.sampling.focus import Focus
    from napari_denoisplit.widgets.layers.found import FoundResult
    from napari_denoisplit.widgets.layers.place import ViewerRef

_ALL = 0.9  # of the plane's rows on screen that are as good as all
_FILLED = 0.95  # of the screen, by pictures that are seen as a whole


class VisiblePart(QObject):
    """Follows the camera over the samples of a set whose planes are large.

    Parameters
    ----------
    viewer
        Whose camera.
    n_beside
        Tells how many pictures are to stand side by side.
    """

    moved = Signal()  # another part is on screen

    def __init__(self, viewer: ViewerRef, n_beside: Callable[[], int], parent: QObject) -> None:
        super().__init__(parent)
        self._viewer, self._n_beside = viewer, n_beside
        self._levels: SplitLevels | None = None
        self._chosen: FoundResult | None = None
        self._watch: ViewWatch | None = None
        self._window: Window | None = None

    def begin(self, chosen: FoundResult, levels: SplitLevels | None) -> None:
        """Follow the camera, if the planes are large."""
        self.end()
        if levels is None or not levels.is_large:
            return
        self._chosen, self._levels = chosen, levels
        self._watch = ViewWatch(self._viewer, chosen.samples[0], chosen.sample_axes, self)
        self._watch.moved.connect(self.moved)

    def end(self) -> None:
        """Follow it no more."""
        if self._watch is not None:
            self._watch.close()
            self._watch.deleteLater()
        self._watch = self._chosen = self._levels = self._window = None

    @property
    def is_on(self) -> bool:
        """Whether the camera is followed."""
        return self._chosen is not None

    def window(self) -> Window | None:
        """Part that is needed now; None: the whole plane, at full resolution."""
        chosen, levels, viewer = self._chosen, self._levels, self._viewer()
        if chosen is None or levels is None or viewer is None:
            return None
        spans = self._spans()
        if spans is None:
            # In 3D or in a grid: all of it, as well as one can see that much.
            height, width = chosen.split.plane_shape
            self._window = levels.window((0, height), (0, width), 0.0, self._window)
        else:
            self._window = levels.window(*spans, self._zoom(viewer), self._window)
        return self._window

    def is_covered(self, window: Window) -> bool:
        """Whether a part shows all that is on screen."""
        spans = self._spans()
        return self._levels is not None and spans is not None and self._levels.shows(window, *spans)

    def row(self) -> PictureRow | None:
        """Where pictures side by side are to lie; None where planes are not large."""
        focus = self._focus()
        if self._chosen is None:
            return None
        width = self._chosen.split.plane_shape[1]
        return (
            whole_row(width) if focus is None else row_on_screen(width, self._n_beside(), focus.x)
        )

    def fit(self) -> None:
        """Turn the camera so that all pictures are seen as a whole, if the whole was seen before.

        A detail that somebody looks at stays where it is.
        """
        chosen, viewer, focus = self._chosen, self._viewer(), self._focus()
        if chosen is None or viewer is None or focus is None:
            return
        height, width = chosen.split.plane_shape
        seen_y, seen_x = (b - a for a, b in (focus.y, focus.x))
        if seen_y < height or (seen_x < width and seen_y < _ALL * height):
            return
        pitch, n = whole_row(width).pitch, self._n_beside()
        total = (n - 1) * pitch + width
        camera = camera_of(viewer)
        middle = chosen.place.world("YX", ((height - 1) / 2, (total - 1) / 2))
        camera.center = (*camera.center[:-2], *middle)
        camera.zoom *= _FILLED * min(seen_y / height, seen_x / total)

    def _focus(self) -> Focus | None:
        """Return what the camera sees, in pixels of the plane."""
        chosen, viewer = self._chosen, self._viewer()
        if chosen is None or viewer is None:
            return None
        return view_of(viewer, chosen.samples[0], chosen.sample_axes)

    def _spans(self) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """Rows and columns on screen, those of all pictures together."""
        focus, row = self._focus(), self.row()
        if self._chosen is None or focus is None or row is None:
            return None
        if row.x is not None:
            return focus.y, (floor(row.x[0]), ceil(row.x[1]))
        width = self._chosen.split.plane_shape[1]
        seen = [
            (max(focus.x[0] - round(shift), 0), min(focus.x[1] - round(shift), width))
            for shift in row.shifts(self._n_beside())
        ]
        seen = [span for span in seen if span[0] < span[1]] or [focus.x]
        return focus.y, (min(low for low, _ in seen), max(high for _, high in seen))

    def _zoom(self, viewer: Any) -> float:
        """Pixels of the screen for a pixel of the full resolution."""
        step = 1.0 if self._chosen is None else self._chosen.place.step
        return float(camera_of(viewer).zoom) * step
