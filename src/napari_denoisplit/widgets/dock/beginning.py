"""What a page is for and how to begin, while there is nothing to work on."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.widgets.parts.controls import Text, button, in_a_column

SPLIT = "Split example cells"
OPEN = "Open example cells"
WRITE = "Write example cells…"


class Beginning(QWidget):
    """A sentence on a page, and a button that does its first step with images that come along."""

    split_wanted = Signal()
    cells_wanted = Signal()
    files_wanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.text = Text("What the page is for", self)
        self.split_button = button(
            SPLIT,
            "Open a noisy image of nuclei and actin, and split it by a model that comes along.",
            lambda: self.split_wanted.emit(),
        )
        self.open_button = button(
            OPEN,
            "Open noisy images of nuclei and of actin alone.",
            lambda: self.cells_wanted.emit(),
        )
        self.write_button = button(
            WRITE,
            "Write a noisy image of nuclei and actin, and a model that splits it, into a folder of "
            "yours, and choose them here.",
            lambda: self.files_wanted.emit(),
        )
        every = (self.split_button, self.open_button, self.write_button)
        self.setLayout(in_a_column(self.text, *every))
        self.layout().setContentsMargins(6, 0, 6, 4)

    def say(self, text: str, way: str) -> None:
        """Say what a page is for, and offer a way to begin.

        Parameters
        ----------
        text
            Nothing is shown where it is empty.
        way
            `SPLIT`, `OPEN` or `WRITE`; empty: none.
        """
        self.text.say(text)
        self.split_button.setVisible(way == SPLIT)
        self.open_button.setVisible(way == OPEN)
        self.write_button.setVisible(way == WRITE)
        self.setVisible(bool(text))
