"""Choice of the samples to browse: layers of the viewer, or a result on disk."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.images.layer_record import SAMPLES
from napari_denoisplit.widgets.choosers.result import ResultChoice
from napari_denoisplit.widgets.layers.opened import add_result, open_result
from napari_denoisplit.widgets.layers.results import OwnLayers
from napari_denoisplit.widgets.parts.controls import Text, button, in_a_column, in_a_row
from napari_denoisplit.widgets.parts.dialogs import ask_for_file, ask_for_folder
from napari_denoisplit.widgets.parts.latest import LatestJob

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.widgets.layers.opened import OpenedResult
    from napari_denoisplit.widgets.layers.place import ViewerRef
    from napari_denoisplit.widgets.parts.worker import Start

_NONE = (
    "No possible answers yet. Split an image and keep some (step Split, More, Answers to keep), or "
    "open or drop a result: an OME-Zarr folder, or NAME_mmse.ome.tif beside NAME_samples."
)


class SampleChoice(QWidget):
    """A list of the sets of samples in the viewer, and a way to open more.

    Parameters
    ----------
    viewer
        Whose layers to choose from.
    start
        How a job is run.
    """

    failed = Signal(object)  # a result could not be opened: the error

    def __init__(self, viewer: ViewerRef, start: Start, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._opening = LatestJob(start, self, "denoiSplit: opening a result")
        self.result = ResultChoice(
            viewer,
            SAMPLES,
            "Possible answers",
            "The possible answers (posterior samples) of a split: layers with an axis that is "
            "labelled 'answer' or 'sample'.",
            lambda result: result.name,
            self,
        )
        self.files_button = button(
            "File…", "Open the possible answers of a result by one of its files.", self._ask_file
        )
        self.folder_button = button(
            "Folder…",
            "Open the possible answers in an OME-Zarr or NAME_samples folder.",
            self._ask_folder,
        )
        self.note = Text("What is known of the answers", self)
        self._lay_out()
        for signal in (self.result.changed, self.result.updated):
            signal.connect(self._describe)
        self._opening.answered.connect(self._on_opened)
        self._opening.failed.connect(self.failed)
        self._describe()
        self.result.reset_choices()

    def _lay_out(self) -> None:
        row = in_a_row(self.result, self.files_button, self.folder_button)
        row.setStretch(0, 1)
        self.setLayout(in_a_column(row, self.note))

    def add(self, paths: list[Path]) -> None:
        """Open samples of a result, by the last of some files, in the background; choose them."""
        self._opening.ask(partial(_open_samples, paths[-1]))

    def _on_opened(self, opened: OpenedResult) -> None:
        add_result(OwnLayers(self._viewer), opened)
        self.result.reset_choices()
        self.result.choose_newest()

    def _describe(self) -> None:
        chosen = self.result.chosen
        if chosen is None:
            self.note.say(_NONE)
            return
        split = chosen.split
        kept = "1 answer" if split.n_kept == 1 else f"{split.n_kept} answers"
        if split.n_samples > split.n_kept:
            kept += f", kept of {split.n_samples}"
        where = "read as they are looked at" if split.is_lazy else "in memory"
        self.note.say(f"{' and '.join(split.structures)}: {kept}, {where}.")

    def _ask_file(self) -> None:
        if path := ask_for_file(self, "A file of a result", "OME-TIFF (*.ome.tif *.ome.tiff)"):
            self.add([path])

    def _ask_folder(self) -> None:
        if folder := ask_for_folder(self, "OME-Zarr or NAME_samples folder"):
            self.add([folder])


def _open_samples(path: Path, stop: threading.Event) -> Job[StatusEvent, OpenedResult | None]:
    opened = yield from open_result(path, stop)
    if opened is not None:
        opened.split.need_samples()
    return opened
