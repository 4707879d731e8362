"""Choice of a layer of some kind, or of none: shapes for the region of interest, labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Shapes
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.widgets.parts.controls import in_a_column, refill
from napari_denoisplit.widgets.parts.fields import narrow_box

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_denoisplit.widgets.layers.place import ViewerRef


class LayerOrNone(QWidget):
    """Nothing, or a layer of some kind.

    Parameters
    ----------
    viewer
        Whose layers to choose from.
    is_offered
        Whether a layer can be chosen.
    name, help_text
        What the choice is called, and its tooltip.
    nothing
        What it is called to choose none.
    """

    changed = Signal()  # another layer was chosen, or such layers came or went
    picked = Signal()  # the user, not what follows the viewer, has chosen

    def __init__(
        self,
        viewer: ViewerRef,
        is_offered: Callable[[Any], bool],
        name: str,
        help_text: str,
        nothing: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer, self._is_offered, self._nothing = viewer, is_offered, nothing
        self.layers: list[Any] = []
        """Those to choose from."""
        self.box = narrow_box(name, help_text, self)
        self.setLayout(in_a_column(self.box))
        self.setFocusProxy(self.box)
        self.reset_choices()
        self.box.currentIndexChanged.connect(self.changed)
        self.box.activated.connect(self.picked)

    @property
    def layer(self) -> Any:
        """The chosen layer; None for nothing."""
        row = self.box.currentIndex() - 1
        return self.layers[row] if 0 <= row < len(self.layers) else None

    @layer.setter
    def layer(self, layer: Any) -> None:
        rows = [row for row, one in enumerate(self.layers, start=1) if one is layer]
        self.box.setCurrentIndex(rows[0] if rows else 0)

    def reset_choices(self) -> None:
        """Follow the viewer's layers."""
        before, viewer = self.layer, self._viewer()
        self.layers = [x for x in (() if viewer is None else viewer.layers) if self._is_offered(x)]
        rows = [row for row, layer in enumerate(self.layers, start=1) if layer is before]
        items = [(self._nothing, None), *((layer.name, None) for layer in self.layers)]
        refill(self.box, items, rows[0] if rows else 0)
        self.changed.emit()


def region_choice(viewer: ViewerRef, parent: QWidget) -> LayerOrNone:
    """Make the choice of the region of interest: the whole image, or the shapes of a layer."""
    return LayerOrNone(
        viewer,
        lambda layer: isinstance(layer, Shapes),
        "Region of interest",
        "Use the pixels in the rectangles, ellipses and polygons of a Shapes layer.",
        "the whole image",
        parent,
    )
