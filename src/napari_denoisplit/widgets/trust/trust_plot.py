"""Plot of a residual: its distribution beside that of noise, and its correlation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtWidgets import QHBoxLayout, QWidget

from napari_denoisplit.widgets.parts.plot import ThemePlot

if TYPE_CHECKING:
    from napari_denoisplit.jobs.trust.residuals import ResidualCheck
    from napari_denoisplit.widgets.layers.place import ViewerRef

__all__ = ["ResidualPlot"]

_HEIGHT = 210  # pixels
_EDGES = np.linspace(-5, 5, 61)
_PIXELS = 500_000
_DATA = "#2a9d8f"


class ResidualPlot(ThemePlot):
    """Histogram of the standardized residual, and correlation of its neighbours."""

    def __init__(self, viewer: ViewerRef, parent: QWidget | None = None) -> None:
        super().__init__(viewer, parent)
        self.density = np.zeros(len(_EDGES) - 1)
        """Of the residual, per standard deviation."""
        self._check: ResidualCheck | None = None
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.save_button("residual"))
        self.layout().addLayout(row)
        self.setFixedHeight(_HEIGHT)
        self.setAccessibleName("Plot of the residual")
        self.hide()

    def show_check(self, check: ResidualCheck) -> None:
        """Show the residual of a split."""
        self._check = check
        z = np.asarray(check.residual.data).ravel()
        z = z[:: max(1, z.size // _PIXELS)]
        z = np.clip(z[np.isfinite(z)], _EDGES[0], _EDGES[-1])
        self.density = np.histogram(z, _EDGES, density=True)[0]
        self.show()
        self.redraw()

    def _prepare(self, figure: Any) -> None:
        figure.subplots_adjust(left=0.19, right=0.97, top=0.97, bottom=0.24, wspace=0.85)
        figure.subplots(1, 2, width_ratios=(2, 1))

    def _paint(self, figure: Any) -> None:
        histogram, correlation = figure.axes
        for axes in (histogram, correlation):
            axes.clear()
        text = self.colors()["text"]
        middle = (_EDGES[1:] + _EDGES[:-1]) / 2
        histogram.stairs(self.density, _EDGES, fill=True, color=_DATA, alpha=0.8)
        normal = np.exp(-(middle**2) / 2) / np.sqrt(2 * np.pi)
        histogram.plot(middle, normal, "--", color=text, linewidth=1)
        histogram.set(xlabel="residual (σ of the noise)", ylabel="density", yscale="log")
        histogram.set_ylim(1e-5, 1)
        if self._check is None:
            return
        figures = self._check.figures
        lags = np.arange(1, len(figures.correlation) + 1)
        correlation.bar(lags, figures.correlation, color=_DATA, width=0.6)
        correlation.axhline(0, color=text, linewidth=0.8)
        reach = max(0.05, 1.2 * max(map(abs, figures.correlation)))
        correlation.set(xlabel="lag (pixels)", ylabel="correlation", ylim=(-reach / 3, reach))
        correlation.set_xticks(lags)
