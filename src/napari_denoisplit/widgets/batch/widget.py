"""The widget that splits many files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, assert_never

from qtpy.QtCore import Qt, QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QWidget

from napari_denoisplit.errors import DenoisplitError
from napari_denoisplit.events import (
    FileOutcome,
    FileProgress,
    FileStarted,
    Progress,
    Stage,
)
from napari_denoisplit.images.files.endings import READABLE
from napari_denoisplit.settings import SplitSettings
from napari_denoisplit.widgets.batch.run import BatchOrder, OpenedResults, ShownEvent, split_files
from napari_denoisplit.widgets.batch.source import BatchSource
from napari_denoisplit.widgets.batch.table import BatchModel, BatchTable
from napari_denoisplit.widgets.choosers.model_page import ModelPage
from napari_denoisplit.widgets.choosers.split_fields import split_fields
from napari_denoisplit.widgets.layers.opened import open_result
from napari_denoisplit.widgets.parts.column import Fold
from napari_denoisplit.widgets.parts.controls import Text, button, check_box, in_a_row, text_line
from napari_denoisplit.widgets.parts.dialogs import ask_for_folder
from napari_denoisplit.widgets.parts.dropping import MODEL_SUFFIXES
from napari_denoisplit.widgets.parts.fields import control_alone
from napari_denoisplit.widgets.parts.latest import LatestJob
from napari_denoisplit.widgets.parts.worker import Start, start_job

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from napari.viewer import Viewer
    from qtpy.QtCore import QModelIndex

    from napari_denoisplit.jobs.batch.outcome import BatchResult
    from napari_denoisplit.widgets.batch.table import BatchRow
    from napari_denoisplit.widgets.parts.fields import Control

_CHANNEL = (
    "Channel to split of images that have several: its name, or its number from 1. Empty: images "
    "have one."
)
_SKIP = (
    "Leave files alone that have the same result already: from the same file, by the same model, "
    "with the same settings and version. Without, they are replaced, results of other images of "
    "the same name too."
)
_DETAIL_LINES = 3


class BatchWidget(ModelPage):
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
        self._rows: tuple[int, ...] = ()  # that are being split
        self._opened = OpenedResults(self._viewer)
        self._opening = LatestJob(start, self, "denoiSplit: opening a result")
        self.source = BatchSource(start, self)
        self.settings, self.more = split_fields(self)
        self.more["keep_samples"].set_value(0)  # thousands of files would fill the disk
        self.channel = text_line("Channel", _CHANNEL, "name or number")
        self.more.add_row("Channel", self.channel)
        self.skip_done = check_box("Skip what is done", _SKIP, self, checked=True)
        self.files = BatchModel(self)
        self.table = BatchTable(self.files, self)
        self._make_results()
        how = ("How", self.settings, self.skip_done, Fold("More", self.more), self.panel)
        found = (self.table, self.details, self._buttons)
        self._lay_out("Model", self.model, "Images", self.source, *how, *found)
        kinds = {MODEL_SUFFIXES: self.model.add, READABLE: self._choose}
        self._take_drops(kinds, self.panel.status, folders=True)
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
            "Open result",
            "Show best estimate and uncertainty of the selected file as layers.",
            self.open_result,
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
        # What it says stands in the way of the button, beside it.
        self.source.failed.connect(self.panel.copy_button.offer)
        self.table.doubleClicked.connect(self._open_index)
        self.table.selectionModel().selectionChanged.connect(self._refresh)
        self.files.dataChanged.connect(self._refresh_files)
        # Not by the panel, whose job may be the batch: results can be looked at while it runs.
        self._opening.answered.connect(self._opened.show)
        self._opening.failed.connect(self.panel.fail)

    @property
    def problem(self) -> str:
        """Why the batch cannot begin; empty if it can."""
        return self.model.problem or self.source.problem

    @property
    def is_busy(self) -> bool:
        """Whether files are being split or looked for."""
        return self.panel.is_running or self.source.is_searching

    @property
    def settings_alone(self) -> Mapping[str, Control]:
        """Whether sub-folders are searched.

        That finished files are not skipped is not remembered: it replaces results.
        """
        return {"recursive": control_alone(self.source.recursive)}

    def take_example(self) -> None:
        """Write the example into a folder that is asked for, and choose it."""
        if folder := ask_for_folder(self, "Folder for the example"):
            self.write_example(folder)

    def write_example(self, folder: Path) -> None:
        """Write the example into a folder, and choose its model and the image to split."""
        from napari_denoisplit.images.example.cells import write_example  # loads tifffile

        written = self.panel.checked(partial(write_example, folder))
        if written is not None:
            self.open_files(list(written[:2]))

    def _choose(self, paths: list[Path]) -> None:
        if not self.panel.is_running:  # else the table is that of the run
            self.source.choose(paths)

    def retry_failed(self) -> None:
        """Split the files that have failed, and no other."""
        self._run_with(partial(self._order_for, self.files.with_status("failed")))

    def _order(self) -> BatchOrder:
        return self._order_for(range(len(self.files.rows)))

    def _order_for(self, rows: Sequence[int]) -> BatchOrder:
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
            skip_done=self.skip_done.isChecked(),
        )

    def _begin(self, order: BatchOrder) -> None:
        self._rows = order.rows
        for row in order.rows:
            self.files.update(row, status="waiting", done=0.0, seconds=None, message="", outputs=())
        self.panel.run(
            partial(split_files, order),
            on_event=self._on_event,
            on_done=self._on_done,
            on_error=self._on_error,
            title=f"denoiSplit: splitting {len(order.rows)} files",
        )
        self._column.reveal(self._buttons)

    def _on_event(self, event: ShownEvent) -> None:
        match event:
            case FileStarted(index=index, why_again=why):
                message = f"Split again: {why}." if why else ""
                self._show(index, status="running", message=message)
                self.table.follow(self._rows[index])
            case FileProgress(index=index, done=done):
                self._show(index, done=done)
            case FileOutcome(index=index, status=status, outputs=outputs, message=message):
                seconds = event.seconds or None  # of a file that was done before
                self._show(index, status=status, outputs=outputs, seconds=seconds, message=message)
            case Stage() | Progress():
                pass  # shown by the panel
            case _:
                assert_never(event)

    def _show(self, index: int, **changes: object) -> None:
        self.files.update(self._rows[index], **changes)

    def _on_done(self, result: BatchResult) -> None:
        log = "" if result.log is None else f" Details: {result.log.name} beside the results."
        self.panel.say(f"{result.summary}.{log}")
        failed = self.files.with_status("failed")
        if failed and self.table.current is None:
            self.table.select(failed[0])  # below the table stands why

    def _on_error(self, error: Exception) -> None:
        for row in self.files.with_status("running"):
            self.files.update(row, status="failed", message=str(error))
        self.panel.fail(error)

    def open_result(self) -> None:
        """Show the result of the selected file as layers."""
        number = self.table.current
        if number is None or not self.files.rows[number].outputs:
            return
        self._opening.ask(partial(open_result, self.files.rows[number].outputs[0]))

    def _show_files(self, rows: Sequence[BatchRow]) -> None:
        self.files.set_rows(rows)
        self._column.reveal(self._buttons)
        if rows:
            self.panel.say(f"{len(rows)} images found." if len(rows) > 1 else "1 image found.")

    def _open_index(self, index: QModelIndex) -> None:
        self.table.select(index.row())
        self.open_result()

    def _show_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.source.output.path)))

    def _refresh(self, *_: object) -> None:
        super()._refresh()
        self.source.setEnabled(not self.panel.is_running)
        folder = self.source.output.path
        self.folder_button.setEnabled(folder is not None and folder.is_dir())
        self._refresh_files()

    def _refresh_files(self, *_: object) -> None:
        number = self.table.current
        row = None if number is None else self.files.rows[number]
        self.details.setText("" if row is None else row.details)
        self.open_button.setEnabled(row is not None and bool(row.outputs))
        ready = not (self.panel.is_running or self.problem)
        self.retry_button.setEnabled(ready and bool(self.files.with_status("failed")))
