"""What to calibrate with: which images one has, and whether others are judged on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.widgets.calibration.images import (
    CLEAN_RECORDED,
    NOISY,
    NOISY_CLEAN,
    NOISY_RECORDED,
    CalibrationImages,
)
from napari_denoisplit.widgets.parts.controls import Text, check_box, in_a_column
from napari_denoisplit.widgets.parts.fields import form_layout, narrow_box

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_denoisplit.widgets.calibration.images import CalibrationInput
    from napari_denoisplit.widgets.layers.place import ViewerRef

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
_CHARACTERS = 12  # of a choice that a narrow dock must show
_UNSEEN = (
    "Use images that the model has not seen. Of its training images, only the part that was kept "
    "aside is used."
)
_OTHERS = (
    "The calibration is fitted to all of the images above and judged on those that you give here. "
    "Left out, half of every image is kept for it."
)


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
        self.kind = narrow_box(
            "Which images you have",
            "What a split is compared with. Clean images of the structures are best; with noisy "
            "ones their noise, known from the noise models, is taken out of the comparison.",
            self,
            characters=_CHARACTERS,
            items=_TITLES,
        )
        self.about = Text("About the images", self)
        self.images = CalibrationImages(viewer, parent=self)
        self.judge = check_box("Judge on other images", _OTHERS, self)
        # They hold repeats if the first images do.
        self.others = CalibrationImages(viewer, "other ", self, asks_for_repeats=False)
        self._lay_out()
        self.kind.currentIndexChanged.connect(self._refresh)
        self.judge.toggled.connect(self._on_judge)
        for images in (self.images, self.others):
            images.changed.connect(self.changed)
        self._refresh()

    def _lay_out(self) -> None:
        form = form_layout(rows={"You have": self.kind})
        self.setLayout(in_a_column(form, self.about, self.images, self.judge, self.others))

    @property
    def problem(self) -> str:
        """Why the images cannot be used; empty if they can."""
        if self.images.problem or not self.judge.isChecked():
            return self.images.problem
        if self.others.problem:
            return f"To judge on: {self.others.problem}"
        first = self.images.sources
        for one in self.others.sources:
            if one in first:
                return f"{one.name} is in both sets of images: choose others to judge on."
        return ""

    def follow(self, structures: Sequence[str]) -> None:
        """Ask for the structures of a model, and choose the layers that are called like them."""
        if self._structures == tuple(structures):
            return  # the user may have chosen other layers since
        self._structures = tuple(structures)
        self.images.follow(self._structures)
        self._follow_others()
        self._refresh()

    def add_files(self, paths: list[Path]) -> None:
        """Take files for the first list that is shown and has none yet."""
        full = not self.images.without_files
        (self.others if full and self.judge.isChecked() else self.images).add_files(paths)

    def chosen(self) -> CalibrationInput:
        """Take what is to be calibrated with.

        Raises
        ------
        ImageError
            It cannot be used.
        """
        return self.images.chosen(t_is_repeats=self._t_is_repeats)

    def judged_on(self) -> CalibrationInput | None:
        """Take the other images that are judged on; None to keep half of every image for it.

        Raises
        ------
        ImageError
            They cannot be used.
        """
        others = self.judge.isChecked()
        return self.others.chosen(t_is_repeats=self._t_is_repeats) if others else None

    def reset_choices(self) -> None:
        """Follow the viewer's layers."""
        self.images.reset_choices()
        self.others.reset_choices(taken=self.images.sources)

    @property
    def _t_is_repeats(self) -> bool:
        repeats = self.images.noisy.repeats
        return bool(self.kind.currentData() == NOISY and repeats.isChecked())

    def _on_judge(self, *_: object) -> None:
        self._follow_others()
        self._refresh()

    def _follow_others(self) -> None:
        if self._structures and self.judge.isChecked():
            self.others.follow(self._structures, self.images.sources)

    def _refresh(self, *_: object) -> None:
        kind = str(self.kind.currentData())
        for images in (self.images, self.others):
            images.set_kind(kind)
        self.others.reset_choices(taken=self.images.sources)  # more lists may be in use now
        self.others.setVisible(self.judge.isChecked())
        order = f" In this order: {', '.join(self._structures)}." if self._structures else ""
        self.about.say(f"{_EXPLAINED[kind]} {_UNSEEN}{order}")
        self.changed.emit()
