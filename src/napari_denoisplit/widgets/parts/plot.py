"""A plot in the colours of napari's theme."""

from __future__ import annotations

from abc import abstractmethod
from importlib import import_module
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QPushButton, QWidget

from napari_denoisplit.files import replacing
from napari_denoisplit.widgets.parts.column import settle
from napari_denoisplit.widgets.parts.controls import in_a_column
from napari_denoisplit.widgets.parts.dialogs import save_button
from napari_denoisplit.widgets.parts.timer import timer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from qtpy.QtGui import QShowEvent

    from napari_denoisplit.widgets.layers.place import ViewerRef

PLOTTING = ("matplotlib.backends.backend_qtagg", "matplotlib.figure")
"""What a plot needs."""
_REDRAW_MS = 500
_SAVED_DPI = 200

Colors = dict[str, str]
"""Colour of "background", "text" and "line" (grids and frames), as hexadecimal."""


def load_plotting() -> None:
    """Import what a plot needs: half a second, which a job has in the background."""
    for module in PLOTTING:
        import_module(module)


class ThemePlot(QWidget):
    """A canvas that is made when it is first shown, and painted at most twice a second.

    matplotlib is imported with the canvas.

    Parameters
    ----------
    viewer
        Whose theme to follow.
    """

    def __init__(self, viewer: ViewerRef, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._canvas: Any = None
        self._canvas_height: int | None = None
        self._below: tuple[QWidget, ...] = ()
        self._timer = timer(self, self.redraw, _REDRAW_MS)
        self.setLayout(in_a_column())
        if (alive := viewer()) is not None:
            alive.events.theme.connect(self.redraw)

    @property
    def figure(self) -> Any:
        """The matplotlib figure; None before the plot was shown."""
        return None if self._canvas is None else self._canvas.figure

    def draw_soon(self) -> None:
        """Paint, at most twice a second; not while nobody looks."""
        if self.isVisible() and not self._timer.isActive():
            self._timer.start()

    def redraw(self, event: object = None) -> None:
        """Paint at once, if there is a canvas."""
        if self._canvas is not None:
            settle(self._canvas)
            self._canvas.figure.clear()
            self._paint(self._canvas.figure)
            self._follow_theme(self._canvas.figure.axes)
            self._canvas.draw_idle()

    def showEvent(self, event: QShowEvent) -> None:
        """Make the canvas at the first time."""
        super().showEvent(event)
        if self._canvas is None:
            self._make_canvas()
        self.redraw()

    def save_button(self, name: str) -> QPushButton:
        """Make a button that writes the plot to a file.

        Parameters
        ----------
        name
            What the file is called unless the user says otherwise.
        """
        help_text = "Write this plot as SVG (to edit) or PNG (to show)."
        kinds = {".svg": "Drawings", ".png": "Pictures"}
        return save_button("Save plot…", help_text, f"{name}.svg", kinds, self.save)

    def save(self, path: Path) -> None:
        """Write the plot; the ending of the name, .svg or .png, decides on the format."""
        if self._canvas is None:
            self._make_canvas()
            self.redraw()
        figure = self._canvas.figure
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=_SAVED_DPI, facecolor=figure.get_facecolor())

    def colors(self) -> Colors:
        """Colours of the theme."""
        from napari.utils.theme import get_theme

        viewer = self._viewer()
        theme = get_theme(viewer.theme if viewer is not None else "dark")
        return {
            "background": theme.background.as_hex(),
            "text": theme.text.as_hex(),
            "line": theme.secondary.as_hex(),
        }

    @abstractmethod
    def _paint(self, figure: Any) -> None:
        """Paint everything on an empty figure.

        With fixed margins: a layout engine warns while Qt has not given the canvas its size yet.
        """

    def _make_canvas(self) -> None:
        # Not at the top: matplotlib takes half a second, and most widgets never plot.
        from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
        from matplotlib.figure import Figure

        figure = Figure()
        self._canvas = FigureCanvasQTAgg(figure)
        # The canvas would take the wheel from the scroll area around it.
        self._canvas.wheelEvent = lambda event: event.ignore()
        self.layout().addWidget(self._canvas)
        self._canvas.show()  # Qt would do so a round of events later
        if self._canvas_height is not None:
            self._canvas.setFixedHeight(self._canvas_height)
        for part in self._below:
            self.layout().addWidget(part)

    def _set_height(self, pixels: int) -> None:
        """Give the canvas, now or when it is made, a height of its own."""
        self._canvas_height = pixels
        if self._canvas is not None:
            self._canvas.setFixedHeight(pixels)

    def _follow_theme(self, every: Iterable[Any]) -> None:
        colors = self.colors()
        self._canvas.figure.set_facecolor(colors["background"])
        for axes in every:
            axes.set_facecolor(colors["background"])
            axes.tick_params(colors=colors["text"], labelsize=7)
            axes.grid(color=colors["line"], linewidth=0.5)
            for label in (axes.xaxis.label, axes.yaxis.label, axes.title):
                label.set(color=colors["text"], fontsize=8)
            for axis in (axes.xaxis, axes.yaxis):
                axis.get_offset_text().set(color=colors["text"], fontsize=7)
            for spine in axes.spines.values():
                spine.set_color(colors["line"])
            if axes.get_legend_handles_labels()[0]:
                axes.legend(
                    fontsize=7,
                    labelcolor=colors["text"],
                    facecolor=colors["background"],
                    edgecolor=colors["line"],
                )
