"""Clicks on a picture, beside panning, painting and drawing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari_denoisplit.widgets.layers.place import ViewerRef

__all__ = ["PixelClick"]

_SLACK = 4  # pixels of the screen that the mouse may move in a click
_LEFT = 1


class PixelClick(QObject):
    """Tells where the viewer was clicked, while it is on.

    Only a click with the left button and no key counts, without a drag, and while the active layer
    is in its pan and zoom mode: painting, drawing and panning go on as ever.

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
        # Not a method of this object, which is gone by then as far as Qt is concerned.
        parent.destroyed.connect(partial(_forget, viewer, self._on_press))

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


def _forget(viewer: ViewerRef, callback: Callable[..., Any], *_: object) -> None:
    alive = viewer()
    if alive is not None and callback in alive.mouse_drag_callbacks:
        alive.mouse_drag_callbacks.remove(callback)


def _is_free(viewer: Any) -> bool:
    """Whether a click has no other meaning now."""
    active = viewer.layers.selection.active
    return viewer.dims.ndisplay == 2 and (active is None or str(active.mode) == "pan_zoom")
