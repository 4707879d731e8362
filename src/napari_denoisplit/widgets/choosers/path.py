"""Choice of a file by typing or browsing."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QWidget

from napari_denoisplit.widgets.parts.fields import tooltip


class PathChoice(QWidget):
    """A line for a path with a button that opens a dialog.

    Parameters
    ----------
    name
        What the file is, e.g. "Model file".
    pattern
        Filter of the dialog, e.g. "Models (*.denoisplit)".
    saving
        Whether the file is to be written, or must exist.
    folders
        Whether it may be a folder, as OME-Zarr is, which a dialog for files cannot choose.
    """

    changed = Signal()  # another path was chosen or typed

    def __init__(
        self,
        name: str,
        pattern: str,
        *,
        saving: bool,
        folders: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._name, self._pattern, self._saving = name, pattern, saving
        self.edit = QLineEdit(self)
        self.edit.setAccessibleName(name)
        # Its own drop would paste the address as text; the widget around it takes the file.
        self.edit.setAcceptDrops(False)
        self.edit.setToolTip(tooltip(f"{name}: none yet."))
        self.edit.textChanged.connect(self._on_text)
        self.browse_button = QPushButton("Browse…", self)
        self.browse_button.setToolTip(f"Choose: {name}.")
        self.browse_button.clicked.connect(self._browse)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.edit)
        layout.addWidget(self.browse_button)
        if folders:
            self.folder_button = QPushButton("Folder…", self)
            self.folder_button.setToolTip(f"Choose an OME-Zarr folder: {name}.")
            self.folder_button.clicked.connect(self._browse_folder)
            layout.addWidget(self.folder_button)
        self.setFocusProxy(self.edit)

    @property
    def path(self) -> Path | None:
        """The chosen path; None where the line is empty."""
        text = self.edit.text().strip()
        return Path(text).expanduser() if text else None

    def set_path(self, path: Path) -> None:
        """Choose a path, its end in sight."""
        self.edit.setText(str(path))

    def _on_text(self) -> None:
        self.edit.setToolTip(tooltip(f"{self._name}: {self.edit.text() or 'none'}"))
        self.changed.emit()

    def _browse_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, self._name, str(self.path or Path.home()))
        if name:
            self.set_path(Path(name))

    def _browse(self) -> None:
        start = str(self.path or Path.home())
        if self._saving:
            name, _ = QFileDialog.getSaveFileName(self, self._name, start, self._pattern)
        else:
            name, _ = QFileDialog.getOpenFileName(self, self._name, start, self._pattern)
        if name:
            self.set_path(Path(name))
