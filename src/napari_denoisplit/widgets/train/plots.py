"""A plot of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_denoisplit.widgets.layers.results import structure_color
from napari_denoisplit.widgets.parts.fields import narrow_box
from napari_denoisplit.widgets.parts.plot import ThemePlot
from napari_denoisplit.widgets.train.curves import TrainingCurves, training_curves

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtWidgets import QWidget

    from napari_denoisplit.widgets.layers.place import ViewerRef

_HEIGHT = 280  # pixels, for both axes and the choice above
_LOSS, _RECONSTRUCTION, _KL = "loss", "reconstruction", "use of each level (KL)"
_LINE_STYLES = ("-", "--", "-.", ":")


class TrainingPlot(ThemePlot):
    """Parts of the loss, and PSNR, against the epoch.

    Parameters
    ----------
    viewer
        Whose theme to follow.
    """

    def __init__(self, viewer: ViewerRef, parent: QWidget | None = None) -> None:
        super().__init__(viewer, parent)
        self.curves = training_curves(())
        """What is painted."""
        self._structures: tuple[str, ...] = ()
        self.choice = narrow_box(
            "What the upper curves show", "Which part of the loss the upper curves show.", self
        )
        self.choice.addItems([_LOSS, _RECONSTRUCTION, _KL])
        self.choice.currentIndexChanged.connect(self.redraw)
        self.layout().addWidget(self.choice)
        self.setFixedHeight(_HEIGHT)
        self.setAccessibleName("Loss and PSNR of the training")

    def show_curves(self, curves: TrainingCurves, structures: tuple[str, ...]) -> None:
        """Paint these curves, at most twice a second."""
        self.curves, self._structures = curves, structures
        self.draw_soon()

    def _paint(self, figure: Any) -> None:
        figure.subplots_adjust(left=0.18, right=0.97, top=0.97, bottom=0.14, hspace=0.12)
        loss, psnr = figure.subplots(2, 1, sharex=True)
        curves = self.curves
        self._draw_losses(loss, curves)
        for channel, curve in enumerate(curves.psnr):
            color = structure_color(channel)
            label = self._structures[channel] if channel < len(self._structures) else None
            psnr.plot(curves.epoch, curve, color=color, label=label, marker=_marker(curve))
        psnr.set(xlabel="epoch", ylabel="PSNR (dB)")
        psnr.xaxis.get_major_locator().set_params(integer=True)
        if len(curves.epoch) == 1:  # or its surroundings are hundredths of an epoch
            psnr.set_xlim(curves.epoch[0] - 1, curves.epoch[0] + 1)

    def _draw_losses(self, axes: Any, curves: TrainingCurves) -> None:
        style = {"color": self.colors()["text"], "marker": _marker(curves.epoch)}
        if self.choice.currentText() == _KL:
            for level, curve in enumerate(curves.kl):
                line = _LINE_STYLES[level % len(_LINE_STYLES)]
                axes.plot(curves.epoch, curve, line, label=f"level {level + 1}", **style)
            axes.set_ylabel("use of each level")
            return
        pair = (curves.train_loss, curves.validation_loss)
        if self.choice.currentText() == _RECONSTRUCTION:
            pair = (curves.train_reconstruction, curves.validation_reconstruction)
        axes.plot(curves.epoch, pair[0], alpha=0.5, label="training", **style)
        axes.plot(curves.epoch, pair[1], label="validation", **style)
        if curves.best is not None:
            kept = curves.epoch[curves.best], pair[1][curves.best]
            axes.plot(*kept, "o", color=style["color"], label="kept")
        axes.set_ylabel(self.choice.currentText())


def _marker(points: Sequence[object]) -> str:
    """Mark a single point: it makes no line."""
    return "." if len(points) == 1 else ""
