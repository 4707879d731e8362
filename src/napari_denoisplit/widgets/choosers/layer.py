"""Choice of an image layer, with what its axes mean in plain sight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import create_widget
from napari.layers import Image as ImageLayer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_denoisplit.errors import ImageError
from napari_denoisplit.widgets.layers.place import AXIS_NAMES, possible_axes
from napari_denoisplit.widgets.parts.controls import refill
from napari_denoisplit.widgets.parts.fields import make_narrow, narrow_box

if TYPE_CHECKING:
    from napari_denoisplit.widgets.layers.place import ViewerRef

_CHARACTERS = 12  # of a layer's name that a narrow dock must show


class LayerChoice(QWidget):
    """A list of the viewer's image layers; below it, for a stack, the meaning of its axes.

    Parameters
    ----------
    viewer
        Whose layers to choose from.
    name
        What the layer is for, e.g. "Image".
    with_channels
        Whether the layer must have a channel axis.
    """

    changed = Signal()  # another layer or another meaning of its axes was chosen
    picked = Signal()  # the user, not what follows the viewer, has chosen a layer

    def __init__(
        self,
        viewer: ViewerRef,
        name: str,
        *,
        with_channels: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._with_channels = with_channels
        self._described: ImageLayer | None = None
        self._layers = _layer_list(viewer, name)
        box = self._layers.native
        make_narrow(box, name, f"{name}: an image layer of the viewer.", characters=_CHARACTERS)
        self.axes_box = narrow_box(
            f"Axes of {name}",
            "What the axes of the layer mean; its axis labels are followed if it has them.",
            self,
            characters=_CHARACTERS,
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(box)
        layout.addWidget(self.axes_box)
        self.setFocusProxy(box)
        self._layers.changed.connect(self._on_layer)
        box.activated.connect(self.picked)
        self.axes_box.currentIndexChanged.connect(self.changed)
        self._on_layer()

    @property
    def layer(self) -> ImageLayer | None:
        """The chosen layer; None where there is none."""
        layer: ImageLayer | None = self._layers.value
        return layer

    @layer.setter
    def layer(self, layer: ImageLayer) -> None:
        self._layers.value = layer

    def layers(self) -> tuple[ImageLayer, ...]:
        """Every layer to choose from."""
        return tuple(self._layers.choices)

    @property
    def axes(self) -> str:
        """A letter for each axis of the layer; empty where it cannot be used."""
        return self.axes_box.currentData() or ""

    @property
    def problem(self) -> str:
        """Why the choice cannot be used; empty if it can."""
        if self.layer is None:
            return "Open an image in napari first, or use files."
        try:
            if not possible_axes(self.layer, with_channels=self._with_channels):
                return f"{self.layer.name!r} has no axis that could hold channels."
        except ImageError as error:
            return str(error)
        return ""

    def reset_choices(self) -> None:
        """Follow the viewer: layers come, go and are renamed."""
        self._layers.reset_choices()
        self._on_layer()

    def _on_layer(self, *_: object) -> None:
        layer, before = self.layer, self.axes
        try:
            meanings = possible_axes(layer, with_channels=self._with_channels) if layer else ()
        except ImageError:
            meanings = ()
        stays = before in meanings and layer is self._described
        items = [(_mapping(axes, layer), axes) for axes in meanings]
        refill(self.axes_box, items, meanings.index(before) if stays else 0)
        self._described = layer
        self.axes_box.setVisible(any(len(axes) > 2 for axes in meanings))
        self.changed.emit()


def _layer_list(viewer: ViewerRef, name: str) -> Any:
    """Make magicgui's list of image layers."""
    return create_widget(
        annotation=ImageLayer,
        label=name,
        options={"choices": lambda _: _image_layers(viewer), "nullable": False},
    )


def _image_layers(viewer: ViewerRef) -> list[ImageLayer]:
    alive = viewer()
    return [] if alive is None else [x for x in alive.layers if isinstance(x, ImageLayer)]


def _mapping(axes: str, layer: Any) -> str:
    shape = (layer.data[0] if layer.multiscale else layer.data).shape
    return " × ".join(f"{AXIS_NAMES[axis]} {size}" for axis, size in zip(axes, shape, strict=True))
