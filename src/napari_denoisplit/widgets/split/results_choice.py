"""Where results are kept: in memory, on disk as long as they are shown, or in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from napari_denoisplit.widgets.parts.fields import form_layout, narrow_box, tooltip

if TYPE_CHECKING:
    from napari_denoisplit.jobs.forecast.words import Preflight

__all__ = ["Keeping", "ResultsChoice"]

Keeping = Literal["memory", "temporary", "folder"]

SHARE_FOR_LAYERS = 0.4
"""Of the free memory that results may fill; layers hold MMSE and sigma a second time."""
_TITLES: dict[Keeping, str] = {
    "memory": "in memory",
    "temporary": "on disk, temporary",
    "folder": "on disk, in a folder…",
}
_HELP = (
    "In memory: as fast as can be, as large as memory. On disk: images and stacks of any size are "
    "split block by block, and only what you look at is read. Temporary results are deleted when "
    "their layers are removed or napari closes; 'Save results…' keeps them. A split to disk that "
    "was stopped goes on when the same is started again."
)


class ResultsChoice(QWidget):
    """Choice of where results go."""

    changed = Signal()  # something else is chosen, by the user or by a forecast

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.folder: Path | None = None
        self._by_user = False
        self.box = narrow_box("Results", _HELP, self)
        for keeping, title in _TITLES.items():
            self.box.addItem(title, keeping)
        self.box.activated.connect(self._on_user)
        form = form_layout()
        form.addRow("Results", self.box)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        self._last: Keeping = "memory"

    @property
    def keeping(self) -> Keeping:
        """What is chosen."""
        return cast("Keeping", self.box.currentData())

    def choose(self, keeping: Keeping, folder: Path | None = None) -> None:
        """Choose as if the user did; for a folder say which."""
        self._by_user = True
        if keeping == "folder" and folder is not None:
            self.folder = folder
            self.box.setItemText(
                self.box.findData("folder"), f"on disk, in {folder.name or folder}…"
            )
            self.box.setToolTip(tooltip(f"Results go into {folder}. {_HELP}"))
        self._set(keeping)

    def propose(self, told: Preflight) -> str:
        """Take disk where the results would fill the memory, unless the user has chosen.

        Returns
        -------
        A sentence for the user where memory is short; else empty.
        """
        full = told.memory_for_results > SHARE_FOR_LAYERS * told.free_memory
        short = full or not told.fits
        if not self._by_user:
            self._set("temporary" if short else "memory")
        if not short:
            return ""
        if self.keeping != "memory":
            return told.proposal
        return "" if told.fits else f"⚠ {told.shortage}: choose disk above, or keep fewer samples."

    def _on_user(self, index: int) -> None:
        keeping = cast("Keeping", self.box.itemData(index))
        if keeping == "folder":
            start = str(self.folder or Path.home())
            name = QFileDialog.getExistingDirectory(self, "Folder for the results", start)
            if not name:
                self.box.setCurrentIndex(self.box.findData(self._last))
                return
            self.choose(keeping, Path(name))
        else:
            self.choose(keeping)

    def _set(self, keeping: Keeping) -> None:
        self.box.setCurrentIndex(self.box.findData(keeping))
        if keeping != self._last:
            self._last = keeping
            self.changed.emit()
