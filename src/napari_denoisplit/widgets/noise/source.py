"""Choice of the images that a noise model is fitted to, and of how the signal in them is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.widgets.choosers.images import FILE, LAYER, ImageChooser, Role
from napari_denoisplit.widgets.choosers.region import region_choice
from napari_denoisplit.widgets.layers.region import region_of_shapes
from napari_denoisplit.widgets.noise.input import NoiseInput
from napari_denoisplit.widgets.parts.controls import Text
from napari_denoisplit.widgets.parts.fields import form_layout, narrow_box, show_row

if TYPE_CHECKING:
    from pathlib import Path

    from napari_denoisplit.settings import NoiseSource
    from napari_denoisplit.widgets.choosers.chosen import ChosenImage
    from napari_denoisplit.widgets.layers.place import ViewerRef
    from napari_denoisplit.widgets.layers.region import Region

_NOISY = Role(
    ways={LAYER: "a layer", FILE: "a file"},
    where="Where the noisy image comes from",
    help_text="A layer of the viewer, or a file: TIFF, OME-Zarr, CZI or MRC.",
    name="Noisy",
    missing="Choose or drop an image.",
    channel="Which channel; each has a noise of its own.",
    one_channel=True,
)
_CLEAN = replace(
    _NOISY,
    where="Where the clean image comes from",
    name="Clean",
    missing="Choose a clean image.",
    channel="",
)
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
            "How the signal is known",
            "How the signal behind the noise is known.",
            items={source: title for source, (title, _) in _SOURCES.items()},
        )
        self.explanation = Text("About the signal", self)
        self.noisy = ImageChooser(viewer, _NOISY, self)
        self.clean = ImageChooser(viewer, _CLEAN, self)
        self.region = region_choice(viewer, self)
        self._form = form_layout(self)
        self._form.addRow("Signal", self.source)
        for part in (self.explanation, self.noisy, self.clean):
            self._form.addRow(part)
        self._form.addRow("Region", self.region)
        self.source.currentIndexChanged.connect(self._on_noisy)
        self.noisy.changed.connect(self._on_noisy)
        self.clean.changed.connect(self._refresh)
        self.region.changed.connect(self._refresh)
        self._on_noisy()

    @property
    def chosen_source(self) -> NoiseSource:
        """Where the signal comes from."""
        source: NoiseSource = self.source.currentData()
        return source

    @property
    def problem(self) -> str:
        """Why nothing can be learned from the choice; empty if something can."""
        for chooser in self._choosers:
            if chooser.problem:
                return chooser.problem
        if self._is_pair and self.noisy.sources == self.clean.sources:
            return "The noisy and the clean image are the same layer: choose another for one."
        if self.chosen_source == "repeats" and self._is_layer and "T" not in self.noisy.layer.axes:
            return "Repeated exposures need an image with a time axis; choose another signal."
        return ""

    def chosen(self) -> NoiseInput:
        """Take what is to be learned from.

        Raises
        ------
        ImageError
            It cannot be used.
        """
        (noisy,) = self.noisy.chosen()
        clean = self.clean.chosen()[0] if self._is_pair else None
        return NoiseInput(self.chosen_source, noisy, clean, self._region())

    def images_chosen(self) -> list[ChosenImage]:
        """Take the images alone, even if nothing can be learned from them.

        An OME-Zarr image, which may be too large to look at, is left out.

        Raises
        ------
        ImageError
            A layer cannot be used.
        """
        if self.noisy.problem:
            return []
        images = [chooser.chosen()[0] for chooser in self._choosers if not chooser.problem]
        return [image for image in images if image.path is None or image.path.is_file()]

    def add_files(self, paths: list[Path]) -> None:
        """Take a noisy file, and a clean one after it where that is asked for."""
        for chooser, path in zip(self._choosers, paths, strict=False):
            chooser.add_files([path])

    def reset_choices(self) -> None:
        """Follow the viewer's layers."""
        for part in (self.noisy, self.clean, self.region):
            part.reset_choices()

    @property
    def _is_pair(self) -> bool:
        return self.chosen_source == "pairs"

    @property
    def _is_layer(self) -> bool:
        return self.noisy.way == LAYER

    @property
    def _choosers(self) -> list[ImageChooser]:
        return [self.noisy, self.clean] if self._is_pair else [self.noisy]

    def _region(self) -> Region | None:
        shapes, choice = self.region.layer, self.noisy.layer
        if shapes is None or choice.layer is None or not self._is_layer:
            return None
        return region_of_shapes(shapes, choice.layer, choice.axes)

    def _on_noisy(self, *_: object) -> None:
        self._prefer_time()
        self._spread()
        self._refresh()

    def _spread(self) -> None:
        """Propose another layer for the clean image than for the noisy one."""
        noisy, clean = self.noisy.layer, self.clean.layer
        if clean.layer is noisy.layer:
            others = [one for one in clean.layers() if one is not noisy.layer]
            if others:
                clean.layer = others[0]

    def _prefer_time(self) -> None:
        """Read an axis that nobody has labelled as time where repeats are asked for."""
        choice = self.noisy.layer
        layer, box = choice.layer, choice.axes_box
        if self.chosen_source != "repeats" or layer is None or "T" in choice.axes:
            return
        if any(not str(label).lstrip("-").isdigit() for label in layer.axis_labels):
            return
        with_time = [index for index in range(box.count()) if "T" in box.itemData(index)]
        if with_time:
            box.setCurrentIndex(with_time[0])

    def _refresh(self, *_: object) -> None:
        self.explanation.say(_SOURCES[self.chosen_source][1])
        self.clean.setVisible(self._is_pair)
        show_row(self._form, self.region, self._is_layer and bool(self.region.layers))
        self.changed.emit()
