"""Curves of a training, and a canvas in the colours of napari's theme that paints them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_denoisplit.widgets.result_layers import structure_colormap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QShowEvent

    from napari_denoisplit.events import EpochDone
    from napari_denoisplit.widgets.layers import ViewerRef

__all__ = ["TrainingCurves", "TrainingPlot", "training_curves"]

_REDRAW_MS = 500
_HEIGHT = 250  # pixels, for both axes


@dataclass(frozen=True, slots=True)
class TrainingCurves:
    """What a training has reached, epoch by epoch."""

    epoch: tuple[int, ...]
    train_loss: tuple[float, ...]
    """Nats per pixel and channel."""
    validation_loss: tuple[float, ...]
    """Nats per pixel and channel."""
    psnr: tuple[tuple[float, ...], ...]
    """Range-invariant PSNR on validation, dB: one curve per structure."""
    best: int | None
    """Position of the epoch whose model is kept; None before the first."""


def training_curves(history: Sequence[EpochDone]) -> TrainingCurves:
    """Curves over the epochs of a training."""
    best = [position for position, epoch in enumerate(history) if epoch.is_best]
    return TrainingCurves(
        epoch=tuple(epoch.epoch for epoch in history),
        train_loss=tuple(epoch.train.loss for epoch in history),
        validation_loss=tuple(epoch.validation.loss for epoch in history),
        psnr=tuple(zip(*(epoch.psnr for epoch in history), strict=True)),
        best=best[-1] if best else None,
    )


class TrainingPlot(QWidget):
    """Loss and PSNR against the epoch; matplotlib is imported when it is shown first.

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
        QVBoxLayout(self).setContentsMargins(0, 0, 0, 0)
        self.setFixedHeight(_HEIGHT)
        self.setAccessibleName("Loss and PSNR of the training")
        if (alive := viewer()) is not None:
            alive.events.theme.connect(self._on_theme)

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

    def _on_theme(self, event: object = None) -> None:
        if self._canvas is not None:
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
        color = self._colors()["text"]
        marker = _marker(curves.epoch)
        axes.plot(
            curves.epoch, curves.train_loss, color=color, alpha=0.5, label="training", marker=marker
        )
        axes.plot(
            curves.epoch, curves.validation_loss, color=color, label="validation", marker=marker
        )
        if curves.best is not None:
            best = (curves.epoch[curves.best], curves.validation_loss[curves.best])
            axes.plot(*best, "o", color=color, label="kept")
        axes.set_ylabel("loss (nats)")

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
