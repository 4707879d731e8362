"""Samples of one result in a viewer: which picture is wanted, read and painted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from napari_denoisplit.widgets.samples.controls import BLINK, DIFFERENCE
from napari_denoisplit.widgets.samples.picture import ShownSamples, corner
from napari_denoisplit.widgets.samples.player import Player
from napari_denoisplit.widgets.samples.reader import MEAN, FrameKey, FrameReader
from napari_denoisplit.widgets.samples.visible_part import VisiblePart

if TYPE_CHECKING:
    from napari_denoisplit.images.results.levels import Window
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.widgets.layers.found import FoundResult
    from napari_denoisplit.widgets.layers.place import ViewerRef
    from napari_denoisplit.widgets.parts.worker import Start
    from napari_denoisplit.widgets.samples.controls import ViewChoice

_BLINK_MS = 500
_SOME = 16  # pixels apart are those that are looked at to see whether there are any
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

    moved = Signal()  # pictures that stand side by side lie elsewhere
    changed = Signal()  # it is shown now, or no longer; or it waits for the disk, or no longer

    def __init__(self, viewer: ViewerRef, view: ViewChoice, start: Start, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer, self._view = viewer, view
        self.player = Player(self)
        self.reader = FrameReader(start, self)
        self.picture = ShownSamples(viewer)
        self.visible = VisiblePart(viewer, self._n_beside, self)
        self.chosen: FoundResult | None = None
        self.plane: tuple[int, ...] = ()
        self.is_shown = False
        """Whether a sample is in sight, or soon will be."""
        self._turned = False  # of a blink: whether the other picture is in sight
        self._painted: object = None
        self._painted_window: Window | None = None
        self._fitted: object = None  # samples and their layout to which the camera was turned
        self._is_blank = False  # whether what is painted holds no number at all
        self._blink = QTimer(self)
        self._blink.setInterval(_BLINK_MS)
        self._blink.timeout.connect(self._on_blink)
        self.player.moved.connect(self.refresh)
        self.reader.ready.connect(self._on_ready)
        self.visible.moved.connect(self.refresh)
        view.changed.connect(self._on_view)

    @property
    def is_waiting(self) -> bool:
        """Whether what is wanted has not been read yet."""
        return self.is_shown and self._missing(self.visible.window()) is not None

    def choose(self, chosen: FoundResult | None) -> None:
        """Turn to another set of samples; what was shown is taken away."""
        self.hide()
        self.chosen = chosen
        self.reader.set_stack(None if chosen is None else chosen.split)
        self.player.reset(1 if chosen is None else chosen.split.n_kept)
        viewer = self._viewer()
        if chosen is not None and viewer is not None:
            self.plane = chosen.position(viewer)[1]

    def update(self, chosen: FoundResult) -> None:
        """Go on with the same samples, of which more or less is known by now."""
        self.chosen = chosen
        self.reader.set_stack(chosen.split)
        if self.is_shown:
            self.picture.update(chosen)
            self.visible.begin(chosen, self.reader.levels)
            self._painted = None
            self.refresh()

    def show(self) -> None:
        """Show the sample that the player is at."""
        if self.chosen is not None and not self.is_shown:
            self.is_shown = True
            self.visible.begin(self.chosen, self.reader.levels)
            self._blink_if_wanted()
            self.refresh()
            self.changed.emit()

    def hide(self) -> None:
        """Take the picture away; what it has hidden is seen again."""
        self.player.pause()
        self._blink.stop()
        was_shown, self.is_shown = self.is_shown, False
        self._painted = None
        self.visible.end()
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
        if self.is_shown and self.picture.layers and not self.picture.is_shown:
            self.hide()

    def refresh(self, *_: object) -> None:
        """Paint what is wanted, or ask for it and wait."""
        if not self.is_shown or self.chosen is None:
            return
        window, coarse = self.visible.window(), self._overview()
        missing = self._missing(window)
        self.player.hold(missing is not None)
        if missing is None:
            self._paint(window)
        elif coarse is not None and self._missing(coarse) is None and not self._covers():
            # Beyond what is shown: blurred until the rest has been read.
            self._paint(coarse)
        if self.chosen.split.is_lazy or missing is not None:
            # The overview last: it is for movements to come, and may take long to read where blocks
            # of a result are missing.
            last = [] if coarse is None else self._needed(coarse)
            self.reader.want([*self._needed(window), *self._soon(window), *last])
        if missing is not None:
            self.changed.emit()

    def on_screen(self) -> tuple[Split, Split] | None:
        """Return the part of large planes that is on screen, as shown and at full resolution."""
        levels = self.reader.levels
        if levels is None or not levels.is_large:
            return None
        height, width = levels.splits[0].plane_shape
        window = self.visible.window() or levels.window((0, height), (0, width), zoom=0.0)
        return levels.cut(window), levels.cut(window, full=True)

    def _n_beside(self) -> int:
        """Count the pictures that stand side by side."""
        if self.chosen is None or self._view.layout_wanted != "side by side":
            return 1
        return self.chosen.split.n_structures

    def _overview(self) -> Window | None:
        """All of a large plane, coarsely; None where that would take long to read."""
        levels = self.reader.levels
        return None if levels is None else levels.overview

    def _covers(self) -> bool:
        """Whether what is painted, though not as sharp, fills the screen."""
        window = self._painted_window
        return self._painted is not None and (window is None or self.visible.is_covered(window))

    def _needed(self, window: Window | None) -> list[FrameKey]:
        """Frames of the picture: the sample, and what it is compared with."""
        keys = [FrameKey(self.player.index, self.plane, window)]
        if self._view.what in (DIFFERENCE, BLINK):
            against = self._view.against
            keys.append(FrameKey(MEAN if against is None else against, self.plane, window))
        return keys

    def _soon(self, window: Window | None) -> list[FrameKey]:
        count = min(_AHEAD, max(self.reader.capacity(window) - 2, 0))
        return [FrameKey(index, self.plane, window) for index in self.player.ahead(count)]

    def _missing(self, window: Window | None) -> FrameKey | None:
        return next((key for key in self._needed(window) if self.reader.get(key) is None), None)

    def _paint(self, window: Window | None) -> None:
        chosen, keys = self.chosen, self._needed(window)
        what = self._view.what
        row = self.visible.row()
        painted = (*keys, what, self._turned, self._view.layout_wanted, row)
        if chosen is None or (painted == self._painted and self.picture.is_shown):
            return
        every = [self.reader.get(key) for key in keys]
        parts = every[-1] if what == BLINK and self._turned else every[0]
        if parts is None:
            return
        if not self.picture.layers:
            self.picture.begin(chosen, parts)
        other = every[1] if what == DIFFERENCE else None
        shifts = self.picture.shifts()
        self.picture.paint(parts, other, corner(self.reader.levels, window), row)
        self._painted, self._painted_window = painted, window
        was_blank, self._is_blank = (
            self._is_blank,
            not any(np.isfinite(part[::_SOME, ::_SOME]).any() for part in parts),
        )
        arranged = chosen.key, self._view.layout_wanted
        if self.picture.arrange(self._view.layout_wanted) and arranged != self._fitted:
            self._fitted = arranged  # hidden and shown again, they are looked at as before
            self._fit_view()
        if shifts != self.picture.shifts():
            self.moved.emit()
        if was_blank != self._is_blank:
            self.changed.emit()

    def _fit_view(self) -> None:
        viewer = self._viewer()
        if self.visible.is_on:
            self.visible.fit()
        elif viewer is not None:
            viewer.reset_view()

    def _on_ready(self, key: FrameKey) -> None:
        if not self.is_shown:
            return
        window, coarse = self.visible.window(), self._overview()
        if key in self._needed(window) or (coarse is not None and key in self._needed(coarse)):
            self.refresh()
            self.changed.emit()

    def _on_view(self) -> None:
        self._blink_if_wanted()
        self.refresh()
        self.picture.fit_difference()

    def _blink_if_wanted(self) -> None:
        if self._view.what == BLINK and self.is_shown:
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
        if self._is_blank:
            return "⚠ Nothing is there: not split yet, or the folder of the result is gone."
        other = "the best estimate" if view.against is None else f"answer {view.against + 1}"
        if view.what == DIFFERENCE:
            return f"In sight: the answer minus {other}."
        if view.what == BLINK:
            return f"In sight: {other if self._turned else 'the answer'}."
        return "In sight: one possible answer."
