"""Choice among the channels of an image, by their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QButtonGroup, QVBoxLayout, QWidget

from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import Stage
from napari_denoisplit.images.channels import channel_titles
from napari_denoisplit.widgets.parts.controls import check_box

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence
    from pathlib import Path

    from qtpy.QtWidgets import QCheckBox

    from napari_denoisplit.events import Job, StatusEvent


class ChannelChoice(QWidget):
    """A check box for each channel; all are checked at first, or of `one` the first.

    Parameters
    ----------
    help_text
        What a channel is chosen for.
    one
        Whether exactly one is to be chosen.
    """

    changed = Signal()  # other channels are chosen

    def __init__(self, help_text: str, *, one: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._help, self._one = help_text, one
        self.boxes: list[QCheckBox] = []
        self._group = QButtonGroup(self)
        self._group.setExclusive(one)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)

    @property
    def titles(self) -> tuple[str, ...]:
        """What the chosen channels are called; empty where there is nothing to choose from."""
        return tuple(box.text() for box in self.boxes if box.isChecked())

    @property
    def chosen(self) -> tuple[str, ...] | None:
        """Names of the chosen channels, or numbers where names are shared; None for all of them."""
        every, titles = [box.text() for box in self.boxes], self.titles
        if len(titles) == len(every):
            return None
        if len(set(every)) == len(every):
            return titles
        return tuple(str(n) for n, box in enumerate(self.boxes, start=1) if box.isChecked())

    def offer(self, titles: Sequence[str]) -> None:
        """Let choose among these channels; a choice among the same ones stays."""
        titles = titles if len(titles) > 1 else ()
        if [box.text() for box in self.boxes] == list(titles):
            return
        for box in self.boxes:
            self._group.removeButton(box)
            self._column.removeWidget(box)
            box.deleteLater()
        self.boxes = [self._box(title, number) for number, title in enumerate(titles)]

    def check(self, *titles: str) -> None:
        """Choose these channels."""
        for box in self.boxes:
            with QSignalBlocker(box):
                box.setChecked(box.text() in titles)
        self.changed.emit()

    def _box(self, title: str, number: int) -> QCheckBox:
        box = check_box(title, self._help, self, checked=not self._one or number == 0)
        self._group.addButton(box)
        box.toggled.connect(self.changed)
        self._column.addWidget(box)
        return box


@dataclass(frozen=True, slots=True)
class FilesKnown:
    """What is known of files without reading their pixels."""

    paths: tuple[Path, ...]
    once: tuple[Path, ...]
    """Those of them to take, so that no image is taken twice."""
    channels: tuple[str, ...] = ()
    """What the channels of the first are called; none where it cannot be opened."""
    told: tuple[str, ...] = ()
    """What the user should know."""


def look_up(paths: tuple[Path, ...], stop: threading.Event) -> Job[StatusEvent, FilesKnown]:
    """Look up the channels of the first of some files, and whether images are given twice."""
    yield Stage(f"Opening {paths[0].name}")
    # Not at the top: they bring libraries that take a while, and layers need none.
    from napari_denoisplit.images.files.file_sets import once_each
    from napari_denoisplit.images.files.reading import read_image

    once, told = once_each(paths)
    try:
        titles = channel_titles(read_image(once[0], lazy_above=0))
    except ImageError:
        titles = ()  # told by whoever reads it
    return FilesKnown(paths, tuple(once), titles, tuple(told.values()))
