"""The choice where the results of a split go, and the folder for temporary ones."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import weakref
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.errors import JobError
from napari_denoisplit.files import remove_abandoned, temporary_folder
from napari_denoisplit.images.layer_record import record_of
from napari_denoisplit.memory import room_for
from napari_denoisplit.widgets.parts.controls import in_a_column
from napari_denoisplit.widgets.parts.dialogs import ask_for_folder
from napari_denoisplit.widgets.parts.fields import form_layout, narrow_box, tooltip
from napari_denoisplit.widgets.split.forecast import ForecastLine
from napari_denoisplit.widgets.split.saving import Result, ResultMoved, stem_of
from napari_denoisplit.wording import gib

if TYPE_CHECKING:
    from napari_denoisplit.jobs.preflight import Preflight
    from napari_denoisplit.widgets.layers.place import ViewerRef
    from napari_denoisplit.widgets.parts.worker import Start
    from napari_denoisplit.widgets.split.disk_layers import DiskLayers
    from napari_denoisplit.widgets.split.forecast import Ask, Forecast


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
        self.setLayout(in_a_column(self.choice, self.line))
        self.choice.changed.connect(self._say)
        self.line.found.connect(self._say)

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
        self.forget_removed()

    def forget_removed(self) -> None:
        """Keep nothing of results whose layers are gone."""
        alive = {path: shown for path, shown in self.known.items() if shown.layers.any_alive}
        self.known = alive

    def moved(self, event: ResultMoved) -> Result:
        """Show a temporary result where it was saved to."""
        before = event.result.split.path
        if before is not None and (layers := self.known.get(before)) is not None:
            layers.moved(event.opened)
        return replace(event.result, split=event.opened.split, temporary=False)

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
        self.line.setToolTip(tooltip(f"{told.sentence}."))
        lines = [f"{told.brief}.", note, self._short_of_disk(told.bytes_on_disk)]
        self.line.say("\n".join(filter(None, lines)))

    def _short_of_disk(self, n_bytes: float) -> str:
        if not n_bytes:
            return ""
        temporary = self.choice.keeping == "temporary" or self.choice.folder is None
        place = place_for_temporary() if temporary else self.choice.folder
        try:
            free = shutil.disk_usage(str(place)).free
        except OSError:
            return ""  # told when the folder is made
        return f"⚠ Only {gib(free)} are free in {place}." if n_bytes > free else ""


Keeping = Literal["memory", "temporary", "folder"]

_TITLES: dict[Keeping, str] = {
    "memory": "in memory",
    "temporary": "on disk, temporary",
    "folder": "on disk, in a folder…",
}
_HELP = (
    "In memory: as fast as can be, as large as memory. On disk: images and stacks of any size are "
    "split block by block, and only what you look at is read. Temporary results are deleted when "
    "their layers are removed or napari closes; 'Save results…' keeps them. A split to disk that "
    "was stopped goes on when the same is started again."
)


class ResultsChoice(QWidget):
    """Choice of where results go."""

    changed = Signal()  # something else is chosen, by the user or by a forecast

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.folder: Path | None = None
        self._by_user = False
        self.box = narrow_box("Results", _HELP, self, items=_TITLES)
        self.box.activated.connect(self._on_user)
        form_layout(self, {"Results": self.box})
        self._last: Keeping = "memory"

    @property
    def keeping(self) -> Keeping:
        """What is chosen."""
        return cast("Keeping", self.box.currentData())

    def choose(self, keeping: Keeping, folder: Path | None = None) -> None:
        """Choose as if the user did; for a folder say which."""
        self._by_user = True
        if keeping == "folder" and folder is not None:
            self.folder = folder
            self.box.setItemText(
                self.box.findData("folder"), f"on disk, in {folder.name or folder}…"
            )
            self.box.setToolTip(tooltip(f"Results go into {folder}. {_HELP}"))
        self._set(keeping)

    def propose(self, told: Preflight) -> str:
        """Take disk where the results would fill the memory, unless the user has chosen.

        Returns
        -------
        A sentence for the user where memory is short; else empty.
        """
        full = told.memory_for_results > room_for("layers", told.free_memory)
        short = full or not told.fits
        if not self._by_user:
            self._set("temporary" if short else "memory")
        if not short:
            return ""
        if self.keeping != "memory":
            return f"{told.shortage}, so they go to disk."
        return "" if told.fits else f"⚠ {told.shortage}: choose disk above, or keep fewer answers."

    def _on_user(self, index: int) -> None:
        keeping = cast("Keeping", self.box.itemData(index))
        if keeping == "folder":
            folder = ask_for_folder(self, "Folder for the results", self.folder)
            if folder is None:
                self.box.setCurrentIndex(self.box.findData(self._last))
                return
            self.choose(keeping, folder)
        else:
            self.choose(keeping)

    def _set(self, keeping: Keeping) -> None:
        self.box.setCurrentIndex(self.box.findData(keeping))
        if keeping != self._last:
            self._last = keeping
            self.changed.emit()


_LARGE_FILES = Path("/var/tmp")  # /tmp is memory on many a Linux


def place_for_temporary() -> Path:
    """Folder for large temporary files: TMPDIR if it is set, else that of the system for them."""
    named = any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    if not named and os.access(_LARGE_FILES, os.W_OK):
        return _LARGE_FILES
    return Path(tempfile.gettempdir())


class TemporaryResults:
    """A folder for results; each is deleted when the last layer that shows it is removed.

    What is left is deleted with the viewer, or when Python ends.

    Parameters
    ----------
    viewer
        Whose layers show the results.
    """

    def __init__(self, viewer: ViewerRef) -> None:
        self._viewer = viewer
        self._folder: Path | None = None
        # Of a session that was killed: what it left may fill the disk.
        threading.Thread(target=remove_abandoned, args=(place_for_temporary(),)).start()
        self._made: set[str] = set()

    def folder(self) -> Path:
        """Make the folder at its first use.

        Raises
        ------
        OSError
            It cannot be made.
        """
        if self._folder is not None and self._folder.is_dir():
            return self._folder
        folder = temporary_folder(place_for_temporary())
        self._folder = folder
        if (viewer := self._viewer()) is not None:
            weakref.finalize(viewer, shutil.rmtree, folder, ignore_errors=True)
            made, reference = self._made, self._viewer

            def forget(event: Any = None) -> None:
                if not made:
                    _delete_unshown(folder, reference)

            # A function and not a method: it must outlive the widget, as the layers do.
            viewer.layers.events.removed.connect(forget)
        return folder

    def begin(self) -> None:
        """Delete nothing while results are made, whatever becomes of layers."""
        self._made.add("results")

    def end(self) -> None:
        """Delete the results that no layer shows, now that none is being made."""
        self._made.clear()
        if self._folder is not None:
            _delete_unshown(self._folder, self._viewer)


def _delete_unshown(folder: Path, viewer_reference: ViewerRef) -> None:
    """Delete the results in a folder that no layer shows."""
    if (viewer := viewer_reference()) is None:
        return
    shown = {str(record_of(layer.metadata).get("result")) for layer in viewer.layers}
    for path in folder.glob("*.zarr"):
        # Of samples without a block no layer can tell: the split that goes on needs them.
        is_begun = any(path.glob("block-*")) and not (path / "mmse" / "0" / "c").exists()
        if str(path) not in shown and not is_begun:
            shutil.rmtree(path, ignore_errors=True)
