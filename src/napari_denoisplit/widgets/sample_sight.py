"""Which part of large planes of samples is on screen, and at which resolution it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_denoisplit.widgets.view_watch import ViewWatch, view_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_denoisplit.images.sample_levels import SampleLevels, Window
    from napari_denoisplit.widgets.layers import ViewerRef
    from napari_denoisplit.widgets.sample_sets import SampleSet

__all__ = ["SampleSight"]


class SampleSight(QObject):
    """Follows the camera over the samples of a set whose planes are large.

    Parameters
    ----------
    viewer
        Whose camera.
    shifts
        Tells how far along X each picture lies from the first, in pixels.
    """

    moved = Signal()  # another part is on screen

    def __init__(
        self, viewer: ViewerRef, shifts: Callable[[], Sequence[float]], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._viewer, self._shifts = viewer, shifts
        self._levels: SampleLevels | None = None
        self._chosen: SampleSet | None = None
        self._watch: ViewWatch | None = None
        self._window: Window | None = None

    def begin(self, chosen: SampleSet, levels: SampleLevels | None) -> None:
        """Follow the camera, if the planes are large."""
        self.end()
        if levels is None or not levels.is_large:
            return
        self._chosen, self._levels = chosen, levels
        self._watch = ViewWatch(self._viewer, chosen.layers[0], chosen.axes, self)
        self._watch.moved.connect(self.moved)

    def end(self) -> None:
        """Follow it no more."""
        if self._watch is not None:
            self._watch.close()
            self._watch.deleteLater()
        self._watch = self._chosen = self._levels = self._window = None

    def window(self) -> Window | None:
        """Part that is needed now; None: the whole plane, at full resolution."""
        chosen, levels, viewer = self._chosen, self._levels, self._viewer()
        if chosen is None or levels is None or viewer is None:
            return None
        spans = self._spans()
        if spans is None:
            # In 3D or in a grid: all of it, as well as one can see that much.
            height, width = chosen.stack.plane_shape
            self._window = levels.window((0, height), (0, width), 0.0, self._window)
        else:
            self._window = levels.window(*spans, self._zoom(viewer), self._window)
        return self._window

    def is_covered(self, window: Window) -> bool:
        """Whether a part shows all that is on screen."""
        spans = self._spans()
        return self._levels is not None and spans is not None and self._levels.shows(window, *spans)

    def _spans(self) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """Rows and columns on screen, those of all pictures together."""
        chosen, viewer = self._chosen, self._viewer()
        if chosen is None or viewer is None:
            return None
        focus = view_of(viewer, chosen.layers[0], chosen.axes)
        if focus is None:
            return None
        width = chosen.stack.plane_shape[1]
        seen = [
            (max(focus.x[0] - round(shift), 0), min(focus.x[1] - round(shift), width))
            for shift in self._shifts()
        ]
        seen = [span for span in seen if span[0] < span[1]] or [focus.x]
        return focus.y, (min(low for low, _ in seen), max(high for _, high in seen))

    def _zoom(self, viewer: Any) -> float:
        """Pixels of the screen for a pixel of the full resolution."""
        camera = getattr(viewer, "scene", viewer).camera  # in the scene from napari 0.9 on
        place = self._chosen.place if self._chosen is not None else None
        step = min(abs(place.scale.get(axis, 1.0)) for axis in "YX") if place else 1.0
        return float(camera.zoom) * step
