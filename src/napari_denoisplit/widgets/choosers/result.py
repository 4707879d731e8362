"""Choice of a result among the layers of the viewer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.widgets.layers.found import find_results
from napari_denoisplit.widgets.parts.controls import Text, in_a_column
from napari_denoisplit.widgets.parts.fields import narrow_box

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from napari_denoisplit.widgets.layers.found import FoundResult
    from napari_denoisplit.widgets.layers.place import ViewerRef


class ResultChoice(QWidget):
    """A list of results, the newest first.

    The newest is chosen until the user chooses another, which stays until there is a newer one.

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
        self._is_picked = False  # by the user
        self.box = narrow_box(name, help_text, self, characters=6)
        self.box.setPlaceholderText("no split yet")
        self.unread = Text("Results that cannot be read", self)
        self.setLayout(in_a_column(self.box, self.unread))
        self.box.currentIndexChanged.connect(self.changed)
        self.box.activated.connect(self._pick)

    @property
    def chosen(self) -> FoundResult | None:
        """The result that is chosen."""
        row = self.box.currentIndex()
        return self._results[row] if 0 <= row < len(self._results) else None

    @property
    def subject(self) -> tuple[str, str]:
        """Names of the model and the image behind the result that is chosen."""
        chosen = self.chosen
        if chosen is None:
            return "", ""
        return Path(str(chosen.split.provenance.get("model") or "")).stem, chosen.name

    def current(self) -> FoundResult | None:
        """Return the result that is chosen with what its layers say by now.

        A split writes into its layers how they were made when all of them are shown.
        """
        before = self.chosen
        same = [one for one in self._found() if before is not None and one.key == before.key]
        return same[0] if same else before

    def choose_newest(self) -> None:
        """Choose the result that was added last."""
        self._is_picked = False
        self.box.setCurrentIndex(0)

    def _pick(self, *_: object) -> None:
        self._is_picked = True

    def reset_choices(self) -> None:
        """Follow the viewer's layers."""
        before = self.chosen
        unread: list[str] = []
        known = _layers_of(self._results)
        self._results = self._found(unread)
        has_news = not _layers_of(self._results[:1]) <= known
        self.unread.say("\n".join(f"⚠ {one}" for one in unread))
        keys = [one.key for one in self._results]
        row = keys.index(before.key) if before is not None and before.key in keys else 0
        self._is_picked = self._is_picked and not has_news and row > 0
        blocker = QSignalBlocker(self.box)
        self.box.clear()
        self.box.addItems([self._title(one) for one in self._results])
        self.box.setCurrentIndex(row if self._is_picked else min(0, len(keys) - 1))
        blocker.unblock()
        self.box.setEnabled(bool(keys))
        after = self.chosen
        if before is None or after is None or before.key != after.key:
            self.changed.emit()
        elif before.members != after.members:
            self.updated.emit()

    def _found(self, unread: list[str] | None = None) -> tuple[FoundResult, ...]:
        viewer = self._viewer()
        return () if viewer is None else find_results(viewer.layers, self._kind, unread)[::-1]


def _layers_of(results: Iterable[FoundResult]) -> set[int]:
    """Tell the layers of some results from all others, their inputs left out."""
    return {id(x) for one in results for of_kind in one.layers.values() for x in of_kind}
