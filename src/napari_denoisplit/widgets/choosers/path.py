"""Choice of a file by typing or browsing."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.widgets.parts.controls import button, in_a_row, text_line
from napari_denoisplit.widgets.parts.dialogs import ask_for_file, ask_for_folder, ask_for_new_file
from napari_denoisplit.widgets.parts.fields import tooltip

PathKind = Literal["file", "new file", "file or folder", "folder"]


class PathChoice(QWidget):
    """A line for a path with a button that opens a dialog.

    Parameters
    ----------
    name
        What the file is, e.g. "Model file".
    pattern
        Filter of the dialog for files, e.g. "Models (*.denoisplit)".
    kind
        A file that must exist, one to be written, a file or an OME-Zarr folder, which a dialog for
        files cannot choose, or any folder.
    """

    changed = Signal()  # another path was chosen or typed

    def __init__(self, name: str, pattern: str = "", *, kind: PathKind = "file") -> None:
        super().__init__()
        self._name, self._pattern, self._kind = name, pattern, kind
        self.edit = text_line(name, f"{name}: none yet.")
        self.edit.textChanged.connect(self._on_text)
        browse = self._browse_folder if kind == "folder" else self._browse
        self.browse_button = button("Browse…", f"Choose: {name}.", browse)
        self.setLayout(in_a_row(self.edit, self.browse_button))
        if kind == "file or folder":
            self.folder_button = button(
                "Folder…", f"Choose an OME-Zarr folder: {name}.", self._browse_folder
            )
            self.layout().addWidget(self.folder_button)
        self.setFocusProxy(self.edit)

    @property
    def path(self) -> Path | None:
        """The chosen path; None where the line is empty."""
        text = self.edit.text().strip()
        return Path(text).expanduser() if text else None

    @property
    def paths(self) -> tuple[Path, ...]:
        """The chosen path alone, as a list of files has its own."""
        return () if self.path is None else (self.path,)

    def add(self, paths: list[Path]) -> None:
        """Choose the first of some files, as a list would take them all."""
        self.set_path(paths[0])

    def set_path(self, path: Path) -> None:
        """Choose a path, its end in sight."""
        self.edit.setText(str(path))

    def _on_text(self) -> None:
        self.edit.setToolTip(tooltip(f"{self._name}: {self.edit.text() or 'none'}"))
        self.changed.emit()

    def _browse_folder(self) -> None:
        if path := ask_for_folder(self, self._name, self.path):
            self.set_path(path)

    def _browse(self) -> None:
        ask = ask_for_new_file if self._kind == "new file" else ask_for_file
        if path := ask(self, self._name, self._pattern, self.path):
            self.set_path(path)
