"""Table of the files of a batch, with what has become of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSize, Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTreeView, QWidget

from napari_denoisplit.widgets.parts.fields import tooltip
from napari_denoisplit.wording import duration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_denoisplit.jobs.batch.items import BatchItem

RowStatus = Literal["waiting", "running", "done", "skipped", "stopped", "failed"]

_HEADINGS = ("File", "Status", "Time")
_NAME, _STATUS, _TIME = range(3)
_SHOWN = {
    "waiting": "waiting",
    "done": "✓ done",
    "skipped": "✓ before",
    "stopped": "■ stopped",
    "failed": "✗ failed",
}
_WIDEST = {_STATUS: "■ stopped ", _TIME: "99.9 days "}
_ROWS = 6  # that are in sight at once, without scrolling
_ROW_HEIGHT = 22  # pixels


@dataclass(slots=True)
class BatchRow:
    """One file."""

    item: BatchItem
    status: RowStatus = "waiting"
    done: float = 0.0
    """Share done of a file that is running."""
    seconds: float | None = None
    message: str = ""
    outputs: tuple[Path, ...] = ()

    @property
    def details(self) -> str:
        """Everything there is to say, for a line below the table."""
        ending = f": {self.message}" if self.message else ""
        words = "done before" if self.status == "skipped" else self.status
        return f"{self.item.path.name}, {words}{ending}"


class BatchModel(QAbstractTableModel):
    """The files, one in a row."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[BatchRow] = []

    def set_rows(self, rows: Sequence[BatchRow]) -> None:
        """Show other files."""
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def update(self, number: int, **changes: Any) -> None:
        """Change something about one file."""
        for name, value in changes.items():
            setattr(self.rows[number], name, value)
        self.dataChanged.emit(self.index(number, _NAME), self.index(number, _TIME))

    def with_status(self, *statuses: RowStatus) -> list[int]:
        """Numbers of the rows of which this is true."""
        return [n for n, row in enumerate(self.rows) if row.status in statuses]

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        """Return the number of files."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        """Return the number of columns."""
        return 0 if parent.isValid() else len(_HEADINGS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return the title of a column."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _HEADINGS[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows."""
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(row, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(row.message or str(row.item.path))
        if role == Qt.ItemDataRole.SizeHintRole:
            return QSize(0, _ROW_HEIGHT)
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() == _TIME:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None


class BatchTable(QTreeView):
    """The view of a `BatchModel`; its rows are of one height, so that thousands cost nothing."""

    def __init__(self, model: BatchModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setAccessibleName("Files of the batch")
        self.setToolTip(tooltip("Files of the batch. Double-click one to open its result."))
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAllColumnsShowFocus(True)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        for column, widest in _WIDEST.items():
            # Not by the content, which would be measured row by row.
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            self.setColumnWidth(column, self.fontMetrics().horizontalAdvance(widest) + 8)
        self.setMinimumHeight((_ROWS + 1) * _ROW_HEIGHT)

    @property
    def current(self) -> int | None:
        """Number of the selected row."""
        indexes = self.selectionModel().selectedRows()
        return indexes[0].row() if indexes else None

    def select(self, number: int) -> None:
        """Select a row and bring it into sight."""
        self.setCurrentIndex(self.model().index(number, 0))

    def follow(self, number: int) -> None:
        """Bring a row into sight, unless the user looks at another."""
        if self.current is None:
            self.scrollTo(self.model().index(number, 0))

    def sizeHint(self) -> QSize:
        """As high as some rows; the column around it scrolls."""
        return QSize(super().sizeHint().width(), self.minimumHeight())


def _text(row: BatchRow, column: int) -> str:
    if column == _NAME:
        # Of the name the end tells files apart, and of a file in a sub-folder where it lies.
        folder = row.item.name.rpartition("/")[0]
        return f"{folder}/{row.item.path.name}" if folder else row.item.path.name
    if column == _STATUS:
        return f"▶ {row.done:.0%}" if row.status == "running" else _SHOWN[row.status]
    return "" if row.seconds is None else duration(row.seconds)
