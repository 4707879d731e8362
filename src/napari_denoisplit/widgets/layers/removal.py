"""Layers that a widget takes away, without getting in napari's way."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari.layers import Layer

    from napari_denoisplit.widgets.layers.place import ViewerRef


class LayerRemoval:
    """Takes away layers of the widget, and shows again what they had hidden.

    While napari removes selected layers one by one, it must find each in its place: what a widget
    takes away in answer to such a removal goes a moment later.

    Parameters
    ----------
    viewer
        Where the layers are.
    """

    def __init__(self, viewer: ViewerRef) -> None:
        self._viewer = viewer
        self._waits = False

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Take nothing away before napari has done what it is at."""
        before, self._waits = self._waits, True
        try:
            yield
        finally:
            self._waits = before

    def remove(self, layers: Sequence[Layer], hidden: Sequence[Layer] = ()) -> None:
        """Take layers away, those of them that are still there, and show others again."""
        act = partial(_remove, self._viewer, tuple(layers), tuple(hidden))
        if self._waits:
            QTimer.singleShot(0, act)
        else:
            act()


def _remove(viewer: ViewerRef, layers: tuple[Layer, ...], hidden: tuple[Layer, ...]) -> None:
    alive = viewer()
    if alive is None:
        return
    there = {id(layer) for layer in alive.layers}
    for layer in layers:
        if id(layer) in there:
            alive.layers.remove(layer)
    for layer in hidden:
        if id(layer) in there:
            layer.visible = True
