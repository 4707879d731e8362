"""A cross on the pixel that was clicked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.widgets.layers.removal import LayerRemoval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.widgets.layers.place import ViewerRef
    from napari_denoisplit.widgets.samples.sets import SampleSet

__all__ = ["MARKER", "PixelMarker"]

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

    def show(self, chosen: SampleSet, where: tuple[int, int], shifts: Sequence[float]) -> None:
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
        active = viewer.layers.selection.active
        self._layer = viewer.add_points(
            points,
            name=MARKER,
            symbol="cross",
            size=max(min(chosen.stack.plane_shape) / _SHARE, _LEAST),
            face_color="white",
            border_color="black",
            border_width=0.15,
            canvas_size_limits=_ON_SCREEN,
            **chosen.place.keywords("YX"),
        )
        if active is not None:
            viewer.layers.selection.active = active

    def remove(self) -> None:
        """Take the cross away."""
        if self._layer is not None:
            self.removal.remove([self._layer])
        self._layer = None

    def _alive(self) -> bool:
        viewer = self._viewer()
        return viewer is not None and any(layer is self._layer for layer in viewer.layers)
