"""The widget that splits many files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QCheckBox, QWidget

from napari_denoisplit.errors import DenoisplitError
from napari_denoisplit.settings import SplitSettings
from napari_denoisplit.widgets.batch.run import BatchOrder, BatchRun, OpenedResults
from napari_denoisplit.widgets.batch.source import BatchSource
from napari_denoisplit.widgets.batch.table import BatchModel, BatchTable
from napari_denoisplit.widgets.choosers.model import ModelChoice
from napari_denoisplit.widgets.layers.opened import open_result
from napari_denoisplit.widgets.parts.column import Fold
from napari_denoisplit.widgets.parts.controls import Text, button, in_a_row, text_line
from napari_denoisplit.widgets.parts.dropping import MODEL_SUFFIXES, TIFF_SUFFIXES, has_suffix
from napari_denoisplit.widgets.parts.fields import SettingsForm, tooltip
from napari_denoisplit.widgets.parts.job_widget import JobWidget
from napari_denoisplit.widgets.parts.worker import Start, start_job

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari.viewer import Viewer
    from qtpy.QtCore import QModelIndex

    from napari_denoisplit.widgets.batch.table import BatchRow
    from napari_denoisplit.widgets.layers.opened import OpenedResult

_MORE = {
    "keep_samples": "Samples to keep",
    "device": "Device",
    "seed": "Seed",
    "tile_size": "Tile size",
    "overlap": "Tile overlap",
    "memory_gib": "Memory (GiB)",
    "precision": "Precision",
}
_CHANNEL = (
    "Channel to split of images that have several: its name, or its number from 1. Empty: images "
    "have one."
)
_SKIP = (
    "Leave files alone that have the same result already: from the same file, by the same model, "
    "with the same settings and version."
)
_DETAIL_LINES = 3


class BatchWidget(JobWidget):
    """Split every image of a folder; what is done is known again, and no bad file ends the run.

    Parameters
    ----------
    napari_viewer
        The viewer; napari finds the parameter by its name.
    start
        How a job is run.
    """

    def __init__(self, napari_viewer: Viewer, start: Start = start_job) -> None:
        help_text = "Split every file in the table."
        super().__init__(napari_viewer, "Split a folder", "Split all", help_text, start)
        self._start = start
        self._run: BatchRun | None = None
        self._opened = OpenedResults(self._viewer)
        self.model = ModelChoice(self)
        self.source = BatchSource(start, self)
        self.settings = SettingsForm(SplitSettings, {"n_samples": "Samples"}, parent=self)
        self.more = SettingsForm(SplitSettings, _MORE, parent=self)
        self.more["keep_samples"].set_value(0)  # thousands of files would fill the disk
        self.channel = text_line("Channel", _CHANNEL, "name or number")
        self.more.add_row("Channel", self.channel)
        self.skip_done = QCheckBox("Skip what is done", self)
        self.skip_done.setChecked(True)
        self.skip_done.setToolTip(tooltip(_SKIP))
        self.files = BatchModel(self)
        self.table = BatchTable(self.files, self)
        self._make_results()
        how = ("How", self.settings, self.skip_done, Fold("More", self.more), self.panel)
        found = (self.table, self.details, self._buttons)
        self._lay_out("Model", self.model, "Images", self.source, *how, *found)
        self._take_drops(MODEL_SUFFIXES + TIFF_SUFFIXES, self.panel.say, folders=True)
        self._connect()
        self._refresh()

    def _make_results(self) -> None:
        self.details = Text("About the selected file", self, selectable=True)
        self.details.setAlignment(Qt.AlignmentFlag.AlignTop)
        # Its room is kept: the table must not move between the two clicks of a double-click.
        self.details.setMinimumHeight(_DETAIL_LINES * self.details.fontMetrics().lineSpacing())
        self.details.show()
        self.retry_button = button(
            "Retry failed", "Split only the files that have failed.", self.retry_failed
        )
        self.open_button = button(
            "Open result", "Show MMSE and sigma of the selected file as layers.", self.open_result
        )
        self.folder_button = button(
            "Show folder", "Open the folder with the results outside napari.", self._show_folder
        )
        self._buttons = QWidget(self)
        self._buttons.setLayout(in_a_row(self.retry_button, self.open_button, self.folder_button))

    def _connect(self) -> None:
        self.model.changed.connect(self._refresh)
        self.source.found.connect(self._show_files)
        self.source.changed.connect(self._refresh)
        self.panel.finished.connect(self._on_finished)
        self.table.doubleClicked.connect(self._open_index)
        self.table.selectionModel().selectionChanged.connect(self._refresh)
        self.files.dataChanged.connect(self._refresh_files)

    @property
    def problem(self) -> str:
        """Why the batch cannot begin; empty if it can."""
        return self.model.problem or self.source.problem

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

    def retry_failed(self) -> None:
        """Split the files that have failed, and no other."""
        rows = self.files.with_status("failed")
        self._run_with(partial(self._order_for, rows, skip_done=False))

    def _order(self) -> BatchOrder:
        return self._order_for(range(len(self.files.rows)), skip_done=self.skip_done.isChecked())

    def _order_for(self, rows: Sequence[int], *, skip_done: bool) -> BatchOrder:
        output = self.source.output.path
        if output is None:
            raise DenoisplitError(self.source.problem)
        return BatchOrder(
            model=self.model.path,
            settings=SplitSettings(**self.settings.values(), **self.more.values()),
            rows=tuple(rows),
            items=tuple(self.files.rows[row].item for row in rows),
            output=output,
            channel=self.channel.text().strip() or None,
            skip_done=skip_done,
        )

    def _begin(self, order: BatchOrder) -> None:
        self._run = BatchRun(self.panel, self.files, self.table, order)
        self._run.begin()
        self._column.reveal(self._buttons)

    def open_result(self) -> None:
        """Show the result of the selected file as layers."""
        number = self.table.current
        if number is None or not self.files.rows[number].outputs:
            return
        row = self.files.rows[number]
        # Not by the panel, whose job may be the batch: results can be looked at while it runs.
        self._start(
            partial(open_result, row.outputs[0]),
            on_event=lambda event: None,  # opening takes a moment
            on_done=self._show_result,
            on_error=self.panel.fail,
            title=f"denoiSplit: opening the result of {row.item.path.name}",
        ).cancel_with(self)

    def _show_files(self, rows: Sequence[BatchRow]) -> None:
        self.files.set_rows(rows)
        self._column.reveal(self._buttons)
        if rows:
            self.panel.say(f"{len(rows)} images found." if len(rows) > 1 else "1 image found.")

    def _show_result(self, opened: OpenedResult | None) -> None:
        if opened is not None:
            self._opened.show(opened)

    def _open_index(self, index: QModelIndex) -> None:
        self.table.select(index.row())
        self.open_result()

    def _show_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.source.output.path)))

    def _on_finished(self) -> None:
        self._run = None
        self._refresh()

    def _refresh(self, *_: object) -> None:
        super()._refresh()
        self.source.setEnabled(self._run is None)
        folder = self.source.output.path
        self.folder_button.setEnabled(folder is not None and folder.is_dir())
        self._refresh_files()

    def _refresh_files(self, *_: object) -> None:
        number = self.table.current
        row = None if number is None else self.files.rows[number]
        self.details.setText("" if row is None else row.details)
        self.open_button.setEnabled(row is not None and bool(row.outputs))
        ready = self._run is None and not self.problem
        self.retry_button.setEnabled(ready and bool(self.files.with_status("failed")))
