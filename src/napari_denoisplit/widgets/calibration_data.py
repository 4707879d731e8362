"""What to calibrate with: images of the structures, and what their split is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_denoisplit.errors import ImageError
from napari_denoisplit.widgets.channel_source import LAYERS, ChannelSource
from napari_denoisplit.widgets.fields import form_layout, guard_wheel, tooltip
from napari_denoisplit.widgets.image_source import ImageSource

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari.layers import Image as ImageLayer

    from napari_denoisplit.widgets.channel_source import TrainInput
    from napari_denoisplit.widgets.image_source import SplitInput
    from napari_denoisplit.widgets.layers import ViewerRef

__all__ = [
    "CLEAN_RECORDED",
    "NOISY",
    "NOISY_CLEAN",
    "NOISY_RECORDED",
    "CalibrationData",
    "CalibrationInput",
]

NOISY, NOISY_CLEAN = "noisy", "noisy and clean"
NOISY_RECORDED, CLEAN_RECORDED = "noisy and recorded", "clean and recorded"
_TITLES = {
    NOISY: "noisy images",
    NOISY_CLEAN: "noisy and clean images",
    NOISY_RECORDED: "noisy images, superposition",
    CLEAN_RECORDED: "clean images, superposition",
}
_EXPLAINED = {
    NOISY: "Their mixture is split and compared with the images themselves. Their noise is taken "
    "out of the comparison, also where input and image share it.",
    NOISY_CLEAN: "The noisy images are mixed and split; what comes out is compared with the clean "
    "ones.",
    NOISY_RECORDED: "The recorded superposition is split and compared with the noisy images, whose "
    "noise is taken out of the comparison.",
    CLEAN_RECORDED: "The recorded superposition is split and compared with the clean images.",
}
_CLEAN_WORDS = ("clean", "true", "truth")  # in the name of a layer
_CHARACTERS = 12  # of a choice that a narrow dock must show
_UNSEEN = (
    "Take images that the model has not seen; of all of its training images only the part kept "
    "aside is used."
)


@dataclass(frozen=True, slots=True)
class CalibrationInput:
    """What to calibrate with, as chosen at the click."""

    noisy: TrainInput | None
    clean: TrainInput | None
    superpositions: tuple[SplitInput, ...]
    """Recorded ones of the same fields; empty to mix the noisy images."""
    t_is_repeats: bool
    """Whether the T axis of the noisy images holds repeated exposures of one place."""


class CalibrationData(QWidget):
    """Choice of the images, as layers or files.

    Parameters
    ----------
    viewer
        Whose layers to choose from.
    """

    changed = Signal()  # something else is to be calibrated with

    def __init__(self, viewer: ViewerRef, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._structures: tuple[str, ...] = ()
        self.kind = _kind_choice(self)
        self.about = QLabel(self)
        self.about.setWordWrap(True)
        self.about.setAccessibleName("About the images")
        self.about.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.noisy = _Structures(viewer, "noisy", self)
        self.clean = _Structures(viewer, "clean", self)
        self.recorded = ImageSource(viewer, self, one_channel=False)
        self._titles = {
            source: QLabel(text, self)
            for source, text in (
                (self.noisy, "Noisy images of each structure"),
                (self.clean, "Clean images of each structure"),
                (self.recorded, "Superposition"),
            )
        }
        self._lay_out()
        self.kind.currentIndexChanged.connect(self._refresh)
        for source in self._titles:
            source.changed.connect(self.changed)
        self._refresh()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        form = form_layout()
        form.addRow("You have", self.kind)
        layout.addLayout(form)
        layout.addWidget(self.about)
        for source, title in self._titles.items():
            layout.addWidget(title)
            layout.addWidget(source)

    @property
    def problem(self) -> str:
        """Why the images cannot be used; empty if they can."""
        for source in self._used():
            if source.problem:
                return str(source.problem)
            if isinstance(source, _Structures) and (problem := self._mismatch(source)):
                return problem
        return ""

    def follow(self, structures: Sequence[str]) -> None:
        """Ask for the structures of a model, and choose the layers that are called like them."""
        if self._structures == tuple(structures):
            return  # the user may have chosen other layers since
        self._structures = tuple(structures)
        for source in (self.noisy, self.clean):
            source.match(self._structures)
        self._refresh()

    def add_files(self, paths: list[Path]) -> None:
        """Take files for the first source that is shown and has none yet."""
        used = self._used()
        free = [source for source in used if not source.files.paths]
        (free or used)[0].add_files(paths)

    def chosen(self) -> CalibrationInput:
        """Take what is to be calibrated with.

        Raises
        ------
        ImageError
            It cannot be used.
        """
        if self.problem:
            raise ImageError(self.problem)
        used, noisy = self._used(), self.noisy.chosen() if self.noisy in self._used() else None
        return CalibrationInput(
            noisy=noisy,
            clean=self.clean.chosen() if self.clean in used else None,
            superpositions=self.recorded.chosen() if self.recorded in used else (),
            t_is_repeats=noisy is not None and noisy.t_is_repeats and self._kind == NOISY,
        )

    def reset_choices(self) -> None:
        """Follow the viewer's layers."""
        for source in self._titles:
            source.reset_choices()

    @property
    def _kind(self) -> str:
        return str(self.kind.currentData())

    def _used(self) -> list[_Structures | ImageSource]:
        noisy = self._kind != CLEAN_RECORDED
        clean = self._kind in (NOISY_CLEAN, CLEAN_RECORDED)
        recorded = self._kind in (NOISY_RECORDED, CLEAN_RECORDED)
        pairs = zip(self._titles, (noisy, clean, recorded), strict=True)
        return [source for source, used in pairs if used]

    def _mismatch(self, source: _Structures) -> str:
        """Say where layers are not the structures of the model, as far as their names tell."""
        found, wanted = source.known_structures(), self._structures
        if not found or not wanted:
            return ""
        if len(found) != len(wanted):
            return (
                f"The model splits into {len(wanted)} structures ({', '.join(wanted)}), "
                f"{len(found)} are chosen: give one of each."
            )
        if found != wanted and sorted(found) == sorted(wanted):
            return (
                f"The layers are in another order ({', '.join(found)}) than the structures of the "
                f"model ({', '.join(wanted)}): swap them."
            )
        return ""

    def _refresh(self, *_: object) -> None:
        used = self._used()
        for source, title in self._titles.items():
            source.setVisible(source in used)
            # One list alone needs no title, the choice above it says what it is.
            title.setVisible(source in used and len(used) > 1)
        self.noisy.repeats.setVisible(self._kind == NOISY)
        order = f" In this order: {', '.join(self._structures)}." if self._structures else ""
        self.about.setText(f"{_EXPLAINED[self._kind]} {_UNSEEN}{order}")
        self.changed.emit()


