"""Choice of the region of interest among the viewer's shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Shapes
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.widgets.parts.controls import in_a_column, refill
from napari_denoisplit.widgets.parts.fields import narrow_box

if TYPE_CHECKING:
    from napari_denoisplit.widgets.layers.place import ViewerRef


class RegionChoice(QWidget):
    """The whole image, or the shapes of a layer."""

    changed = Signal()  # another region was chosen, or layers of shapes came or went

    def __init__(self, viewer: ViewerRef, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layers: list[Shapes] = []
        self.box = narrow_box(
            "Region of interest",
            "Use the pixels in the rectangles, ellipses and polygons of a Shapes layer.",
            self,
        )
        self.setLayout(in_a_column(self.box))
        self.setFocusProxy(self.box)
        self.reset_choices()
        self.box.currentIndexChanged.connect(self.changed)

    @property
    def shapes(self) -> Shapes | None:
        """The chosen layer; None for the whole image."""
        row = self.box.currentIndex() - 1
        return self._layers[row] if 0 <= row < len(self._layers) else None

    @property
    def has_any(self) -> bool:
        """Whether there is a layer of shapes to choose."""
        return bool(self._layers)

    def reset_choices(self) -> None:
        """Follow the viewer's layers."""
        before, viewer = self.shapes, self._viewer()
        every = [] if viewer is None else viewer.layers
        self._layers = [layer for layer in every if isinstance(layer, Shapes)]
        items = [("the whole image", None), *((f"in {layer.name}", None) for layer in self._layers)]
        rows = [row for row, layer in enumerate(self._layers, start=1) if layer is before]
        refill(self.box, items, rows[0] if rows else 0)
        self.changed.emit()
