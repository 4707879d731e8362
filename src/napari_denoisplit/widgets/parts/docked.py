"""The base of every page, which stands in the dock of the plugin or in one of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, Signal
from qtpy.QtWidgets import QApplication, QBoxLayout, QDockWidget, QWidget

from napari_denoisplit.widgets.layers.place import viewer_reference
from napari_denoisplit.widgets.parts.column import Column, Fold
from napari_denoisplit.widgets.parts.controls import in_a_column
from napari_denoisplit.widgets.parts.dropping import FileDrop, has_suffix
from napari_denoisplit.widgets.parts.run_panel import RunPanel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from napari.viewer import Viewer

    from napari_denoisplit.widgets.parts.controls import Text
    from napari_denoisplit.widgets.parts.fields import Control


class DockedWidget(QWidget):
    """A column of parts that takes dropped files, with the button of a job below it.

    A widget inside of a dock gets no close event: in the dock of the plugin, that tells its pages.

    Parameters
    ----------
    napari_viewer
        The viewer; it is held weakly.
    name
        What the widget is for.
    """

    undocked = Signal()  # the dock was closed: nobody can see or stop any more what runs here
    model_known = Signal(object)  # path of a model that was chosen or made here
    subject_changed = Signal()  # another model or image is what the page is about
    result_made = Signal()  # a result is complete, and among the layers

    def __init__(self, napari_viewer: Viewer, name: str) -> None:
        super().__init__()
        self._viewer = viewer_reference(napari_viewer)
        self._column = Column(self)
        self.setAccessibleName(name)

    @property
    def settings_alone(self) -> Mapping[str, Control]:
        """Controls of settings that stand in no form, by name: they are remembered, too."""
        return {}

    def offer_model(self, path: Path) -> None:
        """Take a model that another page knows of, unless the user has chosen one here."""

    def show_newest(self) -> None:
        """Turn to the result that was made last."""

    def take_example(self) -> None:
        """Choose what the example needs here besides its layers, which are open by now."""

    @property
    def subject(self) -> tuple[str, str]:
        """Names of the model and the image that the page is about; empty where it has none."""
        return "", ""

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
        """Notice that napari takes the widget out of its dock."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.undocked.emit()

    def _lay_out(
        self,
        *parts: str | QWidget,
        above: Sequence[QWidget] = (),
        below: Sequence[QWidget] = (),
    ) -> None:
        """Put parts below each other, each text as a title above the part that follows it.

        What stands above a button that runs a job is what the job takes, unless the button has a
        title of its own. Without one it stays in sight at the bottom, `above` it what shows, and
        `below` it what leads on.
        """
        title, choices = "", list[QWidget]()
        bottom: QBoxLayout | None = None
        for part in parts:
            if isinstance(part, str):
                title = part
            else:
                if isinstance(part, RunPanel) and not title:
                    part.lock(choices)
                    bottom = in_a_column(*above, part, *below)
                    bottom.setContentsMargins(6, 2, 6, 6)
                    self.layout().addLayout(bottom)
                    continue
                # What is folded away can be looked at, though not changed.
                choices.append(part.content if isinstance(part, Fold) else part)
                self._column.add(part, title)
                title = ""
        self._column.order_tabs(bottom)

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

    def _open_page(self, name: str, *_: object) -> Any:
        """Bring another page to the front; None without a viewer."""
        viewer = self._viewer()
        return None if viewer is None else open_page(viewer, name)


def open_page(viewer: Viewer, name: str) -> Any:
    """Bring a page to the front, in the dock of the plugin, which is opened if it is not yet.

    Parameters
    ----------
    viewer
        Where it works.
    name
        Of the page, e.g. "Split"; see `DenoisplitDock.show_page`.
    """
    from npe2 import PluginManager

    manifest = PluginManager.instance().get_manifest("napari-denoisplit")
    kind = next(iter(manifest.contributions.widgets or ()))
    made: Any = kind.get_callable()
    if docks := docked_in(viewer, made):
        dock = docks[0]
        page = dock.show_page(name)
    else:
        dock = made(viewer)
        page = dock.show_page(name)
        # The name by which napari's menus know it, so that they do not open a second one.
        title = f"{kind.display_name} ({manifest.display_name})"
        viewer.window.add_dock_widget(dock, name=title)
    dock.come_to_front()
    return page


def docked_in(viewer: Viewer, kind: Any) -> list[Any]:
    """Find the widgets of some kind that stand in docks of a viewer; they know it as `viewer`."""
    of = viewer_reference(viewer)()
    every = [one for one in QApplication.allWidgets() if isinstance(one, kind)]
    return [one for one in every if around(one, QDockWidget) is not None and one.viewer() is of]


def around(widget: QWidget, kind: type[QWidget]) -> Any:
    """Find what a widget stands in: its dock, or the main window; None where it has none."""
    outer = widget.parentWidget()
    while outer is not None and not isinstance(outer, kind):
        outer = outer.parentWidget()
    return outer
