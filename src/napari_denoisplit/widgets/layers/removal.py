"""Layers that a widget takes away, without getting in napari's way."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer

from napari_denoisplit.images.layer_record import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from napari.layers import Layer

    from napari_denoisplit.widgets.layers.place import ViewerRef


_DRAWING_MS = 50  # in which the canvas is drawn


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


def remove_in_turn(viewer: ViewerRef, layers: Iterable[Layer]) -> None:
    """Take layers away, those of them that are still there, one after the other.

    Several that go between two drawings, and others that come soon after, let drawing end in a
    segmentation fault: seen with napari 0.9.2 alone, vispy 0.17 and OpenGL in software.
    """
    first, *others = (*layers, None)
    if first is not None:
        _remove(viewer, (first,), ())
        QTimer.singleShot(_DRAWING_MS, partial(remove_in_turn, viewer, others[:-1]))


def remove_kind(viewer: ViewerRef, kind: str) -> None:
    """Take away all layers of the plugin that show this, see `layer_metadata`."""
    alive = viewer()
    shown = () if alive is None else alive.layers
    remove_in_turn(viewer, [layer for layer in shown if kind_of(layer.metadata) == kind])


def hide_kind(viewer: ViewerRef, kind: str) -> None:
    """Hide all layers of the plugin that show this.

    Where they are all that there is, to remove them while a job takes the processor lets drawing
    end in a segmentation fault, as of `remove_in_turn`, however long the pauses are.
    """
    alive = viewer()
    for layer in () if alive is None else alive.layers:
        if kind_of(layer.metadata) == kind:
            layer.visible = False
