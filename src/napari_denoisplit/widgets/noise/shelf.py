"""The noise models of this session: one to look at, one to compare it with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.files import free_name
from napari_denoisplit.widgets.parts.controls import button, in_a_column, in_a_row, refill
from napari_denoisplit.widgets.parts.fields import form_layout, narrow_box

if TYPE_CHECKING:
    from napari_denoisplit.jobs.noise.job import Judged
    from napari_denoisplit.verdict import Verdict
    from napari_denoisplit.widgets.choosers.known_model import KnownModel


@dataclass(frozen=True, slots=True, eq=False)
class ShelfModel:
    """A noise model, and how well it describes the pixels at hand."""

    known: KnownModel
    judged: Judged | None = None

    @property
    def verdict(self) -> Verdict | None:
        """Verdict on the pixels at hand, or else the one that came with the model."""
        return self.known.record.verdict if self.judged is None else self.judged.verdict


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
        self.load_button = button("Load…", "Read a noise model from a file, to judge or use it.")
        self.save_button = button("Save…", "Write the noise model to a file (.npz, .npy, .json).")
        self.train_button = button("Use in Train", "Open the step Train with this noise model.")
        self._chooser = QWidget(self)
        form_layout(self._chooser, {"Model": self.current_box, "Compare": self.other_box})
        self.setLayout(
            in_a_column(
                self._chooser, in_a_row(self.load_button, self.save_button, self.train_button)
            )
        )
        self.current_box.currentIndexChanged.connect(self._on_current)
        self.other_box.currentIndexChanged.connect(self.changed)
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
        return free_name(name, taken.__contains__, " ")

    def set_busy(self, busy: bool) -> None:
        """Leave everything as it is while a job runs."""
        self._chooser.setEnabled(not busy)
        self.load_button.setEnabled(not busy)
        for one in (self.save_button, self.train_button):
            one.setEnabled(not busy and self.current is not None)

    def _refresh(self, current: ShelfModel | None, other: ShelfModel | None) -> None:
        items = [(model.known.name, None) for model in self._models]
        refill(self.current_box, items, 0 if current is None else self._models.index(current))
        self._chooser.setVisible(bool(self._models))
        self._offer_others(other)
        self.set_busy(False)
        self.changed.emit()

    def _offer_others(self, other: ShelfModel | None) -> None:
        nothing = "no other" if len(self._models) > 1 else "fit or load another"
        items: list[tuple[str, int | None]] = [(nothing, None)]
        chosen = 0
        for row, model in enumerate(self._models):
            if model is not self.current:
                chosen = len(items) if model is other else chosen
                items.append((model.known.name, row))
        refill(self.other_box, items, chosen)

    def _on_current(self, *_: object) -> None:
        self._offer_others(self.other)
        self.changed.emit()
