"""Choice of a result among the layers of the viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.widgets.layers.found import find_results
from napari_denoisplit.widgets.parts.controls import Text, in_a_column
from napari_denoisplit.widgets.parts.fields import narrow_box

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_denoisplit.widgets.layers.found import FoundResult
    from napari_denoisplit.widgets.layers.place import ViewerRef


class ResultChoice(QWidget):
    """A list of results, the newest first.

    Parameters
    ----------
    viewer
        Whose layers to choose from.
    kind
        Of the layers that a result must have, see `find_results`.
    name, help_text
        What the choice is called, and its tooltip.
    title
        What a result is called in the list.
    """

    changed = Signal()  # another result was chosen, or there is none any more
    updated = Signal()  # the same result, but some of its layers have come or gone

    def __init__(
        self,
        viewer: ViewerRef,
        kind: str,
        name: str,
        help_text: str,
        title: Callable[[FoundResult], str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer, self._kind, self._title = viewer, kind, title
        self._results: tuple[FoundResult, ...] = ()
        self.box = narrow_box(name, help_text, self, characters=8)
        self.unread = Text("Results that cannot be read", self)
        self.setLayout(in_a_column(self.box, self.unread))
        self.box.currentIndexChanged.connect(self.changed)

    @property
    def chosen(self) -> FoundResult | None:
        """The result that is chosen."""
        row = self.box.currentIndex()
        return self._results[row] if 0 <= row < len(self._results) else None

    def current(self) -> FoundResult | None:
        """Return the result that is chosen with what its layers say by now.

        A split writes into its layers how they were made when all of them are shown.
        """
        before = self.chosen
        same = [one for one in self._found() if before is not None and one.key == before.key]
        return same[0] if same else before

    def choose_newest(self) -> None:
        """Choose the result that was added last."""
        self.box.setCurrentIndex(0)

    def reset_choices(self) -> None:
        """Follow the viewer's layers."""
        before = self.chosen
        unread: list[str] = []
        self._results = self._found(unread)
        self.unread.say("\n".join(f"⚠ {one}" for one in unread))
        keys = [one.key for one in self._results]
        is_same = before is not None and before.key in keys
        blocker = QSignalBlocker(self.box)
        self.box.clear()
        self.box.addItems([self._title(one) for one in self._results])
        if before is not None and is_same:
            self.box.setCurrentIndex(keys.index(before.key))
        blocker.unblock()
        self.box.setEnabled(bool(keys))
        after = self.chosen
        if not is_same:
            self.changed.emit()
        elif before is not None and after is not None and before.members != after.members:
            self.updated.emit()

    def _found(self, unread: list[str] | None = None) -> tuple[FoundResult, ...]:
        viewer = self._viewer()
        return () if viewer is None else find_results(viewer.layers, self._kind, unread)[::-1]
