"""What a page is for and how to begin, while there is nothing to work on."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.widgets.parts.controls import Text, button, in_a_column
from napari_denoisplit.widgets.parts.fields import tooltip

SPLIT = "Split example cells"
OPEN = "Open example cells"
WRITE = "Write example cells…"
_HELP = {
    SPLIT: "Open a noisy image of nuclei and actin, and split it by a model that comes along.",
    OPEN: "Open noisy images of nuclei and of actin alone.",
    WRITE: "Write a noisy image of nuclei and actin, and a model that splits it, into a folder of "
    "yours, and choose them here.",
}


class Beginning(QWidget):
    """A sentence on a page, and a button that does its first step with images that come along."""

    wanted = Signal(str)  # the button was pressed: its way to begin

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.text = Text("What the page is for", self)
        self.button = button("", "", lambda: self.wanted.emit(self.button.text()))
        self.setLayout(in_a_column(self.text, self.button))
        self.layout().setContentsMargins(6, 0, 6, 4)

    def say(self, text: str, way: str) -> None:
        """Say what a page is for, and offer a way to begin.

        Parameters
        ----------
        text
            Empty where there is nothing to say.
        way
            One of `SPLIT`, `OPEN`, `WRITE`; empty: none.
        """
        self.text.say(text)
        self.button.setText(way)
        self.button.setToolTip(tooltip(_HELP.get(way, "")))
        self.button.setVisible(bool(way))
        self.setVisible(bool(text))
