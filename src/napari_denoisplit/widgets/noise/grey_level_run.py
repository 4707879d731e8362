"""Histograms of the chosen images, renewed in the background when others are chosen."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer, Signal

from napari_denoisplit.errors import DenoisplitError
from napari_denoisplit.widgets.noise.input import count_grey_levels

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_denoisplit.widgets.noise.grey_levels import GreyLevels
    from napari_denoisplit.widgets.noise.source import NoiseSourceChoice
    from napari_denoisplit.widgets.parts.worker import RunHandle, Start

__all__ = ["GreyLevelRun"]

_SETTLE_MS = 150  # choices come in bursts while layers are added


class GreyLevelRun(QObject):
    """Looks at a few pixels of whatever is chosen last.

    Parameters
    ----------
    start
        How a job is run.
    """

    counted = Signal(object)  # a tuple of GreyLevels is there; empty where nothing is chosen

    def __init__(self, start: Start, parent: QWidget) -> None:
        super().__init__(parent)
        self._start, self._owner = start, parent
        self._source: NoiseSourceChoice | None = None
        self._running: RunHandle | None = None
        self._asked = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SETTLE_MS)
        self._timer.timeout.connect(self._begin)

    def look_at(self, source: NoiseSourceChoice) -> None:
        """Count the grey levels of what is chosen, soon."""
        self._source = source
        self._timer.start()

    def _begin(self) -> None:
        if self._running is not None:
            self._running.stop()
        self._asked += 1
        try:
            chosen = None if self._source is None else self._source.images_chosen()
        except DenoisplitError:
            chosen = None  # the widget says what is wrong with the choice
        if chosen is None:
            self.counted.emit(())
            return
        self._running = self._start(
            partial(count_grey_levels, chosen),
            on_event=lambda event: None,
            on_done=partial(self._done, self._asked),
            on_error=partial(self._failed, self._asked),
            title="denoiSplit: looking at the images",
        )
        self._running.cancel_with(self._owner)

    def _done(self, asked: int, levels: tuple[GreyLevels, ...]) -> None:
        # An answer to an earlier question would show other images than those chosen.
        if asked == self._asked:
            self.counted.emit(levels)

    def _failed(self, asked: int, _: Exception) -> None:
        # The fit reads the same images and says what is wrong with them.
        self._done(asked, ())
