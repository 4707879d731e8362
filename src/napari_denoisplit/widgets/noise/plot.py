"""Plots of what a noise model is fitted to, and of how well it fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSlider, QWidget

from napari_denoisplit.jobs.noise.plots import paint_bin, paint_joint, paint_pit, paint_variance
from napari_denoisplit.widgets.noise.ink import paint_levels, paint_steps
from napari_denoisplit.widgets.parts.boxes import guard_wheel
from napari_denoisplit.widgets.parts.controls import Text, in_a_row
from napari_denoisplit.widgets.parts.fields import narrow_box, tooltip
from napari_denoisplit.widgets.parts.plot import ThemePlot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_denoisplit.curves import Autocorrelation, JointHistogram, NoiseCurves
    from napari_denoisplit.events import FitStep
    from napari_denoisplit.widgets.layers.place import ViewerRef
    from napari_denoisplit.widgets.noise.grey_levels import GreyLevels

LEVELS, FIT = "grey levels", "progress of the fit"
JOINT, BIN = "all pixels by signal", "pixels of one signal"
VARIANCE, PIT = "variance and mean", "shape, neighbours (PIT)"
_PAGES = (LEVELS, FIT, JOINT, BIN, VARIANCE, PIT)
_HEIGHT, _TALL = 250, 380  # pixels of the canvas with one plot and with two
_CLICKED = "Click in the plot to see the pixels of one signal."


class NoisePlot(ThemePlot):
    """One of several plots, as far as there are numbers for it."""

    def __init__(self, viewer: ViewerRef, parent: QWidget | None = None) -> None:
        super().__init__(viewer, parent)
        self._levels: tuple[GreyLevels, ...] = ()
        self._steps: list[FitStep] = []
        self._joint: JointHistogram | None = None
        self._models: Mapping[str, NoiseCurves] = {}
        self.choice = narrow_box("Plot", "What to plot.", self)
        self.choice.addItems(_PAGES)
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setAccessibleName("Signal")
        self.slider.setToolTip(tooltip("Which signal to look at, from dark to bright."))
        guard_wheel(self.slider)
        self.note = Text("About the plot", self)
        row = in_a_row(self.choice, self.save_button("noise-model"))
        row.setStretch(0, 1)
        self.layout().addLayout(row)
        self._below = (self.slider, self.note)
        self.setAccessibleName("Plots of the noise model")
        self.choice.currentIndexChanged.connect(self._on_page)
        self.slider.valueChanged.connect(self.redraw)
        self._refresh()

    @property
    def page(self) -> str:
        """Which plot is shown."""
        return str(self.choice.currentText())

    def turn_to(self, page: str) -> None:
        """Show another plot."""
        self.choice.setCurrentText(page)

    def show_levels(self, levels: tuple[GreyLevels, ...]) -> None:
        """Show the histograms of images; what was fitted to others is gone."""
        self._levels = levels
        self._refresh()

    def show_joint(self, joint: JointHistogram | None) -> None:
        """Show pixels before any fit; models and their fit are gone."""
        self._joint, self._models, self._steps = joint, {}, []
        self._refresh()

    def add_step(self, step: FitStep) -> None:
        """Show that the fit has come further."""
        self._steps.append(step)
        if len(self._steps) == 1:
            self._refresh()
        self.draw_soon()

    def show_models(self, models: Mapping[str, NoiseCurves]) -> None:
        """Show a model by its name, or two to compare, judged by the same pixels."""
        self._models = models
        if (first := self._first) is not None:
            self._joint = first.joint
            before, last = self.slider.maximum(), len(first.bins) - 1
            self.slider.setRange(0, max(last, 0))
            if before != last:
                self.slider.setValue(last // 2)
        self._refresh()

    @property
    def _first(self) -> NoiseCurves | None:
        return next(iter(self._models.values()), None)

    def _available(self, page: str) -> bool:
        if page == LEVELS:
            return bool(self._levels)
        if page == FIT:
            return bool(self._steps)
        return self._joint is not None if page == JOINT else bool(self._models)

    def _refresh(self) -> None:
        items: Any = self.choice.model()
        for row, page in enumerate(_PAGES):
            items.item(row).setEnabled(self._available(page))
        if not self._available(self.page):
            self.turn_to(next((page for page in _PAGES if self._available(page)), LEVELS))
        self.setVisible(any(map(self._available, _PAGES)))
        self._on_page()

    def _on_page(self, *_: object) -> None:
        self.slider.setVisible(self.page == BIN)
        self.note.say(self._note())
        self._set_height(_TALL if self.page == PIT else _HEIGHT)
        self.redraw()

    def _note(self) -> str:
        if self._first is None:
            return ""
        pit = neighbours_text(self._first.autocorrelation) if self.page == PIT else ""
        return _CLICKED if self.page == JOINT else pit

    def _make_canvas(self) -> None:
        super()._make_canvas()
        self._canvas.mpl_connect("button_press_event", self._on_click)

    def _on_click(self, event: Any) -> None:
        if self.page == JOINT and self._first is not None and event.xdata is not None:
            distance = [abs(one.signal - event.xdata) for one in self._first.bins]
            self.slider.setValue(distance.index(min(distance)))
            self.turn_to(BIN)

    def _paint(self, figure: Any) -> None:
        bottom, top = (0.11, 0.94) if self.page == PIT else (0.17, 0.91)
        left = 0.25 if self.page == BIN else 0.2  # densities have many digits
        figure.subplots_adjust(left=left, right=0.96, top=top, bottom=bottom, hspace=0.45)
        colors, models = self.colors(), self._models
        if not self._available(self.page):
            return
        if self.page == PIT:
            density, quantiles = figure.subplots(2, 1, height_ratios=(2, 3))
            paint_pit(density, quantiles, models, colors)
            return
        axes = figure.subplots()
        if self.page == FIT:
            paint_steps(axes, self._steps, colors)
        elif self.page == JOINT and self._joint is not None:
            bands = None if self._first is None else self._first.bands
            paint_joint(axes, self._joint, bands, self._marked(), colors)
        elif self.page == BIN:
            paint_bin(axes, models, self.slider.value(), colors)
        elif self.page == VARIANCE:
            paint_variance(axes, models, colors)
        else:
            paint_levels(axes, self._levels, colors)

    def _marked(self) -> float | None:
        if self._first is None or not self._first.bins:
            return None
        return self._first.bins[int(self.slider.value())].signal


def neighbours_text(found: Autocorrelation | None) -> str:
    """Say how alike the noise of neighbouring pixels is."""
    if found is None:
        return "Whether the noise of neighbouring pixels is alike cannot be told from these images."
    lines = [
        f"{axis}: {', '.join(f'{value:+.2f}' for value in values)}"
        for axis, values in (("x", found.x), ("y", found.y))
    ]
    lags = ", ".join(map(str, found.lags))
    return f"Correlation of the noise {lags} pixels apart (0 is best): {'; '.join(lines)}."
