"""The plot of what samples say of a place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_denoisplit.widgets.parts.plot import ThemePlot
from napari_denoisplit.widgets.samples.sample_ink import paint_histogram, paint_joint, paint_profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtWidgets import QWidget

    from napari_denoisplit.measures.samples.statistics import SampleReading
    from napari_denoisplit.widgets.layers.place import ViewerRef

__all__ = ["SamplePlot"]

_ONE, _TWO = 210, 390  # pixels of the canvas with one plot and with two


class SamplePlot(ThemePlot):
    """Histogram of a pixel's samples and their joint scatter; of a line also its profile."""

    def __init__(self, viewer: ViewerRef, parent: QWidget | None = None) -> None:
        super().__init__(viewer, parent)
        self.reading: SampleReading | None = None
        """What is painted."""
        self._inks: tuple[str, ...] = ()
        self._step, self._unit = 1.0, "pixels"
        self.setAccessibleName("Samples at the place that was chosen")
        self.hide()

    def show_reading(
        self, reading: SampleReading, inks: Sequence[str], step: float, unit: str
    ) -> None:
        """Paint a place.

        Parameters
        ----------
        reading
            The numbers.
        inks
            Colour of each structure, hexadecimal.
        step, unit
            Length of a pixel.
        """
        self.reading, self._inks = reading, tuple(inks)
        self._step, self._unit = step, unit
        self.show()
        if self._canvas is not None:
            self._canvas.setFixedHeight(self._height())
        self.redraw()

    def _make_canvas(self) -> None:
        super()._make_canvas()
        self._canvas.setFixedHeight(self._height())

    def _n_plots(self) -> int:
        if self.reading is None:
            return 1
        return 2 if self.reading.profile is not None or len(self.reading.structures) > 1 else 1

    def _height(self) -> int:
        return _TWO if self._n_plots() == 2 else _ONE

    def _paint(self, figure: Any) -> None:
        figure.clear()
        reading, colors = self.reading, self.colors()
        if reading is None:
            return
        n_plots = self._n_plots()
        # Fixed margins: a layout engine warns while Qt has not given the canvas its size yet.
        bottom, top = (0.11, 0.95) if n_plots == 2 else (0.2, 0.9)
        figure.subplots_adjust(left=0.19, right=0.96, top=top, bottom=bottom, hspace=0.5)
        every = figure.subplots(n_plots, 1, squeeze=False)[:, 0]
        title = "samples of the pixel" if reading.kind == "pixel" else f"mean of the {reading.kind}"
        if reading.profile is not None:
            paint_profile(every[0], reading, self._inks, self._step, self._unit)
            paint_histogram(every[1], reading, self._inks, colors, title=title)
            return
        paint_histogram(every[0], reading, self._inks, colors, title=title)
        if n_plots == 2:
            paint_joint(every[1], reading, self._inks, colors, (0, 1))
