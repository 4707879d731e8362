"""Plots of how true a sigma is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.widgets.calibration.words import samples_table
from napari_denoisplit.widgets.layers.results import structure_color
from napari_denoisplit.widgets.parts.controls import Text, in_a_row, refill
from napari_denoisplit.widgets.parts.fields import narrow_box
from napari_denoisplit.widgets.parts.plot import ThemePlot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qtpy.QtWidgets import QWidget

    from napari_denoisplit.curves import ReliabilityCurve, SampleStep, SigmaCurves
    from napari_denoisplit.jobs.calibrate.job import Calibrated
    from napari_denoisplit.widgets.layers.place import ViewerRef
    from napari_denoisplit.widgets.parts.plot import Colors

RELIABILITY, COVERAGE, SAMPLES = "reliability", "coverage", "fewer answers"
_EXPLAINED = {
    RELIABILITY: "Pixels that were left out of the fit, sorted by uncertainty (sigma) into bins. "
    "On the dashed line the root mean square error of a bin is what the uncertainty says.",
    COVERAGE: "Share of those pixels whose target lies within an interval around the best "
    "estimate. On the dashed line it holds as many as it should.",
    SAMPLES: "Error against uncertainty with fewer answers, each number calibrated and judged for "
    "itself. 68% and 95%: share of the pixels within these intervals.",
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
        self.note = Text("About the plot", self)
        choices = in_a_row(self.structure, self.choice)
        choices.setStretch(0, 1)
        choices.setStretch(1, 1)
        self.layout().addLayout(choices)
        self._below = (self.note,)
        self._set_height(_HEIGHT)
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
        names = [(channel.curves.channel, None) for channel in result.channels]
        refill(self.structure, names, min(chosen, len(names) - 1))
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
        self.note.say(text)
        self.redraw()

    def _paint(self, figure: Any) -> None:
        channel = self.structure.currentIndex()
        if self._result is None or channel < 0:
            return
        figure.subplots_adjust(left=0.21, right=0.97, top=0.92, bottom=0.15)
        axes, ink, colors = figure.subplots(), structure_color(channel), self.colors()
        curves = self._result.channels[channel].curves
        if self.page == COVERAGE:
            paint_coverage(axes, self._result.record.scores[channel].coverage, ink, colors)
        elif self.page == SAMPLES:
            paint_samples(axes, curves.by_samples, ink, colors)
        else:
            paint_reliability(axes, curves, ink, colors)
            return
        axes.set_title(curves.channel)


_TICKS = 5  # more would run into each other in a narrow dock
_ROOM = 1.08  # beyond the farthest point
_MARKERS = "v^so"  # of few samples to many
_PALEST = 0.35


def paint_reliability(axes: Any, curves: SigmaCurves, ink: Any, colors: Colors) -> None:
    """Paint RMSE against RMV before and after calibration, bin by bin, and the identity."""
    after = curves.after[curves.chosen]
    axes.plot(
        curves.before.rmv,
        curves.before.rmse,
        color=ink,
        marker="o",
        markersize=3.5,
        markerfacecolor="none",
        linestyle="none",
        label="spread, before",
    )
    low, high = after.rmse_range
    axes.errorbar(
        after.rmv,
        after.rmse,
        yerr=(after.rmse - low, high - after.rmse),
        color=ink,
        marker="o",
        markersize=3.5,
        linestyle="none",
        elinewidth=0.8,
        label="uncertainty, after",
    )
    _square(axes, (curves.before, after), colors)
    axes.set_title(f"{curves.channel}: {len(after.rmv)} bins, ± 1 standard error")


def paint_samples(axes: Any, steps: Sequence[SampleStep], ink: Any, colors: Colors) -> None:
    """Paint the curve of calibrated sigma for each number of samples, the fewest palest."""
    shades = np.linspace(_PALEST, 1, len(steps))
    for number, (step, shade) in enumerate(zip(steps, shades, strict=True)):
        axes.plot(
            step.curve.rmv,
            # No line to a bin whose error the noise of the targets hides.
            np.where(step.curve.squared_error > 0, step.curve.rmse, np.nan),
            color=ink,
            alpha=shade,
            marker=_MARKERS[min(number, len(_MARKERS) - 1)],
            markersize=3.5,
            linewidth=0.8,
            label=f"{step.n_samples} answers",
        )
    _square(axes, [step.curve for step in steps], colors)


def paint_coverage(axes: Any, shares: Mapping[str, float], ink: Any, colors: Colors) -> None:
    """Paint the share of pixels within intervals against the share that they should hold."""
    nominal = [float(name) for name in shares]
    axes.plot(
        nominal,
        [100 * share for share in shares.values()],
        color=ink,
        marker="o",
        markersize=4.5,
        linewidth=1.2,
        label="found",
    )
    axes.plot([0, 100], [0, 100], color=colors["text"], linestyle="--", linewidth=0.8)
    axes.set(
        xlabel="interval (%)",
        ylabel="pixels within it (%)",
        xlim=(40, 100),
        ylim=(min(40.0, 95 * min(shares.values())), 101),
        xticks=nominal,
    )


def _square(axes: Any, curves: Sequence[ReliabilityCurve], colors: Colors) -> None:
    """Give both axes the same range, from zero, with the line on which sigma is true."""
    most = max(float(max(c.rmv.max(), c.rmse_range[1].max())) for c in curves) * _ROOM
    axes.plot(
        [0, most],
        [0, most],
        color=colors["text"],
        linestyle="--",
        linewidth=0.8,
        label="identity",
        zorder=0,
    )
    axes.set(
        xlabel="uncertainty (RMV, grey levels)",
        ylabel="error (RMSE, grey levels)",
        xlim=(0, most),
        ylim=(0, most),
    )
    axes.set_aspect("equal", adjustable="box")
    axes.locator_params(nbins=_TICKS)
