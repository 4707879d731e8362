"""The noise models of this session: one to look at, one to compare it with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_denoisplit.widgets.parts.fields import form_layout, narrow_box
from napari_denoisplit.widgets.parts.grade_words import Portrait, figures_table, verdict_html

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.jobs.noise.job import Judged
    from napari_denoisplit.widgets.choosers.known_model import KnownModel


@dataclass(frozen=True, slots=True, eq=False)
class ShelfModel:
    """A noise model, and how well it describes the pixels at hand."""

    known: KnownModel
    judged: Judged | None = None

    def portrait(self) -> Portrait:
        """Return what a window says of it; its verdict is that on the pixels at hand."""
        known, record = self.known, self.known.record
        if self.judged is not None:
            record = record.model_copy(update={"verdict": self.judged.verdict})
        curves = None if self.judged is None else self.judged.curves
        return Portrait(known.name, known.kind, known.numbers, record, curves)


class NoiseShelf(QWidget):
    """Choice among the models, with what can be done with one."""

    changed = Signal()  # another model is looked at or compared

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._models: list[ShelfModel] = []
        self.current_box = narrow_box("Model", "Which noise model to look at.")
        self.other_box = narrow_box(
            "Compare with", "A second model: its curves are drawn over those of the first."
        )
        self.load_button = _button("Load…", "Read a noise model from a file, to judge or use it.")
        self.save_button = _button("Save…", "Write the noise model to a file (.npz, .npy, .json).")
        self.train_button = _button(
            "Use in Train", "Open the Train widget and give it this noise model."
        )
        self._chooser = QWidget(self)
        form = form_layout(self._chooser)
        form.addRow("Model", self.current_box)
        form.addRow("Compare", self.other_box)
        buttons = QHBoxLayout()
        for button in (self.load_button, self.save_button, self.train_button):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._chooser)
        layout.addLayout(buttons)
        self.current_box.currentIndexChanged.connect(self._on_current)
        self.other_box.currentIndexChanged.connect(self._emit_changed)
        self._refresh(None, None)

    @property
    def current(self) -> ShelfModel | None:
        """The model that is looked at; None where there is none."""
        row = self.current_box.currentIndex()
        return self._models[row] if 0 <= row < len(self._models) else None

    @property
    def other(self) -> ShelfModel | None:
        """The model that it is compared with."""
        row = self.other_box.currentData()
        return None if row is None else self._models[row]

    @property
    def shown(self) -> tuple[ShelfModel, ...]:
        """Both, as far as they are there."""
        return tuple(model for model in (self.current, self.other) if model is not None)

    def add(self, model: ShelfModel, *, new_pixels: bool = False) -> None:
        """Put a model on the shelf and look at it; `new_pixels` are others than before."""
        other = self.other
        place = self._models.index(other) if other is not None else None
        if new_pixels:
            self._models = [replace(one, judged=None) for one in self._models]
        self._models.append(model)
        self._refresh(model, None if place is None else self._models[place])

    def renew(self, old: ShelfModel, new: ShelfModel) -> None:
        """Put what is known by now in the place of a model."""
        current, other = (new if one is old else one for one in (self.current, self.other))
        self._models = [new if one is old else one for one in self._models]
        self._refresh(current, other)

    def free_name(self, name: str) -> str:
        """Return the name, numbered if a model has it already."""
        taken = {model.known.name for model in self._models}
        number, free = 1, name
        while free in taken:
            number += 1
            free = f"{name} {number}"
        return free

    def set_busy(self, busy: bool) -> None:
        """Leave everything as it is while a job runs."""
        self._chooser.setEnabled(not busy)
        self.load_button.setEnabled(not busy)
        for button in (self.save_button, self.train_button):
            button.setEnabled(not busy and self.current is not None)

    def _refresh(self, current: ShelfModel | None, other: ShelfModel | None) -> None:
        self.current_box.blockSignals(True)
        self.current_box.clear()
        self.current_box.addItems([model.known.name for model in self._models])
        if current is not None:
            self.current_box.setCurrentIndex(self._models.index(current))
        self.current_box.blockSignals(False)
        self._chooser.setVisible(bool(self._models))
        self._offer_others(other)
        self.set_busy(False)
        self.changed.emit()

    def _offer_others(self, other: ShelfModel | None) -> None:
        self.other_box.blockSignals(True)
        self.other_box.clear()
        self.other_box.addItem("no other" if len(self._models) > 1 else "fit or load another", None)
        for row, model in enumerate(self._models):
            if model is not self.current:
                self.other_box.addItem(model.known.name, row)
                if model is other:
                    self.other_box.setCurrentIndex(self.other_box.count() - 1)
        self.other_box.blockSignals(False)

    def _on_current(self, *_: object) -> None:
        self._offer_others(self.other)
        self.changed.emit()

    def _emit_changed(self, *_: object) -> None:
        self.changed.emit()


def _button(text: str, help_text: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(help_text)
    return button


class NoiseVerdict(QLabel):
    """Grade and reasons in full."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        _dress(self, "Verdict")

    def show_models(self, models: Sequence[ShelfModel]) -> None:
        """Show the verdict on the first of the models."""
        self.setVisible(bool(models))
        if models:
            self.setText(verdict_html(models[0].portrait().record.verdict))


class NoiseFigures(QWidget):
    """Numbers of every model, and what was found in the images."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.numbers = _label("Numbers of the noise model", self)
        self.notes = _label("What was found in the images", self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for label in (self.numbers, self.notes):
            layout.addWidget(label)
        self.numbers.show()
        self.hide()

    def show_models(self, models: Sequence[ShelfModel]) -> None:
        """Show the numbers of a model, or of two side by side."""
        self.setVisible(bool(models))
        if not models:
            return
        portraits = [model.portrait() for model in models]
        self.numbers.setText(figures_table(portraits))
        notes = portraits[0].record.notes
        self.notes.setText("\n".join(notes))
        self.notes.setVisible(bool(notes))


def _label(name: str, parent: QWidget) -> QLabel:
    label = QLabel(parent)
    _dress(label, name)
    return label


def _dress(label: QLabel, name: str) -> None:
    label.setAccessibleName(name)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    label.hide()
