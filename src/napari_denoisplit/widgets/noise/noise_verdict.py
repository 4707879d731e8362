"""Whether to trust a noise model, in words and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_denoisplit.widgets.parts.grade_words import figures_table, verdict_html

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.widgets.noise.shelf import ShelfModel

__all__ = ["NoiseFigures", "NoiseVerdict"]


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
