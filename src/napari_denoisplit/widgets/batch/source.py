"""Choice of the files of a batch, and of the folder for their results."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.events import Stage
from napari_denoisplit.fault_report import explained
from napari_denoisplit.images.zarr.nodes import is_zarr
from napari_denoisplit.widgets.batch.table import BatchRow
from napari_denoisplit.widgets.choosers.path import PathChoice
from napari_denoisplit.widgets.parts.controls import button, check_box, in_a_row, text_line
from napari_denoisplit.widgets.parts.dialogs import ask_for_files, ask_for_folder
from napari_denoisplit.widgets.parts.fields import form_layout, tooltip
from napari_denoisplit.widgets.parts.latest import LatestJob

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.widgets.parts.worker import Start

_RECURSIVE = "Take images from sub-folders, too; the results keep the sub-folders."
_PATTERN = "Which files to take from a folder, e.g. 'cell*.tif'; * stands for any text."
_NOTHING_YET = "Choose a folder of images, or drop one here."
_LOOKING = "Looking for images…"


def look_for_images(
    paths: Sequence[Path], pattern: str, recursive: bool, stop: threading.Event
) -> Job[StatusEvent, tuple[BatchRow, ...]]:
    """List the images of folders and files."""
    yield Stage(_LOOKING)
    # Not at the top: it brings the reader of TIFF files, by which results are told from images.
    from napari_denoisplit.jobs.batch.items import find_items

    items = find_items(paths, pattern=pattern, recursive=recursive)
    return tuple(map(BatchRow, items))


class BatchSource(QWidget):
    """Folders or files, which of them to take, and where the results go.

    Parameters
    ----------
    start
        How a job is run: folders are searched in the background.
    """

    found = Signal(object)  # tuple of BatchRow: other files are chosen
    failed = Signal(object)  # the images cannot be listed: the error
    changed = Signal()  # there is another problem, or none any more

    def __init__(self, start: Start, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._search = LatestJob(start, self, "denoiSplit: looking for images")
        self._paths: tuple[Path, ...] = ()
        self._own_output: Path | None = None
        self._trouble = _NOTHING_YET
        self.images = text_line("Images", "Folder with the images.", "drop a folder or files")
        self.folder_button = button(
            "Folder…", "Choose a folder of images, or an OME-Zarr image.", self._browse_folder
        )
        self.files_button = button("Files…", "Choose images.", self._browse_files)
        self.pattern = text_line("Pattern", _PATTERN, "*")
        self.pattern.setText("*")
        self.recursive = check_box("with sub-folders", _RECURSIVE, self)
        self.output = PathChoice("Folder for the results", kind="folder")
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        rows = {
            "From": self.images,
            "": in_a_row(self.folder_button, self.files_button),
            "Pattern": in_a_row(self.pattern, self.recursive),
            "Results": self.output,
        }
        form_layout(self, rows)

    def _connect(self) -> None:
        self.images.editingFinished.connect(self._on_typed)
        self.pattern.editingFinished.connect(self._search_again)
        self.recursive.toggled.connect(self._search_again)
        self.output.changed.connect(self.changed)
        self._search.answered.connect(self._end)
        self._search.failed.connect(self._fail)

    @property
    def problem(self) -> str:
        """Why the batch cannot begin; empty if it can."""
        return self._trouble or ("" if self.output.path else "Choose a folder for the results.")

    @property
    def is_searching(self) -> bool:
        """Whether folders are being searched."""
        return self._search.is_busy

    def choose(self, paths: Sequence[Path]) -> None:
        """Take folders or files, in the place of those before."""
        self._paths = tuple(paths)
        name = str(paths[0]) if len(paths) == 1 else f"{len(paths)} files and folders"
        self.images.setText(name)
        self.images.setToolTip(tooltip("\n".join(map(str, paths[:20]))))
        if self.output.path == self._own_output:
            is_folder = paths[0].is_dir() and not is_zarr(paths[0])
            self._own_output = (paths[0] if is_folder else paths[0].parent) / "split"
            self.output.set_path(self._own_output)
        self._look()

    def _on_typed(self) -> None:
        text = self.images.text().strip()
        if text and not text.endswith("files and folders") and (Path(text),) != self._paths:
            self.choose([Path(text).expanduser()])

    def _search_again(self, *_: object) -> None:
        if self._paths:
            self._look()

    def _look(self) -> None:
        self._trouble = _LOOKING
        self.changed.emit()
        pattern = self.pattern.text().strip() or "*"
        recursive = self.recursive.isChecked()
        self._search.ask(partial(look_for_images, self._paths, pattern, recursive))

    def _end(self, rows: tuple[BatchRow, ...] = (), trouble: str = "") -> None:
        self._trouble = trouble
        self.found.emit(rows)
        self.changed.emit()

    def _fail(self, error: Exception) -> None:
        self._end(trouble=explained(error))
        self.failed.emit(error)

    def _browse_folder(self) -> None:
        if folder := ask_for_folder(self, "Folder of images", next(iter(self._paths), None)):
            self.choose([folder])

    def _browse_files(self) -> None:
        if paths := ask_for_files(self, "Images", start=next(iter(self._paths), None)):
            self.choose(paths)
