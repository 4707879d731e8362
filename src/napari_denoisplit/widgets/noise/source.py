"""How the signal behind the noise is known, and in which images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QLabel, QSizePolicy, QWidget

from napari_denoisplit.errors import ImageError
from napari_denoisplit.widgets.choosers.layer import LayerChoice
from napari_denoisplit.widgets.choosers.path import PathChoice
from napari_denoisplit.widgets.choosers.region import RegionChoice
from napari_denoisplit.widgets.layers.place import image_of_layer
from napari_denoisplit.widgets.layers.region import region_of_shapes
from napari_denoisplit.widgets.noise.input import NoiseInput
from napari_denoisplit.widgets.parts.dropping import TIFF_SUFFIXES
from napari_denoisplit.widgets.parts.fields import form_layout, narrow_box

if TYPE_CHECKING:
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.settings import NoiseSource
    from napari_denoisplit.widgets.layers.place import ViewerRef
    from napari_denoisplit.widgets.layers.region import Region

FROM_LAYERS, FROM_FILES = "layers", "files"
_MOST_CHANNELS = 16
_SOURCES: dict[NoiseSource, tuple[str, str]] = {
    "repeats": (
        "repeated exposures",
        "One field imaged again and again (T axis): its mean over time is the signal. The most "
        "reliable way; 10 exposures or more are best.",
    ),
    "pairs": (
        "a noisy and a clean image",
        "The clean image shows the same field with a long exposure or averaged: it is the signal.",
    ),
    "bootstrap": (
        "noisy images alone",
        "A denoiser is trained on the noisy images, which takes minutes; its result is the signal.",
    ),
    "single": (
        "one noisy image, at once",
        "Flat places of the image tell how the noise grows with the signal. Takes seconds, and is "
        "the least exact way.",
    ),
}


class NoiseSourceChoice(QWidget):
    """Choice of the source of the signal, the images, the channel and the region."""

    changed = Signal()  # something else is to be learned from

    def __init__(self, viewer: ViewerRef, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source = narrow_box(
            "How the signal is known", "How the signal behind the noise is known."
        )
        for source, (title, _) in _SOURCES.items():
            self.source.addItem(title, source)
        self.explanation = QLabel(self)
        self.explanation.setWordWrap(True)
        self.explanation.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.kind = narrow_box("Where the images come from", "Layers of the viewer, or files.")
        self.kind.addItem("layers", FROM_LAYERS)
        self.kind.addItem("files", FROM_FILES)
        self.layer = LayerChoice(viewer, "Noisy image", parent=self)
        self.clean_layer = LayerChoice(viewer, "Clean image", parent=self)
        pattern = f"TIFF files ({' '.join(f'*{suffix}' for suffix in TIFF_SUFFIXES)})"
        self.file, self.clean_file = (
            PathChoice(f"{name} image", pattern, saving=False, folders=True, parent=self)
            for name in ("Noisy", "Clean")
        )
        self.channel = narrow_box("Channel", "Which channel; each has a noise of its own.")
        self.region = RegionChoice(viewer, self)
        self._form = form_layout(self)
        self._form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.DontWrapRows)
        self._lay_out()
        self._connect()
        self._on_layer()

    def _connect(self) -> None:
        for box in (self.source, self.kind, self.channel):
            box.currentIndexChanged.connect(self._refresh)
        self.source.currentIndexChanged.connect(self._prefer_time)
        self.layer.changed.connect(self._on_layer)
        for part in (self.clean_layer, self.file, self.clean_file, self.region):
            part.changed.connect(self._refresh)

    def _lay_out(self) -> None:
        self._form.addRow("Signal", self.source)
        self._form.addRow(self.explanation)
        self._form.addRow("From", self.kind)
        self._form.addRow("Noisy", self.layer)
        self._form.addRow("Noisy", self.file)
        self._form.addRow("Clean", self.clean_layer)
        self._form.addRow("Clean", self.clean_file)
        self._form.addRow("Channel", self.channel)
        self._form.addRow("Region", self.region)

    @property
    def chosen_source(self) -> NoiseSource:
        """Where the signal comes from."""
        source: NoiseSource = self.source.currentData()
        return source

    @property
    def problem(self) -> str:
        """Why nothing can be learned from the choice; empty if something can."""
        pairs = self.chosen_source == "pairs"
        if self.kind.currentData() == FROM_FILES:
            paths = [self.file.path, self.clean_file.path if pairs else self.file.path]
            if None in paths:
                what = "or drop a TIFF or OME-Zarr image" if paths[0] is None else "a clean image"
                return f"Choose {what}."
            missing = [path for path in paths if path is not None and not path.exists()]
            return f"{missing[0]} does not exist." if missing else ""
        problem = self.layer.problem or (self.clean_layer.problem if pairs else "")
        if not problem and pairs and self.layer.layer is self.clean_layer.layer:
            problem = "The noisy and the clean image are the same layer: choose another for one."
        if not problem and self.chosen_source == "repeats" and "T" not in self.layer.axes:
            problem = "Repeated exposures need an image with a time axis; choose another signal."
        return problem

    def chosen(self) -> NoiseInput:
        """Take what is to be learned from.

        Raises
        ------
        ImageError
            It cannot be used.
        """
        if self.problem:
            raise ImageError(self.problem)
        noisy, clean = self._images()
        return NoiseInput(
            source=self.chosen_source,
            noisy=noisy,
            clean=clean if self.chosen_source == "pairs" else None,
            channel=self.channel.currentData(),
            region=self._region(),
        )

    def images_chosen(self) -> NoiseInput | None:
        """Take the images alone, even if nothing can be learned from them; None if there are none.

        Raises
        ------
        ImageError
            A layer cannot be used.
        """
        files = self.kind.currentData() == FROM_FILES
        if (self.file.path is None or not self.file.path.is_file()) if files else not self._axes():
            return None
        noisy, clean = self._images()
        if isinstance(clean, Path) and not clean.is_file():
            clean = None
        clean = clean if self.chosen_source == "pairs" else None
        return NoiseInput(self.chosen_source, noisy, clean, self.channel.currentData())

    def _axes(self) -> str:
        return "" if self.layer.problem else self.layer.axes

    def _images(self) -> tuple[Image | Path, Image | Path | None]:
        if self.kind.currentData() == FROM_FILES:
            if self.file.path is None:
                raise ImageError(self.problem)
            return self.file.path, self.clean_file.path
        if self.layer.layer is None:
            raise ImageError(self.layer.problem)
        clean = None
        if self.clean_layer.layer is not None and not self.clean_layer.problem:
            clean = image_of_layer(self.clean_layer.layer, self.clean_layer.axes)
        return image_of_layer(self.layer.layer, self.layer.axes), clean

    def _region(self) -> Region | None:
        shapes, layer = self.region.shapes, self.layer.layer
        if shapes is None or layer is None or self.kind.currentData() != FROM_LAYERS:
            return None
        return region_of_shapes(shapes, layer, self.layer.axes)

    def add_files(self, paths: list[Path]) -> None:
        """Take a noisy file, and a clean one after it where that is asked for."""
        self.kind.setCurrentIndex(self.kind.findData(FROM_FILES))
        self.file.set_path(paths[0])
        if self.chosen_source == "pairs" and len(paths) > 1:
            self.clean_file.set_path(paths[1])

    def reset_choices(self) -> None:
        """Follow the viewer's layers."""
        for part in (self.layer, self.clean_layer, self.region):
            part.reset_choices()

    def _on_layer(self) -> None:
        self._prefer_time()
        self._spread()
        self._refresh()

    def _spread(self) -> None:
        """Propose another layer for the clean image than for the noisy one."""
        if self.clean_layer.layer is self.layer.layer:
            others = [one for one in self.clean_layer.layers() if one is not self.layer.layer]
            if others:
                self.clean_layer.layer = others[0]

    def _prefer_time(self, *_: object) -> None:
        """Read an axis that nobody has labelled as time where repeats are asked for."""
        layer, box = self.layer.layer, self.layer.axes_box
        if self.chosen_source != "repeats" or layer is None or "T" in self.layer.axes:
            return
        if any(not str(label).lstrip("-").isdigit() for label in layer.axis_labels):
            return
        with_time = [index for index in range(box.count()) if "T" in box.itemData(index)]
        if with_time:
            box.setCurrentIndex(with_time[0])

    def _offer_channels(self) -> None:
        known = self.kind.currentData() == FROM_LAYERS
        n = 1
        if known and "C" in self.layer.axes and self.layer.layer is not None:
            n = image_of_layer(self.layer.layer, self.layer.axes).n_channels
        offered: list[int | None] = list(range(n)) if known else [None, *range(_MOST_CHANNELS)]
        if offered != [self.channel.itemData(row) for row in range(self.channel.count())]:
            self.channel.blockSignals(True)
            self.channel.clear()
            for number in offered:
                text = "the only one" if number is None else f"channel {number + 1}"
                self.channel.addItem(text, number)
            self.channel.blockSignals(False)
        self._show_row(self.channel, len(offered) > 1)

    def _refresh(self, *_: object) -> None:
        pairs = self.chosen_source == "pairs"
        layers = self.kind.currentData() == FROM_LAYERS
        self.explanation.setText(_SOURCES[self.chosen_source][1])
        self._show_row(self.layer, layers)
        self._show_row(self.file, not layers)
        self._show_row(self.clean_layer, pairs and layers)
        self._show_row(self.clean_file, pairs and not layers)
        self._show_row(self.region, layers and self.region.has_any)
        self._offer_channels()
        self.changed.emit()

    def _show_row(self, control: QWidget, shown: bool) -> None:
        control.setVisible(shown)
        label = self._form.labelForField(control)
        if isinstance(label, QLabel):
            label.setVisible(shown)
