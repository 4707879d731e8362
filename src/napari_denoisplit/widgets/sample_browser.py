"""What links player, reader and picture: the sample that is wanted is shown once it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer, Signal

from napari_denoisplit.widgets.frame_reader import MEAN, FrameKey, FrameReader
from napari_denoisplit.widgets.sample_controls import BLINK, DIFFERENCE
from napari_denoisplit.widgets.sample_player import Player
from napari_denoisplit.widgets.shown_samples import ShownSamples

if TYPE_CHECKING:
    from napari_denoisplit.widgets.layers import ViewerRef
    from napari_denoisplit.widgets.sample_controls import ViewChoice
    from napari_denoisplit.widgets.sample_sets import SampleSet
    from napari_denoisplit.widgets.worker import Start

__all__ = ["SampleBrowser"]

_BLINK_MS = 500
_AHEAD = 8  # samples that are read before they are wanted


class SampleBrowser(QObject):
    """Shows samples of one set in a viewer.

    Parameters
    ----------
    viewer
        Where.
    view
        What is to be seen.
    start
        How a job is run.
    """

    changed = Signal()  # it is shown now, or no longer; or it waits for the disk, or no longer

    def __init__(self, viewer: ViewerRef, view: ViewChoice, start: Start, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer, self._view = viewer, view
        self.player = Player(self)
        self.reader = FrameReader(start, self)
        self.picture = ShownSamples(viewer)
        self.chosen: SampleSet | None = None
        self.plane: tuple[int, ...] = ()
        self._wants_shown = False
        self._turned = False  # of a blink: whether the other picture is in sight
        self._painted: object = None
        self._blink = QTimer(self)
        self._blink.setInterval(_BLINK_MS)
        self._blink.timeout.connect(self._on_blink)
        self.player.moved.connect(self.refresh)
        self.reader.ready.connect(self._on_ready)
        view.changed.connect(self._on_view)

    @property
    def is_shown(self) -> bool:
        """Whether a sample is in sight, or soon will be."""
        return self._wants_shown

    @property
    def is_waiting(self) -> bool:
        """Whether what is wanted has not been read yet."""
        return self._wants_shown and self._missing() is not None

    def choose(self, chosen: SampleSet | None) -> None:
        """Turn to another set of samples; what was shown is taken away."""
        self.hide()
        self.chosen = chosen
        self.reader.set_stack(None if chosen is None else chosen.stack)
        self.player.reset(1 if chosen is None else len(chosen.stack))
        viewer = self._viewer()
        if chosen is not None and viewer is not None:
            self.plane = chosen.position(viewer)[1]

    def show(self) -> None:
        """Show the sample that the player is at."""
        if self.chosen is not None and not self._wants_shown:
            self._wants_shown = True
            self._blink_if_wanted()
            self.refresh()
            self.changed.emit()

    def hide(self) -> None:
        """Take the picture away; what it has hidden is seen again."""
        self.player.pause()
        self._blink.stop()
        was_shown, self._wants_shown = self._wants_shown, False
        self._painted = None
        self.picture.end()
        self.reader.rest()
        if was_shown:
            self.changed.emit()

    def set_plane(self, plane: tuple[int, ...]) -> None:
        """Turn to another plane."""
        if plane != self.plane:
            self.plane = plane
            self.refresh()

    def layers_changed(self) -> None:
        """Give up if the user has removed what is shown."""
        if self._wants_shown and self.picture.layers and not self.picture.is_shown:
            self.hide()

    def refresh(self, *_: object) -> None:
        """Paint what is wanted, or ask for it and wait."""
        if not self._wants_shown or self.chosen is None:
            return
        missing = self._missing()
        self.player.hold(missing is not None)
        if missing is None:
            self._paint()
        if self.chosen.stack.is_lazy or missing is not None:
            self.reader.want([*self._needed(), *self._soon()])
        if missing is not None:
            self.changed.emit()

    def _needed(self) -> list[FrameKey]:
        """Frames of the picture: the sample, and what it is compared with."""
        keys = [FrameKey(self.player.index, self.plane)]
        if self._view.what in (DIFFERENCE, BLINK):
            against = self._view.against
            keys.append(FrameKey(MEAN if against is None else against, self.plane))
        return keys

    def _soon(self) -> list[FrameKey]:
        count = min(_AHEAD, max(self.reader.capacity - 2, 0))
        return [FrameKey(index, self.plane) for index in self.player.ahead(count)]

    def _missing(self) -> FrameKey | None:
        return next((key for key in self._needed() if self.reader.get(key) is None), None)

    def _paint(self) -> None:
        chosen, keys = self.chosen, self._needed()
        what = self._view.what
        painted = (*keys, what, self._turned, self._view.layout_wanted)
        if chosen is None or (painted == self._painted and self.picture.is_shown):
            return
        every = [self.reader.get(key) for key in keys]
        parts = every[-1] if what == BLINK and self._turned else every[0]
        if parts is None:
            return
        if not self.picture.layers:
            self.picture.begin(chosen, parts)
        other = every[1] if what == DIFFERENCE else None
        self.picture.paint(parts, other)
        self._painted = painted
        if self.picture.arrange(self._view.layout_wanted):
            self._fit_view()

    def _fit_view(self) -> None:
        viewer = self._viewer()
        if viewer is not None:
            viewer.reset_view()

    def _on_ready(self, key: FrameKey) -> None:
        if self._wants_shown and key in self._needed():
            self.refresh()
            self.changed.emit()

    def _on_view(self) -> None:
        self._blink_if_wanted()
        self.refresh()
        self.picture.fit_difference()

    def _blink_if_wanted(self) -> None:
        if self._view.what == BLINK and self._wants_shown:
            self._blink.start()
        else:
            self._blink.stop()
            self._turned = False

    def _on_blink(self) -> None:
        self._turned = not self._turned
        self.refresh()
        self.changed.emit()

    @property
    def title(self) -> str:
        """What is in sight, in words that do not change from sample to sample."""
        view = self._view
        other = "the MMSE" if view.against is None else f"sample {view.against + 1}"
        if view.what == DIFFERENCE:
            return f"In sight: the sample minus {other}."
        if view.what == BLINK:
            return f"In sight: {other if self._turned else 'the sample'}."
        return "In sight: one posterior sample."