class _Structures(ChannelSource):
    """Images of each structure, which bear the names that the model has for them."""

    def __init__(self, viewer: ViewerRef, what: str, parent: QWidget) -> None:
        super().__init__(viewer, parent)
        self._is_clean = what == "clean"
        self.names.hide()
        label = self.layout().labelForField(self.names)
        label.hide()
        self.kind.setAccessibleName(f"Where the {what} images come from")
        self.repeats.setVisible(False)
        self.repeats.setToolTip(
            tooltip(
                "The time points are exposures of one place that did not change. One is then split "
                "and compared with the next, so that input and image share no noise."
            )
        )

    def match(self, structures: Sequence[str]) -> None:
        """Have as many lists as there are structures, each at the layer of that name."""
        rows = self.layers
        while len(rows.choices) < len(structures):
            rows.add()
        while len(rows.choices) > max(2, len(structures)):
            rows.remove()
        if self.kind.currentData() != LAYERS:
            return
        for choice, name in zip(rows.choices, structures, strict=False):
            if (layer := _called_like(choice.layers(), name, self._is_clean)) is not None:
                choice.layer = layer


def _called_like(layers: Sequence[ImageLayer], name: str, is_clean: bool) -> ImageLayer | None:
    """Return the layer that looks like the image of a structure, by its name; None: no layer."""
    named = [layer for layer in layers if name.casefold() in layer.name.casefold()]
    fitting = [
        layer
        for layer in named
        if any(word in layer.name.casefold() for word in _CLEAN_WORDS) == is_clean
    ]
    return min(fitting, key=lambda layer: len(layer.name), default=None)


def _kind_choice(parent: QWidget) -> QComboBox:
    box = QComboBox(parent)
    box.setAccessibleName("Which images you have")
    box.setToolTip(
        tooltip(
            "What a split is compared with. Clean images of the structures are best; with noisy "
            "ones their noise, known from the noise models, is taken out of the comparison."
        )
    )
    for kind, title in _TITLES.items():
        box.addItem(title, kind)
    box.setMinimumContentsLength(_CHARACTERS)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    guard_wheel(box)
    return box
