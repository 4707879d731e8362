"""The widget that splits many files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from napari_denoisplit.settings import SplitSettings
from napari_denoisplit.widgets.batch.run import BatchOrder, BatchRun, OpenedResults, read_results
from napari_denoisplit.widgets.batch.source import BatchDrop, BatchSource
from napari_denoisplit.widgets.batch.table import BatchModel, BatchTable
from napari_denoisplit.widgets.choosers.model import ModelChoice
from napari_denoisplit.widgets.layers.place import viewer_reference
from napari_denoisplit.widgets.parts.column import Column, Fold
from napari_denoisplit.widgets.parts.docked import DockedWidget
from napari_denoisplit.widgets.parts.dropping import MODEL_SUFFIXES, TIFF_SUFFIXES, has_suffix
from napari_denoisplit.widgets.parts.fields import SettingsForm, tooltip
from napari_denoisplit.widgets.parts.preferences import preference
from napari_denoisplit.widgets.parts.run_panel import RunPanel
from napari_denoisplit.widgets.parts.worker import Start, start_job

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari.viewer import Viewer
    from qtpy.QtCore import QModelIndex

    from napari_denoisplit.widgets.batch.run import ResultImage
    from napari_denoisplit.widgets.batch.table import BatchRow

_MORE = {
    "keep_samples": "Samples to keep",
    "device": "Device",
    "seed": "Seed",
    "tile_size": "Tile size",
    "overlap": "Tile overlap",
    "memory_gib": "Memory (GiB)",
    "precision": "Precision",
}
_DETAIL_LINES = 3


class BatchWidget(DockedWidget):
    """Split every image of a folder; what is done is known again, and no bad file ends the run.

    Parameters
    ----------
    napari_viewer
        The viewer; napari finds the parameter by its name.
    start
        How a job is run.
    """

    def __init__(self, napari_viewer: Viewer, start: Start = start_job) -> None:
        super().__init__()
        self._start = start
        self._run: BatchRun | None = None
        self._opened = OpenedResults(viewer_reference(napari_viewer))
        self.model = ModelChoice(self)
        self.source = BatchSource(start, self)
        self.settings = SettingsForm(SplitSettings, {"n_samples": "Samples"}, parent=self)
        self.more = SettingsForm(SplitSettings, _MORE, parent=self)
        self.more["keep_samples"].set_value(0)  # thousands of files would fill the disk
        for form, name in ((self.settings, "n_samples"), (self.more, "device")):
            form[name].set_value(preference(name, form[name].value()))
        self.channel = _channel_line(self)
        self.more.add_row("Channel", self.channel)
        self.skip_done = _skip_box(self)
        self.panel = RunPanel("Split all", "Split every file in the table.", start, self)
        self.files = BatchModel(self)
        self.table = BatchTable(self.files, self)
        self.details = _details_label(self)
        self.retry_button = QPushButton("Retry failed", self)
        self.retry_button.setToolTip("Split only the files that have failed.")
        self.open_button = QPushButton("Open result", self)
        self.open_button.setToolTip("Show MMSE and sigma of the selected file as layers.")
        self.folder_button = QPushButton("Show folder", self)
        self.folder_button.setToolTip("Open the folder with the results outside napari.")
        self._lay_out()
        self._connect()
        self._refresh()

    def _lay_out(self) -> None:
        self._buttons = QWidget(self)
        row = QHBoxLayout(self._buttons)
        row.setContentsMargins(0, 0, 0, 0)
        for button in (self.retry_button, self.open_button, self.folder_button):
            row.addWidget(button)
        self._column = column = Column(self)
        column.add(self.model, "Model")
        column.add(self.source, "Images")
        column.add(self.settings, "How")
        column.add(self.skip_done)
        column.add(Fold("More", self.more))
        column.add(self.panel)
        column.add(self.table)
        column.add(self.details)
        column.add(self._buttons)
        column.order_tabs()
        self.setAccessibleName("Split a folder")

    def _connect(self) -> None:
        drop = BatchDrop(self, MODEL_SUFFIXES + TIFF_SUFFIXES)
        drop.dropped.connect(self.open_files)
        drop.folders_dropped.connect(self.open_files)
        drop.refused.connect(self.panel.say)
        self.model.changed.connect(self._refresh)
        self.source.found.connect(self._show_files)
        self.source.changed.connect(self._refresh)
        self.panel.start_clicked.connect(self.split)
        self.undocked.connect(self.panel.stop)
        self.retry_button.clicked.connect(self.retry_failed)
        self.open_button.clicked.connect(self.open_result)
        self.folder_button.clicked.connect(self._show_folder)
        self.table.doubleClicked.connect(self._open_index)
        self.table.selectionModel().selectionChanged.connect(self._refresh)
        self.files.dataChanged.connect(self._refresh_files)

    @property
    def is_busy(self) -> bool:
        """Whether files are being split or looked for."""
        return self._run is not None or self.source.is_searching

    def open_model(self, path: Path) -> None:
        """Choose a model file."""
        self.model.open(path)

    def open_files(self, paths: list[Path]) -> None:
        """Take a model, images and folders, as if they were dropped here."""
        models = [path for path in paths if has_suffix(path, MODEL_SUFFIXES)]
        images = [path for path in paths if path not in models]
        if models:
            self.open_model(models[-1])
        if images and self._run is None:  # else the table is that of the run
            self.source.choose(images)

    def split(self) -> None:
        """Check the choices and split all files."""
        self._begin(range(len(self.files.rows)), skip_done=self.skip_done.isChecked())

    def retry_failed(self) -> None:
        """Split the files that have failed, and no other."""
        self._begin(self.files.with_status("failed"), skip_done=False)

    def _begin(self, rows: Sequence[int], *, skip_done: bool) -> None:
        order = self.panel.checked(partial(self._order, rows, skip_done=skip_done))
        if order is None:
            return
        self._run = BatchRun(self.panel, self.files, self.table, order)
        self._run.finished.connect(self._on_finished)
        self._run.begin()
        self._refresh()
        self._column.reveal(self._buttons)

    def _order(self, rows: Sequence[int], *, skip_done: bool) -> BatchOrder:
        return BatchOrder(
            model=self.model.path,
            settings=SplitSettings(**self.settings.values(), **self.more.values()),
            rows=tuple(rows),
            items=tuple(self.files.rows[row].item for row in rows),
            output=self.source.output_folder,
            channel=self.channel.text().strip() or None,
            skip_done=skip_done,
        )

    def open_result(self) -> None:
        """Show the result of the selected file as layers."""
        number = self.table.current
        if number is None or not self.files.rows[number].outputs:
            return
        row = self.files.rows[number]
        # Not by the panel, whose job may be the batch: results can be looked at while it runs.
        self._start(
            partial(read_results, row.outputs),
            on_event=_ignore,
            on_done=partial(self._show_result, row.item.name),
            on_error=self.panel.fail,
            title=f"denoiSplit: opening the result of {row.item.path.name}",
        ).cancel_with(self)

    def reset_choices(self, event: object = None) -> None:
        """Follow the viewer's layers; napari calls this, and nothing here depends on them."""

    def _show_files(self, rows: Sequence[BatchRow]) -> None:
        self.files.set_rows(rows)
        self._column.reveal(self._buttons)
        if rows:
            self.panel.say(f"{len(rows)} images found." if len(rows) > 1 else "1 image found.")

    def _show_result(self, name: str, images: Sequence[ResultImage]) -> None:
        self._opened.show(name, images)

    def _open_index(self, index: QModelIndex) -> None:
        self.table.select(index.row())
        self.open_result()

    def _show_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.source.output_folder)))

    def _on_finished(self) -> None:
        if self._run is not None:
            self._run.deleteLater()
            self._run = None
        self._refresh()

    def _refresh(self, *_: object) -> None:
        self.panel.set_obstacle(self.model.problem or self.source.problem)
        self.source.setEnabled(self._run is None)
        named = bool(self.source.output.text().strip())
        self.folder_button.setEnabled(named and self.source.output_folder.is_dir())
        self._refresh_files()

    def _refresh_files(self, *_: object) -> None:
        number = self.table.current
        row = None if number is None else self.files.rows[number]
        self.details.setText("" if row is None else row.details)
        self.open_button.setEnabled(row is not None and bool(row.outputs))
        ready = self._run is None and not self.model.problem and not self.source.problem
        self.retry_button.setEnabled(ready and bool(self.files.with_status("failed")))


def _channel_line(parent: QWidget) -> QLineEdit:
    line = QLineEdit(parent)
    line.setAccessibleName("Channel")
    line.setPlaceholderText("name or number")
    line.setToolTip(
        tooltip(
            "Channel to split of images that have several: its name, or its number from 1. Empty: "
            "images have one."
        )
    )
    line.setAcceptDrops(False)
    return line


def _skip_box(parent: QWidget) -> QCheckBox:
    box = QCheckBox("Skip what is done", parent)
    box.setChecked(True)
    box.setToolTip(
        tooltip(
            "Leave files alone that have the same result already: from the same file, by the same "
            "model, with the same settings and version."
        )
    )
    return box


def _details_label(parent: QWidget) -> QLabel:
    label = QLabel(parent)
    label.setAccessibleName("About the selected file")
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignTop)
    # Its room is kept: the table must not move between the two clicks of a double-click.
    label.setMinimumHeight(_DETAIL_LINES * label.fontMetrics().lineSpacing())
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    # A word-wrapped label would else ask for the width of its longest line.
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    return label


def _ignore(event: object) -> None:
    """Show nothing: reading takes a moment."""
