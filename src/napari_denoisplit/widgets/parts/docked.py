"""A widget that napari shows in a dock."""

from __future__ import annotations

from qtpy.QtCore import QEvent, Signal
from qtpy.QtWidgets import QWidget


class DockedWidget(QWidget):
    """Knows when its dock is closed; a widget inside of a dock gets no close event."""

    undocked = Signal()  # the dock was closed: nobody can see or stop any more what runs here

    def changeEvent(self, event: QEvent) -> None:
        """Notice that napari takes the widget out of its dock."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.undocked.emit()
