"""Table of the objects of a structure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_denoisplit.wording import grey_levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.measures.samples.objects import ObjectSummary

__all__ = ["ObjectTable"]

_HEADINGS = ("Object", "Pixels", "Mean", "± (95%)", "Trusted")
_HEIGHT = 150  # pixels
_MOST = 2000  # rows; more are in the file


class ObjectTable(QWidget):
    """One object in a row."""

    chosen = Signal(int)  # a row was double-clicked

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = QTableWidget(0, len(_HEADINGS), self)
        self.table.setHorizontalHeaderLabels(_HEADINGS)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.setFixedHeight(_HEIGHT)
        self.table.horizontalHeader().setMinimumSectionSize(30)
        self.table.setMinimumWidth(0)
        self.table.setAccessibleName("Objects")
        self.table.setToolTip("Double-click a row to look at the object.")
        self.table.cellDoubleClicked.connect(lambda row, _: self.chosen.emit(row))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)
        self.hide()

    def show_objects(self, objects: Sequence[ObjectSummary]) -> None:
        """Show these, the first two thousand."""
        self.table.setRowCount(min(len(objects), _MOST))
        for row, one in enumerate(objects[:_MOST]):
            half = None if one.high is None else one.high - one.mean
            values = (
                str(one.label),
                str(one.n_pixels),
                grey_levels(one.mean, 4),
                "–" if half is None else grey_levels(half),
                f"{one.trusted:.0%}",
            )
            for column, value in enumerate(values):
                item = QTableWidgetItem(value)
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(row, column, item)
        self.setVisible(bool(objects))
