"""Files dropped on a widget."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtGui import QDropEvent, QKeySequence, QShortcut
from qtpy.QtWidgets import (
    QAbstractItemView,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_denoisplit.images.zarr.nodes import is_zarr
from napari_denoisplit.widgets.parts.controls import button, in_a_column, in_a_row
from napari_denoisplit.widgets.parts.dialogs import ask_for_files, ask_for_folder

MODEL_SUFFIXES = (".denoisplit",)
NOISE_SUFFIXES = (".npz", ".npy", ".json")

_ROW = 22  # pixels of a row of the list, about
_PATH_ROLE = Qt.ItemDataRole.UserRole


def has_suffix(path: Path, suffixes: tuple[str, ...]) -> bool:
    """Whether a file is of one of these kinds, by its name."""
    return path.name.lower().endswith(suffixes)


def file_pattern(kinds: str, suffixes: tuple[str, ...]) -> str:
    """Say to a dialog which files it is to show; folders of Zarr are none."""
    return f"{kinds} ({' '.join(f'*{suffix}' for suffix in suffixes if suffix != '.zarr')})"


class FileDrop(QObject):
    """Lets files of some kinds be dropped on a widget and everything in it.

    Parameters
    ----------
    target
        The widget.
    suffixes
        Endings of the files that are taken.
    folders
        Whether folders are taken as they are; else a folder stands for the files in it.
    """

    dropped = Signal(list)  # paths of the right kind were dropped
    taken = Signal(str)  # a drop has ended: what was refused of it and why, else empty

    def __init__(
        self, target: QWidget, suffixes: tuple[str, ...], *, folders: bool = False
    ) -> None:
        super().__init__(target)
        self._suffixes, self._folders = suffixes, folders
        target.setAcceptDrops(True)
        target.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take drags that bring local files."""
        if event.type() in (QEvent.Type.DragEnter, QEvent.Type.DragMove):
            if event.mimeData().hasUrls():
                event.acceptProposedAction()
                return True
        elif event.type() == QEvent.Type.Drop:
            return self._drop(event)
        return bool(super().eventFilter(watched, event))

    def _drop(self, event: QDropEvent) -> bool:
        urls = event.mimeData().urls()
        paths = [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
        if not urls:
            return False
        event.acceptProposedAction()
        self.take(paths)
        return True

    def take(self, paths: list[Path]) -> None:
        """Pass on the files that fit, and folders, or the files in them."""
        if self._folders:
            files = paths
            taken = [path for path in paths if path.is_dir() or has_suffix(path, self._suffixes)]
        else:
            files = [file for path in paths for file in _files(path)]
            taken = [file for file in files if has_suffix(file, self._suffixes)]
        refused, left_out = "", [file.name for file in files if file not in taken]
        if left_out or not files:
            names = ", ".join(left_out) or "The folder is empty"
            refused = f"{names}: only {', '.join(self._suffixes)} can be dropped here."
        if taken:
            self.dropped.emit(taken)
        self.taken.emit(refused)


def _files(path: Path) -> list[Path]:
    """Return the path itself, or the images in a folder; a Zarr folder is an image."""
    if not path.is_dir() or is_zarr(path):
        return [path]
    return sorted(file for file in path.iterdir() if file.is_file() or is_zarr(file))


class FileList(QWidget):
    """A list of files that can be added, dropped, put in order and removed.

    Parameters
    ----------
    kinds
        What the files are, e.g. "images".
    suffixes
        Endings of the files that are taken. An image of OME-Zarr is a folder, which a dialog for
        files cannot choose: where those are taken there is a button for folders.
    """

    changed = Signal()  # files were added, removed or put in another order

    def __init__(
        self, kinds: str, suffixes: tuple[str, ...], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._kinds, self._suffixes = kinds, suffixes
        self.list = _list(kinds, self)
        self.list.model().rowsMoved.connect(self.changed)
        self.empty = QLabel(f"drop {kinds} here", self.list.viewport())
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setEnabled(False)  # in the colour of a placeholder
        self.add_button = button("Add…", f"Choose {kinds}.", self._browse)
        self.folder_button = button(
            "Folder…", "Choose an OME-Zarr image, or a folder of images.", self._browse_folder
        )
        self.remove_button = button("Remove", "", self.remove_selected)
        self.list.itemSelectionChanged.connect(self._refresh)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Delete), self.list, self.remove_selected)
        # The list handles drags within itself; files from outside land on its viewport first.
        self.drop = FileDrop(self.list.viewport(), suffixes)
        self.drop.dropped.connect(self.add)
        self._lay_out()
        self._refresh()

    def _lay_out(self) -> None:
        buttons = in_a_row(self.add_button, self.folder_button, self.remove_button)
        QVBoxLayout(self.list.viewport()).addWidget(self.empty)
        self.setLayout(in_a_column(self.list, buttons))
        self.folder_button.setVisible(".zarr" in self._suffixes)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files, in their order."""
        return tuple(Path(self.list.item(row).data(_PATH_ROLE)) for row in range(self.list.count()))

    def add(self, paths: list[Path]) -> None:
        """Append files that are not in the list yet."""
        for path in paths:
            if path not in self.paths:
                item = QListWidgetItem(path.name)
                item.setToolTip(str(path))
                item.setData(_PATH_ROLE, str(path))
                self.list.addItem(item)
        self._refresh()
        self.changed.emit()

    def set_note(self, path: Path, note: str) -> None:
        """Show what has become of a file behind its name."""
        for row in range(self.list.count()):
            item = self.list.item(row)
            if item.data(_PATH_ROLE) == str(path):
                item.setText(f"{path.name} — {note}")
                self.list.scrollToItem(item)

    def remove_selected(self) -> None:
        """Take the selected files, or without a selection all, out of the list."""
        items = self.list.selectedItems()
        for item in items or [self.list.item(row) for row in range(self.list.count())]:
            self.list.takeItem(self.list.row(item))
        self._refresh()
        self.changed.emit()

    def _browse(self) -> None:
        pattern = file_pattern(self._kinds, self._suffixes)
        if paths := ask_for_files(self, f"Choose {self._kinds}", pattern):
            self.add(paths)

    def _browse_folder(self) -> None:
        if folder := ask_for_folder(self, "An OME-Zarr image, or a folder of images"):
            self.drop.take([folder])

    def _refresh(self) -> None:
        self.empty.setVisible(not self.list.count())
        some = bool(self.list.selectedItems())
        self.remove_button.setText("Remove" if some else "Clear")
        self.remove_button.setToolTip(
            "Take the selected files out of the list."
            if some
            else "Take all files out of the list."
        )


def _list(kinds: str, parent: QWidget) -> QListWidget:
    made = QListWidget(parent)
    made.setAccessibleName(kinds)
    made.setToolTip(f"{kinds}: drop them here, or press Add. Drag to put them in order.")
    made.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
    made.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    made.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    made.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
    made.setFixedHeight(3 * _ROW)
    return made
