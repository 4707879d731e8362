"""The base of every widget that napari shows in a dock."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.widgets.layers.place import viewer_reference
from napari_denoisplit.widgets.parts.column import Column
from napari_denoisplit.widgets.parts.dropping import FileDrop

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari.viewer import Viewer


class DockedWidget(QWidget):
    """A column of parts that takes dropped files, and knows when its dock is closed.

    A widget inside of a dock gets no close event.

    Parameters
    ----------
    napari_viewer
        The viewer; it is held weakly.
    name
        What the widget is for.
    """

    undocked = Signal()  # the dock was closed: nobody can see or stop any more what runs here

    def __init__(self, napari_viewer: Viewer, name: str) -> None:
        super().__init__()
        self._viewer = viewer_reference(napari_viewer)
        self._column = Column(self)
        self.setAccessibleName(name)

    @abstractmethod
    def open_files(self, paths: list[Path]) -> None:
        """Take files, as if they were dropped here."""

    def reset_choices(self, event: object = None) -> None:
        """Follow the viewer's layers; napari calls this."""

    def changeEvent(self, event: QEvent) -> None:
        """Notice that napari takes the widget out of its dock."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.undocked.emit()

    def _lay_out(self, *parts: str | QWidget) -> None:
        """Put parts below each other, each text as a title above the part that follows it."""
        title = ""
        for part in parts:
            if isinstance(part, str):
                title = part
            else:
                self._column.add(part, title)
                title = ""
        self._column.order_tabs()

    def _take_drops(
        self, suffixes: tuple[str, ...], say: Callable[[str], None], *, folders: bool = False
    ) -> None:
        """Take files of these kinds, also those that are dropped on a part; say what is refused."""
        FileDrop(self, suffixes, folders=folders).dropped.connect(self.open_files)
        for drop in self.findChildren(FileDrop):
            drop.refused.connect(say)

    def _open_widget(self, name: str) -> Any:
        """Open another widget of the plugin in front of this one; None without a viewer."""
        if (viewer := self._viewer()) is None:
            return None
        dock, widget = viewer.window.add_plugin_dock_widget("napari-denoisplit", name, tabify=True)
        dock.raise_()
        return widget
