"""A plot of a training in the colours of napari's theme."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QComboBox, QVBoxLayout, QWidget

from napari_denoisplit.widgets.curves import TrainingCurves, training_curves
from napari_denoisplit.widgets.fields import guard_wheel, tooltip
from napari_denoisplit.widgets.result_layers import structure_colormap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QShowEvent

    from napari_denoisplit.widgets.layers import ViewerRef

__all__ = ["TrainingPlot"]

_REDRAW_MS = 500
_HEIGHT = 280  # pixels, for both axes and the choice above
_LOSS, _RECONSTRUCTION, _KL = "loss", "reconstruction", "KL of each level"
_LINE_STYLES = ("-", "--", "-.", ":")


class TrainingPlot(QWidget):
    """Parts of the loss, and PSNR, against the epoch.

    matplotlib is imported when the plot is shown first.

    Parameters
    ----------
    viewer
        Whose theme to follow.
    """

    def __init__(self, viewer: ViewerRef, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.curves = training_curves(())
        """What is painted."""
        self._structures: tuple[str, ...] = ()
        self._canvas: Any = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REDRAW_MS)
        self._timer.timeout.connect(self._draw)
        self.choice = QComboBox(self)
        self.choice.addItems([_LOSS, _RECONSTRUCTION, _KL])
        self.choice.setAccessibleName("What the upper curves show")
        self.choice.setToolTip(tooltip("Which part of the loss the upper curves show."))
        guard_wheel(self.choice)
        self.choice.currentIndexChanged.connect(self._redraw)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.choice)
        self.setFixedHeight(_HEIGHT)
        self.setAccessibleName("Loss and PSNR of the training")
        if (alive := viewer()) is not None:
            alive.events.theme.connect(self._redraw)

    @property
    def figure(self) -> Any:
        """The matplotlib figure; None before the plot was shown."""
        return None if self._canvas is None else self._canvas.figure

    def show_curves(self, curves: TrainingCurves, structures: tuple[str, ...]) -> None:
        """Paint these curves, at most twice a second."""
        self.curves, self._structures = curves, structures
        if self.isVisible() and not self._timer.isActive():
            self._timer.start()

    def showEvent(self, event: QShowEvent) -> None:
        """Make the canvas at the first time."""
        super().showEvent(event)
        if self._canvas is None:
            self._make_canvas()
        self._draw()

    def _make_canvas(self) -> None:
        # Not at the top: matplotlib takes half a second, and most widgets never plot.
        from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
        from matplotlib.figure import Figure

        # Fixed margins: a layout engine warns while Qt has not given the canvas its size yet.
        figure = Figure()
        figure.subplots_adjust(left=0.18, right=0.97, top=0.97, bottom=0.14, hspace=0.12)
        figure.subplots(2, 1, sharex=True)
        self._canvas = FigureCanvasQTAgg(figure)
        # The canvas would take the wheel from the scroll area around it.
        self._canvas.wheelEvent = lambda event: event.ignore()
        self.layout().addWidget(self._canvas)

    def _redraw(self, event: object = None) -> None:
        self._draw()

    def _draw(self) -> None:
        if self._canvas is None:
            return
        loss, psnr = self._canvas.figure.axes
        for axes in (loss, psnr):
            axes.clear()
        curves = self.curves
        self._draw_losses(loss, curves)
        for channel, curve in enumerate(curves.psnr):
            color = _structure_color(channel)
            label = self._structures[channel] if channel < len(self._structures) else None
            psnr.plot(curves.epoch, curve, color=color, label=label, marker=_marker(curve))
        psnr.set(xlabel="epoch", ylabel="PSNR (dB)")
        psnr.xaxis.get_major_locator().set_params(integer=True)
        self._follow_theme((loss, psnr))
        self._canvas.draw_idle()

    def _draw_losses(self, axes: Any, curves: TrainingCurves) -> None:
        style = {"color": self._colors()["text"], "marker": _marker(curves.epoch)}
        if self.choice.currentText() == _KL:
            for level, curve in enumerate(curves.kl):
                line = _LINE_STYLES[level % len(_LINE_STYLES)]
                axes.plot(curves.epoch, curve, line, label=f"level {level + 1}", **style)
            axes.set_ylabel("KL (nats)")
            return
        pair = (curves.train_loss, curves.validation_loss)
        if self.choice.currentText() == _RECONSTRUCTION:
            pair = (curves.train_reconstruction, curves.validation_reconstruction)
        axes.plot(curves.epoch, pair[0], alpha=0.5, label="training", **style)
        axes.plot(curves.epoch, pair[1], label="validation", **style)
        if curves.best is not None:
            kept = curves.epoch[curves.best], pair[1][curves.best]
            axes.plot(*kept, "o", color=style["color"], label="kept")
        axes.set_ylabel(f"{self.choice.currentText()} (nats)")

    def _follow_theme(self, every: Sequence[Any]) -> None:
        colors = self._colors()
        self._canvas.figure.set_facecolor(colors["background"])
        for axes in every:
            axes.set_facecolor(colors["background"])
            axes.tick_params(colors=colors["text"], labelsize=7)
            axes.grid(color=colors["line"], linewidth=0.5)
            for label in (axes.xaxis.label, axes.yaxis.label):
                label.set(color=colors["text"], fontsize=8)
            for spine in axes.spines.values():
                spine.set_color(colors["line"])
            if axes.get_legend_handles_labels()[0]:
                axes.legend(
                    fontsize=7,
                    labelcolor=colors["text"],
                    facecolor=colors["background"],
                    edgecolor=colors["line"],
                )

    def _colors(self) -> dict[str, str]:
        from napari.utils.theme import get_theme

        viewer = self._viewer()
        theme = get_theme(viewer.theme if viewer is not None else "dark")
        return {
            "background": theme.background.as_hex(),
            "text": theme.text.as_hex(),
            "line": theme.secondary.as_hex(),
        }


def _marker(points: Sequence[object]) -> str:
    """Mark a single point: it makes no line."""
    return "." if len(points) == 1 else ""


def _structure_color(channel: int) -> Any:
    from napari.utils.colormaps import AVAILABLE_COLORMAPS

    return AVAILABLE_COLORMAPS[structure_colormap(channel)].colors[-1]
