"""Writes a film of samples, or their numbers, in the background."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from napari_denoisplit.events import Stage
from napari_denoisplit.widgets.parts.fields import tooltip
from napari_denoisplit.widgets.parts.run_panel import RunPanel

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.results.pictures import PictureColours
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.settings import FilmSettings
    from napari_denoisplit.widgets.parts.worker import Start

_FILTERS = "Film (*.gif);;Film (*.mp4);;Numbers: OME-TIFF (*.ome.tif)"
_HELP = (
    "Write the plane in sight of all samples, as it is shown: a film (GIF, MP4), or all numbers "
    "(OME-TIFF, samples along time). Of a plane that is larger than the screen, the part in sight."
)


class FilmOrder:
    """What is to be written; made when the file is known.

    Parameters
    ----------
    stack, plane, settings, against, colours
        As in `film_job`.
    numbers
        Samples at full resolution for OME-TIFF, where those of the film are coarser.
    """

    def __init__(
        self,
        stack: Split,
        plane: tuple[int, ...],
        settings: FilmSettings,
        against: int | None,
        colours: PictureColours | None,
        numbers: Split | None = None,
    ) -> None:
        self.stack, self.plane, self.settings = stack, plane, settings
        self.against, self.colours = against, colours
        self.numbers = stack if numbers is None else numbers

    def job(self, path: Path, stop: threading.Event) -> Job[StatusEvent, Path | None]:
        """Write the file."""
        yield Stage("Preparing")
        # Not at the top: what writes images is needed at the end of a session, if at all.
        from napari_denoisplit.jobs.film import FILM_ENDINGS, film_job

        return (
            yield from film_job(
                self.stack if path.suffix.lower() in FILM_ENDINGS else self.numbers,
                path,
                self.settings,
                plane=self.plane,
                against=self.against,
                colours=self.colours,
                stop=stop,
            )
        )


class _WholeOrNothing(RunPanel):
    """A panel that does not promise to keep what a stopped job has begun."""

    def _refresh(self) -> None:
        super()._refresh()
        if self.is_running:
            self.button.setToolTip(tooltip("End now; nothing is written then."))
            self.hint.hide()


class SampleExport(QWidget):
    """A button that asks for a file and writes it.

    Parameters
    ----------
    order
        Tells what is to be written; None while there is nothing.
    start
        How the job is run.
    """

    def __init__(
        self,
        order: Callable[[], FilmOrder | None],
        start: Start,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._order = order
        self.panel = _WholeOrNothing("Save film or OME-TIFF…", _HELP, start, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.panel)
        self.panel.start_clicked.connect(self._ask)

    def save(self, path: Path) -> None:
        """Write a file; its ending says what it is."""
        order = self._order()
        if order is not None:
            self.panel.say("")
            self.panel.run(
                partial(order.job, path),
                on_done=self._done,
                title=f"denoiSplit: writing {path.name}",
            )

    def _ask(self) -> None:
        order = self._order()
        if order is None:
            return
        name, chosen = QFileDialog.getSaveFileName(
            self, "Save samples", f"{order.stack.name} samples", _FILTERS
        )
        if name:
            self.save(_with_ending(name, chosen))

    def _done(self, path: Path | None) -> None:
        self.panel.say("Stopped; nothing was written." if path is None else f"Saved {path}.")


def _with_ending(name: str, chosen: str) -> Path:
    if name.lower().endswith((".gif", ".mp4", ".tif", ".tiff")):
        return Path(name)
    return Path(name + chosen.rpartition("(*")[2].removesuffix(")"))
