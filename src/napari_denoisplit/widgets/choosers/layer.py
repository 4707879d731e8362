"""Choice of an image layer, with what its axes mean in plain sight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import create_widget
from napari.layers import Image as ImageLayer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.layer_record import kind_of, record_of
from napari_denoisplit.images.place import AXIS_NAMES
from napari_denoisplit.widgets.layers.place import full_resolution, possible_axes
from napari_denoisplit.widgets.parts.controls import in_a_column, refill
from napari_denoisplit.widgets.parts.fields import make_narrow, narrow_box

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_denoisplit.widgets.layers.place import ViewerRef

_CHARACTERS = 12  # of a layer's name that a narrow dock must show
_NOTHING = "choose an image"


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
    others
        Layers of the structures that stand beside this one, where there are such: the first layer
        is proposed that none of them has and that was not split, which shows several structures.
        By itself it begins with the active layer, else with the topmost visible one.
        What the plugin made of images is proposed by neither.
    follows
        Whether it follows what is opened or activated later, until the user chooses: not where
        layers stand beside it, which would then be taken for it.
    """

    changed = Signal()  # another layer or another meaning of its axes was chosen
    picked = Signal()  # the user, not what follows the viewer, has chosen a layer

    def __init__(
        self,
        viewer: ViewerRef,
        name: str,
        *,
        with_channels: bool = False,
        others: Callable[[], list[ImageLayer | None]] | None = None,
        follows: bool = False,
    ) -> None:
        super().__init__()
        self._viewer = viewer
        self._name, self._with_channels, self._others = name, with_channels, others
        self._is_chosen = False  # by the user or the program: it stays while the layer does
        self._described: ImageLayer | None = None
        self._layers = _layer_list(self._offered, name)
        box = self._layers.native
        make_narrow(box, name, f"{name}: an image layer of the viewer.", characters=_CHARACTERS)
        box.setPlaceholderText("no image is open")
        self.axes_box = narrow_box(
            f"Axes of {name}",
            "What the axes of the layer mean; its axis labels are followed if it has them.",
            self,
            characters=_CHARACTERS,
        )
        self.setLayout(in_a_column(box, self.axes_box))
        self._follows = follows
        self._connect()
        self.propose()
        self._on_layer()

    def _connect(self) -> None:
        self.setFocusProxy(self._layers.native)
        self._layers.changed.connect(self._on_layer)
        self._layers.native.activated.connect(self._pick)
        self.axes_box.currentIndexChanged.connect(self.changed)
        if (alive := self._viewer()) is not None and self._follows:
            alive.layers.selection.events.active.connect(self._follow)

    @property
    def layer(self) -> ImageLayer | None:
        """The chosen layer; None where there is none."""
        layer: ImageLayer | None = self._layers.value
        return layer

    @layer.setter
    def layer(self, layer: ImageLayer) -> None:
        self._is_chosen = True
        self._layers.value = layer

    def layers(self) -> tuple[ImageLayer, ...]:
        """Layers that may stand beside others: the user's first, then the truth of a sample."""
        there = self._there()
        mine = [one for one in there if not kind_of(one.metadata)]
        return (*mine, *(one for one in there if kind_of(one.metadata) == "truth"))

    @property
    def axes(self) -> str:
        """A letter for each axis of the layer; empty where it cannot be used."""
        return self.axes_box.currentData() or ""

    @property
    def problem(self) -> str:
        """Why the choice cannot be used; empty if it can."""
        if self.layer is None and self._layers.choices:
            if self._others is not None:
                return f"Choose a layer for {self._name}, open an image of it, or use files."
            return "The open layers are results: choose one, open an image, or use files."
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
        before = self.layer
        self._layers.reset_choices()
        self._is_chosen = self._is_chosen and self.layer is before
        stays = before is not None and self.layer is before and self._fits(before)
        if not stays or before not in self._meant():
            self.propose()
        self._follow()
        self._on_layer()

    def _follow(self, event: object = None) -> None:
        """Take the layer that has become active, unless one was chosen or a job is running."""
        viewer = self._viewer()
        if viewer is None or not self._follows or self._is_chosen or not self.isEnabled():
            return
        active = viewer.layers.selection.active
        mine = [one for one in self._listed() if one is active]
        if mine and mine[0] is not self.layer and self._fits(mine[0]):
            self._layers.value = mine[0]

    def _pick(self, *_: object) -> None:
        self._is_chosen = True
        self.picked.emit()

    def propose(self) -> None:
        """Begin with the layer that is most likely meant, unless one was chosen."""
        viewer = self._viewer()
        if self._is_chosen or viewer is None:
            return
        own = self._listed()
        # What does not fit is said to be so; a result is never meant.
        fitting = [one for one in own if self._fits(one)] or own
        if self._others is None:
            active = viewer.layers.selection.active
            order = list(viewer.layers)
            # The best last: the active layer, then visible ones, then those further up.
            fitting.sort(key=lambda one: (one is active, one.visible, order.index(one)))
            fitting.reverse()
        if fitting or None in self._layers.choices:
            self._layers.value = fitting[0] if fitting else None

    def _there(self) -> list[ImageLayer]:
        return [one for one in self._layers.choices if one is not None]

    def _offered(self) -> list[tuple[str, ImageLayer | None]]:
        """Name the image layers; none of them comes first where none is likely to be meant."""
        images = _image_layers(self._viewer)
        nothing = images and not self._meant()
        return [*([(_NOTHING, None)] if nothing else []), *((str(x), x) for x in images)]

    def _fits(self, layer: ImageLayer) -> bool:
        try:
            return bool(possible_axes(layer, with_channels=self._with_channels))
        except ImageError:
            return False

    def _listed(self) -> list[ImageLayer]:
        """Those to propose that the list has; it follows the viewer a moment later."""
        there = self._there()
        return [one for one in self._meant() if one in there]

    def _meant(self) -> list[ImageLayer]:
        """Layers to propose: none that the plugin made (a result, a preview, a sample's truth)."""
        images = _image_layers(self._viewer)
        own = [layer for layer in images if not kind_of(layer.metadata)]
        if self._others is None:
            return own
        were_split = {record_of(layer.metadata).get("input") for layer in images}
        taken = self._others()
        return [one for one in own if one not in taken and one.name not in were_split]

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


def _layer_list(offered: Callable[[], Any], name: str) -> Any:
    """Make magicgui's list of image layers."""
    return create_widget(
        annotation=ImageLayer,
        label=name,
        options={"choices": lambda _: offered(), "nullable": False},
    )


def _image_layers(viewer: ViewerRef) -> list[ImageLayer]:
    alive = viewer()
    return [] if alive is None else [x for x in alive.layers if isinstance(x, ImageLayer)]


def _mapping(axes: str, layer: Any) -> str:
    shape = full_resolution(layer).shape
    return " × ".join(f"{AXIS_NAMES[axis]} {size}" for axis, size in zip(axes, shape, strict=True))
