"""Measures samples at a pixel that is clicked, or at a shape that is drawn."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.errors import DenoisplitError
from napari_denoisplit.measures.samples.statistics import ReadingStopped, read_samples_at
from napari_denoisplit.measures.trust.footprint import Footprint, pixel
from napari_denoisplit.widgets.parts.controls import Text, check_box, in_a_column
from napari_denoisplit.widgets.parts.latest import LatestJob
from napari_denoisplit.widgets.parts.plot import load_plotting
from napari_denoisplit.widgets.parts.timer import timer
from napari_denoisplit.widgets.samples.picture import colormap_of
from napari_denoisplit.widgets.samples.place import DrawnPlace, PixelClick, PixelMarker
from napari_denoisplit.widgets.samples.plot import SamplePlot, caveat, reading_text

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from typing import Never

    from napari_denoisplit.events import Job
    from napari_denoisplit.measures.samples.statistics import SampleReading
    from napari_denoisplit.widgets.layers.found import FoundResult
    from napari_denoisplit.widgets.layers.place import ViewerRef
    from napari_denoisplit.widgets.parts.worker import Start
    from napari_denoisplit.widgets.samples.browser import SampleBrowser

_PATIENCE_MS = 400  # after which it is said that a place takes long to read

_CLICKS = (
    "Clicks are taken while the active layer is in pan and zoom mode: dragging, painting and "
    "drawing go on as ever."
)


class SampleMeasuring(QWidget):
    """A switch for clicks, buttons to draw, and what was found.

    Parameters
    ----------
    viewer
        Where to click and draw.
    browser
        What is shown there.
    current
        Returns the samples to measure.
    start
        How a job is run.
    """

    found = Signal()  # a place was measured
    failed = Signal(object)  # it could not be: the error

    def __init__(
        self,
        viewer: ViewerRef,
        browser: SampleBrowser,
        current: Callable[[], FoundResult | None],
        start: Start,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._browser, self._current = browser, current
        self._asked: tuple[FoundResult, Footprint] | None = None
        self._marked: tuple[int, int] | None = None
        self.switch = check_box("Click a pixel to see its answers", _CLICKS, self)
        self.drawn = DrawnPlace(viewer, self)
        self.click = PixelClick(viewer, self)
        self.marker = PixelMarker(viewer)
        self.probe = LatestJob(start, self, "denoiSplit: reading answers at a place")
        self.text = Text("What the answers say of the place", self)
        self.plot = SamplePlot(viewer, self)
        self.caveat = Text("What the uncertainty contains", self)
        self.save_button = self.plot.save_button("samples")
        self._patience = timer(self, self._say_reading, _PATIENCE_MS)
        self._lay_out()
        self._connect()
        self.forget()

    def _lay_out(self) -> None:
        self.setLayout(
            in_a_column(
                self.switch, self.drawn, self.text, self.plot, self.caveat, self.save_button
            )
        )

    def _connect(self) -> None:
        self.switch.toggled.connect(self._on_switch)
        self.click.clicked.connect(self._on_click)
        self.drawn.changed.connect(self._on_drawn)
        self.probe.answered.connect(self._on_answer)
        self.probe.failed.connect(self._on_failed)
        self._browser.moved.connect(self._on_moved)

    def measure(self, footprint: Footprint) -> None:
        """Read the samples at a place, in the plane that is in sight."""
        chosen = self._current()
        if chosen is not None:
            self._asked = chosen, footprint
            self.probe.ask(partial(_read, chosen, self._browser.plane, footprint))
            self._patience.start()

    def repeat(self) -> None:
        """Measure the same place again, in another plane."""
        if self._asked is not None:
            self.measure(self._asked[1])

    def forget(self) -> None:
        """Show nothing: other samples were chosen."""
        self._asked = self._marked = None
        self._patience.stop()
        self.probe.forget()
        chosen = self._current()
        self.drawn.place = None if chosen is None else chosen.place
        self.marker.remove()
        for part in (self.text, self.plot, self.save_button):
            part.hide()
        self.caveat.say(caveat(None))

    def stop(self) -> None:
        """Listen to clicks no more."""
        self.switch.setChecked(False)
        self.click.set_on(False)
        self._patience.stop()
        self.probe.forget()
        self.marker.remove()

    def reset_choices(self) -> None:
        """Follow the viewer's layers."""
        self.drawn.reset_choices()

    def _on_switch(self, on: bool) -> None:
        self.click.set_on(on)
        if not on:
            self.marker.remove()

    def _on_click(self, world: Any) -> None:
        chosen = self._current()
        if chosen is None:
            return
        where = self._browser.picture.pixel_at(world) or _pixel_of(chosen, world)
        if where is not None:
            self.measure(pixel(*where))

    def _on_drawn(self) -> None:
        chosen = self._current()
        if chosen is None:
            return
        try:
            footprint = self.drawn.footprint(chosen, self._browser.picture.folded)
        except DenoisplitError as error:
            self.failed.emit(error)
            return
        if footprint is not None:
            self.measure(footprint)

    def _say_reading(self) -> None:
        self.text.say("Reading the answers there…")
        for part in (self.plot, self.save_button):
            part.hide()  # of another place

    def _on_failed(self, error: Exception) -> None:
        self._patience.stop()
        self.text.hide()
        self.failed.emit(error)

    def _on_answer(self, reading: SampleReading) -> None:
        self._patience.stop()
        if self._asked is None:
            return
        chosen = self._asked[0]
        self.text.say(reading_text(reading))
        self.caveat.say(caveat(reading))
        step, unit = chosen.place.scale.get("X", 1.0), chosen.place.units.get("X", "")
        inks = [_ink(colormap_of(chosen, c)) for c in range(chosen.split.n_structures)]
        is_known = bool(np.isfinite(reading.values).any())
        self.save_button.setVisible(is_known)
        if is_known:
            self.plot.show_reading(reading, inks, step if unit else 1.0, unit or "pixels")
        else:
            self.plot.hide()
        self._marked = reading.where
        self._mark()
        self.found.emit()

    def _mark(self) -> None:
        """Show the clicked pixel where the pictures are now."""
        if self._asked is not None and self._marked is not None and self.switch.isChecked():
            self.marker.show(self._asked[0], self._marked, self._browser.picture.shifts())
        else:
            self.marker.remove()

    def _on_moved(self) -> None:
        if self._marked is not None:
            self._mark()


def _read(
    chosen: FoundResult, plane: tuple[int, ...], footprint: Footprint, stop: threading.Event
) -> Job[Never, SampleReading | None]:
    """Read the samples at a place; None if nobody waits for them any more."""
    yield from ()
    load_plotting()
    observed = None if chosen.observed is None else chosen.observed[plane]
    try:
        return read_samples_at(chosen.split, plane, footprint, observed, stop=stop)
    except ReadingStopped:
        return None


def _pixel_of(chosen: FoundResult, world: Any) -> tuple[int, int] | None:
    """Y, X of the pixel there, where no sample is in sight."""
    layer = chosen.samples[0]
    data = layer.world_to_data(world)
    y, x = (round(float(data[chosen.sample_axes.index(axis)])) for axis in "YX")
    height, width = chosen.split.plane_shape
    return (y, x) if 0 <= y < height and 0 <= x < width else None


def _ink(colormap: Any) -> str:
    """Colour of a structure in plots: that of the brightest pixels of its layer."""
    red, green, blue = (round(255 * float(band)) for band in colormap.colors[-1][:3])
    return f"#{red:02x}{green:02x}{blue:02x}"
