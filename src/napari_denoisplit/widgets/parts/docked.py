"""The base of every widget that napari shows in a dock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, Qt, Signal
from qtpy.QtWidgets import QApplication, QDockWidget, QMainWindow, QWidget

from napari_denoisplit.widgets.layers.place import viewer_reference
from napari_denoisplit.widgets.parts.column import Column, Fold
from napari_denoisplit.widgets.parts.dropping import FileDrop, has_suffix
from napari_denoisplit.widgets.parts.run_panel import RunPanel
from napari_denoisplit.widgets.parts.timer import timer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from napari.viewer import Viewer
    from qtpy.QtGui import QHideEvent, QShowEvent

    from napari_denoisplit.widgets.parts.controls import Text

_PLUGIN, _TITLE = " (napari-denoisplit)", " (denoiSplit)"
"""How napari ends the name of a dock that a script opens, and of one that its menus open."""


class DockedWidget(QWidget):
    """A column of parts that takes dropped files, and knows when its dock is closed.

    A widget inside of a dock gets no close event. Docks of the plugin become tabs of one place:
    napari stacks what its menus open, whatever the manifest says, and two would not fit a screen.

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
        self._is_behind = self._is_closed = False  # the tab of its dock, and the dock
        self._to_front = timer(self, self.come_to_front)
        self.setAccessibleName(name)

    def open_files(self, paths: list[Path]) -> None:
        """Take files, as if they were dropped here."""
        every = tuple(suffix for suffixes in self._kinds for suffix in suffixes)
        left = [path for path in paths if not has_suffix(path, every)]
        for suffixes, take in self._kinds.items():
            found = [path for path in paths if has_suffix(path, suffixes)]
            found += left if suffixes == list(self._kinds)[-1] else []
            if found:
                take(found)

    def reset_choices(self, event: object = None) -> None:
        """Follow the viewer's layers; napari calls this."""

    def changeEvent(self, event: QEvent) -> None:
        """Notice that napari puts the widget into a dock, or takes it out."""
        super().changeEvent(event)
        if event.type() != QEvent.Type.ParentChange:
            return
        if (dock := _dock_of(self)) is not None:
            # Told as soon as the dock has its place, before the window grows for it.
            dock.dockLocationChanged.connect(self._join)
            dock.visibilityChanged.connect(self._on_visible)
        elif self.parent() is None:
            self.undocked.emit()

    def hideEvent(self, event: QHideEvent) -> None:
        """Come to the front instead, where napari's menu hides a dock whose tab is behind."""
        super().hideEvent(event)
        dock, window = _dock_of(self), _main_window(self)
        self._is_closed = dock is not None and dock.isHidden()
        if self._is_closed and window is not None and self._is_behind:
            if window.dockWidgetArea(dock) != Qt.DockWidgetArea.NoDockWidgetArea:
                self._to_front.start()

    def showEvent(self, event: QShowEvent) -> None:
        """Come to the front, where the dock was closed before."""
        super().showEvent(event)
        if self._is_closed:
            self._is_closed = False
            self._to_front.start()

    def _on_visible(self, in_front: bool) -> None:
        dock = _dock_of(self)
        if dock is not None and not dock.isHidden():
            self._is_behind = not in_front

    def come_to_front(self) -> None:
        """Show the dock, before the other tabs of its place."""
        if (dock := _dock_of(self)) is not None:
            dock.show()
            dock.raise_()

    def _join(self, *_: object) -> None:
        """Become a tab beside another widget of the plugin, once: the user may move it later."""
        dock, window = _dock_of(self), _main_window(self)
        if dock is None or window is None:
            return
        dock.dockLocationChanged.disconnect(self._join)
        if getattr(dock, "name", "").endswith(_PLUGIN):
            # napari keeps the dock by this name in a moment; its menus look for the other one.
            dock.name = dock.name.removesuffix(_PLUGIN) + _TITLE
            dock.setWindowTitle(dock.name)
        area = window.dockWidgetArea(dock)
        for other in map(_dock_of, window.findChildren(DockedWidget)):
            if other not in (None, dock) and not other.isFloating():
                if window.dockWidgetArea(other) != area:
                    continue
                window.tabifyDockWidget(other, dock)
                self.come_to_front()
                return

    def _lay_out(self, *parts: str | QWidget) -> None:
        """Put parts below each other, each text as a title above the part that follows it.

        What stands above a button that runs a job is what the job takes, unless the button has a
        title of its own.
        """
        title, choices = "", list[QWidget]()
        for part in parts:
            if isinstance(part, str):
                title = part
            else:
                if isinstance(part, RunPanel) and not title:
                    part.lock(choices)
                # What is folded away can be looked at, though not changed.
                choices.append(part.content() if isinstance(part, Fold) else part)
                self._column.add(part, title)
                title = ""
        self._column.order_tabs()

    def _take_drops(
        self,
        kinds: Mapping[tuple[str, ...], Callable[[list[Path]], None]],
        text: Text,
        *,
        folders: bool = False,
    ) -> None:
        """Take dropped files, also those that are dropped on a part.

        Parameters
        ----------
        kinds
            Who takes files of which endings; the last takes folders, too.
        text
            Says what is refused, until something else is dropped.
        folders
            As of `FileDrop`.
        """
        self._kinds = kinds
        suffixes = tuple(suffix for of_kind in kinds for suffix in of_kind)
        FileDrop(self, suffixes, folders=folders).dropped.connect(self.open_files)
        refused = ""

        def say(refusal: str) -> None:
            nonlocal refused
            if refusal or text.text() == refused:
                text.say(refusal)
            refused = refusal

        for drop in self.findChildren(FileDrop):
            drop.taken.connect(say)

    def _open_widget(self, name: str) -> Any:
        """Bring another widget of the plugin to the front; None without a viewer."""
        viewer = self._viewer()
        return None if viewer is None else open_widget(viewer, name)


def open_widget(viewer: Viewer, name: str) -> Any:
    """Bring a widget of the plugin to the front, opened as napari's menus do if it is not yet.

    Parameters
    ----------
    viewer
        Where it works.
    name
        Its name in the manifest, e.g. "Split".
    """
    from npe2 import PluginManager

    manifest = PluginManager.instance().get_manifest("napari-denoisplit")
    kind = next(one for one in manifest.contributions.widgets or () if one.display_name == name)
    made: Any = kind.get_callable()
    every = QApplication.allWidgets()
    widget: Any = next((one for one in every if _is_open(one, made, viewer)), None)
    if widget is None:
        widget = made(viewer)
        # The name by which napari's menus know it, so that they do not open a second one.
        viewer.window.add_dock_widget(widget, name=name + _TITLE)
    widget.come_to_front()
    return widget


def _is_open(widget: QWidget, made: Any, viewer: Viewer) -> bool:
    """Whether a widget of some kind is docked in a viewer."""
    if not isinstance(widget, made) or _dock_of(widget) is None:
        return False
    return bool(widget._viewer() is viewer_reference(viewer)())  # noqa: SLF001 - a DockedWidget


def _dock_of(widget: QWidget) -> QDockWidget | None:
    """Find the dock around a widget."""
    return _around(widget, QDockWidget)


def _main_window(widget: QWidget) -> QMainWindow | None:
    """Find the main window; the window of a widget whose dock floats is the dock."""
    return _around(widget, QMainWindow)


def _around(widget: QWidget, kind: type[QWidget]) -> Any:
    outer = widget.parentWidget()
    while outer is not None and not isinstance(outer, kind):
        outer = outer.parentWidget()
    return outer
