"""What to work on: a layer of the viewer, or files one after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QLabel, QWidget

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import AXES, Image
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.widgets.choosers.layer import LayerChoice
from napari_denoisplit.widgets.layers.place import Place, image_of_layer, place_of_layer
from napari_denoisplit.widgets.parts.dropping import IMAGE_SUFFIXES, FileList
from napari_denoisplit.widgets.parts.fields import form_layout, guard_wheel, narrow_box, tooltip

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari.layers import Image as ImageLayer

    from napari_denoisplit.widgets.layers.place import ViewerRef

FROM_LAYER = "layer"
FROM_FILES = "files"
_MOST_CHANNELS = 16
_SUPERPOSED = -1


@dataclass(frozen=True, slots=True)
class SplitInput:
    """One image to be split, as chosen at the click."""

    name: str
    image: Image | None
    """Of a layer; None for a file, which is read in the background."""
    path: Path | None
    layer: ImageLayer | None
    place: Place | None
    channel: int | None
    """Which channel to take of an image that has several; None superposes them."""


def single_channel(image: Image, channel: int | None, weights: Sequence[float]) -> Image:
    """Take the one channel of an image that is to be split, axes in the order of T, Z, Y, X.

    Parameters
    ----------
    image
        With or without a channel axis.
    channel
        Which channel to take; None superposes all, as the model was trained.
    weights
        Weight of each structure in the superposition.

    Raises
    ------
    ImageError
        The image does not have that channel, or not one channel per weight.
    """
    rest = "".join(axis for axis in AXES if axis in image.axes and axis != "C")
    if image.n_channels == 1:
        return image.transposed(rest)
    if channel is None and image.n_channels != len(weights):
        raise ImageError(
            f"{image.name!r} has {image.n_channels} channels and the model {len(weights)} "
            "structures, so they cannot be superposed: choose the channel that shows all "
            "structures together."
        )
    if channel is not None and channel >= image.n_channels:
        raise ImageError(
            f"{image.name!r} has {image.n_channels} channels: there is no channel {channel + 1}."
        )
    last = image.transposed(rest[:-2] + "CYX")
    data = superpose(last.data, weights) if channel is None else last.data[..., channel, :, :]
    return replace(last, data=data, axes=rest, channel_names=())


class ImageSource(QWidget):
    """Choice between a layer and a list of files, with what belongs to each.

    Parameters
    ----------
    viewer
        Whose layers to choose from.
    verb
        What is done with the image, e.g. "Split".
    one_channel
        Whether one channel is used of an image that has several; else all are.
    """

    changed = Signal()  # something else is chosen

    def __init__(
        self,
        viewer: ViewerRef,
        parent: QWidget | None = None,
        *,
        verb: str = "Split",
        one_channel: bool = True,
    ) -> None:
        super().__init__(parent)
        self._one_channel = one_channel
        self.kind = QComboBox(self)
        self.kind.setAccessibleName("Where the image comes from")
        self.kind.setToolTip(tooltip(f"{verb} a layer of the viewer, or files: TIFF or OME-Zarr."))
        self.kind.addItem("a layer", FROM_LAYER)
        self.kind.addItem("files", FROM_FILES)
        guard_wheel(self.kind)
        self.layer = LayerChoice(viewer, "Image", parent=self)
        self.files = FileList("TIFF or OME-Zarr images", IMAGE_SUFFIXES, self)
        self.channel = _channel_choice(self)
        self._form = form_layout(self)
        self._form.addRow("From", self.kind)
        self._form.addRow("Image", self.layer)
        self._form.addRow(self.files)
        self._form.addRow("Channel", self.channel)
        self.kind.currentIndexChanged.connect(self._refresh)
        self.layer.changed.connect(self._refresh)
        self.files.changed.connect(self._refresh)
        self._refresh()

    @property
    def problem(self) -> str:
        """Why nothing is chosen; empty if something is."""
        if self.kind.currentData() == FROM_LAYER:
            return self.layer.problem
        return "" if self.files.paths else "Add or drop TIFF or OME-Zarr images."

    def add_files(self, paths: list[Path]) -> None:
        """Put files into the queue and choose those."""
        self.kind.setCurrentIndex(self.kind.findData(FROM_FILES))
        self.files.add(paths)

    def chosen(self) -> tuple[SplitInput, ...]:
        """Take what is chosen, in turn.

        Raises
        ------
        ImageError
            The layer cannot be used.
        """
        channel = None if self.channel.currentData() == _SUPERPOSED else self.channel.currentData()
        if self.kind.currentData() == FROM_FILES:
            return tuple(
                SplitInput(path.name, None, path, None, None, channel) for path in self.files.paths
            )
        layer = self.layer.layer
        if layer is None or self.layer.problem:
            raise ImageError(self.layer.problem)
        image = image_of_layer(layer, self.layer.axes)
        place = place_of_layer(layer, self.layer.axes)
        return (SplitInput(image.name, image, None, layer, place, channel),)

    def reset_choices(self) -> None:
        """Follow the viewer's layers."""
        self.layer.reset_choices()

    def _refresh(self, *_: object) -> None:
        from_layer = self.kind.currentData() == FROM_LAYER
        self._show_row(self.layer, from_layer)
        self._show_row(self.files, not from_layer)
        has_channels = not from_layer or "C" in self.layer.axes
        self._show_row(self.channel, self._one_channel and has_channels)
        self.changed.emit()

    def _show_row(self, control: QWidget, shown: bool) -> None:
        control.setVisible(shown)
        label = self._form.labelForField(control)
        if isinstance(label, QLabel):
            label.setVisible(shown)


def _channel_choice(parent: QWidget) -> QComboBox:
    box = narrow_box(
        "Channel",
        "For an image with channels: which one shows the structures together. Channels that "
        "show one structure each can be superposed as in training, to try a model out.",
        parent,
    )
    box.addItem("superpose, as trained", _SUPERPOSED)
    for channel in range(_MOST_CHANNELS):
        box.addItem(f"channel {channel + 1}", channel)
    return box
