"""A list of layers, one for each structure."""

from __future__ import annotations

from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_denoisplit.widgets.choosers.layer import LayerChoice
from napari_denoisplit.widgets.parts.controls import button, in_a_column, in_a_row

if TYPE_CHECKING:
    from napari.layers import Image as ImageLayer

    from napari_denoisplit.widgets.layers.place import ViewerRef

MOST_CHANNELS = 16
_COMPARED = 100_000  # pixels


class LayerPerStructure(QWidget):
    """A list of layers for each structure, one or more."""

    changed = Signal()  # another layer was chosen, or their number changed
    picked = Signal()  # the user, not what follows the viewer, has chosen a layer

    def __init__(self, viewer: ViewerRef, *, same_fields: bool = False) -> None:
        super().__init__()
        self._viewer, self._same_fields = viewer, same_fields
        self._is_fixed = False
        self.choices: list[LayerChoice] = []
        self._rows = QVBoxLayout()
        self.more_button = button(
            "One more structure", "Add a layer that shows a further structure.", self.add
        )
        self.less_button = button("One less", "Leave the last structure out.", self.remove)
        self.setLayout(in_a_column(self._rows, in_a_row(self.more_button, self.less_button)))
        self.add()
        self.add()

    @property
    def problem(self) -> str:
        """Why these layers cannot be used together; empty if they can."""
        for choice in self.choices:
            if choice.problem:
                return choice.problem
        chosen = self.chosen()
        if len({id(layer) for layer in chosen}) < len(chosen):
            return "Two structures come from the same layer: choose another for one of them."
        shapes = {layer.name: tuple(layer.data.shape) for layer in chosen if not layer.multiscale}
        if self._same_fields and len(set(shapes.values())) > 1:
            sizes = ", ".join(f"{name}: {shape}" for name, shape in shapes.items())
            return f"The layers differ in size ({sizes}): they must show the same fields."
        for one, other in combinations(chosen, 2):
            if _same_pixels(one.data, other.data):
                return (
                    f"{other.name!r} holds the same pixels as {one.name!r}: choose another layer "
                    "for one of the structures."
                )
        return ""

    def chosen(self) -> list[ImageLayer]:
        """Return the chosen layers, in the order of the structures."""
        return [choice.layer for choice in self.choices if choice.layer is not None]

    def add(self) -> None:
        """Add a structure."""
        if len(self.choices) < MOST_CHANNELS:
            number = len(self.choices)
            others = partial(self._beside, number)
            choice = LayerChoice(self._viewer, f"Structure {number + 1}", others=others)
            self.choices.append(choice)
            self._rows.addWidget(choice)
            choice.changed.connect(self.changed)
            choice.picked.connect(self.picked)
        self._refresh()

    def remove(self) -> None:
        """Leave out the last structure; one remains."""
        if len(self.choices) > 1:
            choice = self.choices.pop()
            self._rows.removeWidget(choice)
            choice.setParent(None)
            choice.deleteLater()
        self._refresh()

    def fix(self, number: int) -> None:
        """Have a list for each of so many structures, whatever the user wants; 0 is unknown."""
        self._is_fixed = True
        while len(self.choices) < number:
            self.add()
        while len(self.choices) > (number or 2):
            self.remove()
        self._refresh()

    def reset_choices(self) -> None:
        """Follow the viewer's layers."""
        for choice in self.choices:
            choice.reset_choices()

    def _beside(self, number: int) -> list[ImageLayer | None]:
        """Layers of the other structures."""
        return [choice.layer for at, choice in enumerate(self.choices) if at != number]

    def _refresh(self) -> None:
        self.less_button.setVisible(len(self.choices) > 1 and not self._is_fixed)
        self.more_button.setVisible(len(self.choices) < MOST_CHANNELS and not self._is_fixed)
        self.changed.emit()


def _same_pixels(one: Any, other: Any) -> bool:
    """Whether two images in memory agree in so many pixels that they are one; blank ones are not.

    All pixels of large images would take the window too long.
    """
    if not (isinstance(one, np.ndarray) and isinstance(other, np.ndarray)):
        return False
    step = max(1, int(np.ceil(np.sqrt(one.size / _COMPARED))))
    few = one[..., ::step, ::step]
    return bool(np.ptp(few)) and np.array_equal(few, other[..., ::step, ::step])
