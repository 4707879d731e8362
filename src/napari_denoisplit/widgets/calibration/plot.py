"""Plots of how true a sigma is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from napari_denoisplit.widgets.calibration.calibration_ink import (
    paint_coverage,
    paint_reliability,
    paint_samples,
    structure_ink,
)
from napari_denoisplit.widgets.calibration.words import samples_table
from napari_denoisplit.widgets.parts.fields import narrow_box
from napari_denoisplit.widgets.parts.plot import ThemePlot

if TYPE_CHECKING:
    from napari_denoisplit.jobs.calibrate.job import Calibrated
    from napari_denoisplit.widgets.layers.place import ViewerRef

__all__ = ["COVERAGE", "RELIABILITY", "SAMPLES", "CalibrationPlot"]

RELIABILITY, COVERAGE, SAMPLES = "reliability", "coverage", "fewer samples"
_EXPLAINED = {
    RELIABILITY: "Pixels that were left out of the fit, sorted by sigma into bins. On the dashed "
    "line the root mean square error of a bin is what sigma says.",
    COVERAGE: "Share of those pixels whose target lies within an interval around the MMSE. On the "
    "dashed line it holds as many as it should.",
    SAMPLES: "Error against sigma with fewer samples, K, each calibrated and judged for itself. "
    "68% and 95%: share of the pixels within these intervals.",
}
_HIDDEN = " Where it is 0, the noise of the images hides the error."
_HEIGHT = 300  # pixels of the canvas


class CalibrationPlot(ThemePlot):
    """One of several plots of one structure, in its colour."""

    def __init__(self, viewer: ViewerRef, parent: QWidget | None = None) -> None:
        super().__init__(viewer, parent)
        self._result: Calibrated | None = None
        self.structure = narrow_box("Structure", "Which structure to plot.", self, characters=8)
        self.choice = narrow_box("Plot", "What to plot.", self, characters=8)
        self.choice.addItems((RELIABILITY, COVERAGE, SAMPLES))
        self.note = QLabel(self)
        self.note.setAccessibleName("About the plot")
        self.note.setWordWrap(True)
        self.note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        choices = QHBoxLayout()
        choices.addWidget(self.structure, stretch=1)
        choices.addWidget(self.choice, stretch=1)
        self.layout().addLayout(choices)
        self.setAccessibleName("Plots of the calibration")
        self.structure.currentIndexChanged.connect(self._refresh)
        self.choice.currentIndexChanged.connect(self._refresh)
        self.hide()

    def show_result(self, result: Calibrated | None) -> None:
        """Show a calibration, or nothing."""
        self._result = result
        if result is None:
            self.hide()
            return
        chosen = max(self.structure.currentIndex(), 0)
        self.structure.blockSignals(True)
        self.structure.clear()
        self.structure.addItems([channel.curves.channel for channel in result.channels])
        self.structure.setCurrentIndex(min(chosen, len(result.channels) - 1))
        self.structure.blockSignals(False)
        if self._canvas is None:
            self._make_canvas()  # before it is shown: whoever scrolls to it needs its height
        self.show()
        self._refresh()

    def turn_to(self, page: str) -> None:
        """Show another plot."""
        self.choice.setCurrentText(page)

    @property
    def page(self) -> str:
        """Which plot is shown."""
        return str(self.choice.currentText())

    def _refresh(self, *_: object) -> None:
        channel = self.structure.currentIndex()
        if self._result is None or channel < 0:
            return
        text, curves = _EXPLAINED[self.page], self._result.channels[channel].curves
        if self.page == SAMPLES:
            text += samples_table(curves)
        elif self.page == RELIABILITY and (curves.before.squared_error <= 0).any():
            text += _HIDDEN
        self.note.setText(text)
        self.redraw()

    def _make_canvas(self) -> None:
        super()._make_canvas()
        self._canvas.setFixedHeight(_HEIGHT)
        self.layout().addWidget(self.note)

    def _paint(self, figure: Any) -> None:
        figure.clear()
        channel = self.structure.currentIndex()
        if self._result is None or channel < 0:
            return
        # Fixed margins: a layout engine warns while Qt has not given the canvas its size yet.
        figure.subplots_adjust(left=0.21, right=0.97, top=0.92, bottom=0.15)
        axes, ink, colors = figure.subplots(), structure_ink(channel), self.colors()
        curves = self._result.channels[channel].curves
        if self.page == COVERAGE:
            paint_coverage(axes, self._result.record.scores[channel].coverage, ink, colors)
        elif self.page == SAMPLES:
            paint_samples(axes, curves.by_samples, ink, colors)
        else:
            paint_reliability(axes, curves, ink, colors)
            return
        axes.set_title(curves.channel)
