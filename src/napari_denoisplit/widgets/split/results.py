"""Where results go, and what making them takes."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_denoisplit.errors import JobError
from napari_denoisplit.widgets.parts.fields import tooltip
from napari_denoisplit.widgets.split.forecast import ForecastLine
from napari_denoisplit.widgets.split.on_disk import DiskSplit
from napari_denoisplit.widgets.split.results_choice import ResultsChoice
from napari_denoisplit.widgets.split.saving import Moved, Result, stem_of
from napari_denoisplit.widgets.split.temporary import TemporaryResults, place_for_temporary

if TYPE_CHECKING:
    from pathlib import Path

    from napari_denoisplit.widgets.layers.place import ViewerRef
    from napari_denoisplit.widgets.parts.worker import Start
    from napari_denoisplit.widgets.split.disk_layers import DiskLayers
    from napari_denoisplit.widgets.split.forecast import Ask, Forecast

__all__ = ["ResultsPanel", "Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """Where the result of an image goes on disk."""

    path: Path
    temporary: bool


class ResultsPanel(QWidget):
    """Choice of where results go, and below it what the split as chosen will take.

    Parameters
    ----------
    viewer
        Whose layers show the results.
    ask
        Takes down what is chosen; None where nothing can be told of it.
    start
        How the measurement is run.
    """

    def __init__(
        self, viewer: ViewerRef, ask: Ask, start: Start, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.choice = ResultsChoice(self)
        self.line = ForecastLine(ask, start, self)
        self.temporary = TemporaryResults(viewer)
        self.known: dict[Path, DiskLayers] = {}
        """The newest layers of every result on disk."""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.choice)
        layout.addWidget(self.line)
        self.choice.changed.connect(self._say)
        self.line.told.connect(self._say)

    def refresh(self) -> None:
        """Tell anew what the split as chosen will take."""
        self.line.refresh()

    def begin(self) -> None:
        """Get ready for a run."""
        self.line.hold()
        self.temporary.begin()

    def end(self) -> None:
        """Clear up after a run."""
        self.temporary.end()
        self.known = {path: layers for path, layers in self.known.items() if path.exists()}

    def moved(self, event: Moved) -> Result:
        """Show a temporary result where it was saved to."""
        split = event.result.split
        if not isinstance(split, DiskSplit):
            raise TypeError("only results on disk can move")
        provenance = split.provenance | {"result": str(event.path)}
        if (layers := self.known.get(split.path)) is not None:
            layers.moved(event.path, event.levels, provenance)
        split = replace(split, path=event.path, temporary=False, provenance=provenance)
        return Result(event.result.name, split)

    def target(self, name: str) -> Target | None:
        """Where the result of an image goes; None is memory.

        Raises
        ------
        JobError
            The folder for temporary results cannot be made.
        """
        file = f"{stem_of(name)}_split.zarr"
        if self.choice.keeping == "folder" and self.choice.folder is not None:
            return Target(self.choice.folder / file, temporary=False)
        if self.choice.keeping == "memory":
            return None
        try:
            return Target(self.temporary.folder() / file, temporary=True)
        except OSError as error:
            raise JobError(
                f"A folder for temporary results cannot be made in {place_for_temporary()} "
                f"({error.strerror or error}): choose a folder for the results."
            ) from error

    def _say(self, forecast: Forecast | None = None) -> None:
        forecast = self.line.forecast if forecast is None else forecast
        if forecast is None:
            return
        note = self.choice.propose(forecast.in_memory)
        on_disk = self.choice.keeping != "memory"
        told = forecast.on_disk if on_disk else forecast.in_memory
        self.line.setToolTip(tooltip(f"{told.sentence}. The speed was measured on this machine."))
        lines = [f"{told.brief}.", note, self._short_of_disk(told.bytes_on_disk)]
        self.line.show_text("\n".join(filter(None, lines)))

    def _short_of_disk(self, n_bytes: float) -> str:
        if not n_bytes:
            return ""
        from napari_denoisplit.jobs.forecast.words import gib  # loaded by now

        temporary = self.choice.keeping == "temporary" or self.choice.folder is None
        place = place_for_temporary() if temporary else self.choice.folder
        try:
            free = shutil.disk_usage(str(place)).free
        except OSError:
            return ""  # told when the folder is made
        return f"⚠ Only {gib(free)} are free in {place}." if n_bytes > free else ""
