"""Choice of the samples to browse: layers of the viewer, or a result on disk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QGridLayout, QLabel, QPushButton, QWidget

from napari_denoisplit.events import Stage
from napari_denoisplit.widgets.layers.place import AXIS_NAMES, SAMPLE, Place
from napari_denoisplit.widgets.layers.results import (
    SIGMA_COLORMAP,
    contrast_limits,
    structure_colormap,
)
from napari_denoisplit.widgets.parts.fields import narrow_box, tooltip
from napari_denoisplit.widgets.parts.worker import Cancelled
from napari_denoisplit.widgets.samples.sets import SampleSet, sample_sets

if TYPE_CHECKING:
    import threading

    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.widgets.layers.place import ViewerRef
    from napari_denoisplit.widgets.parts.worker import RunHandle, Start

_NONE = (
    "No layer has a sample axis. Split an image and keep samples (Split widget, More, Samples to "
    "keep), or open or drop a result: an OME-Zarr folder, or NAME_mmse.ome.tif beside its samples."
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

    changed = Signal()  # another set was chosen, or there is none any more
    updated = Signal()  # the same set, but its MMSE, sigma or input has come or gone
    failed = Signal(object)  # a result could not be opened: the error

    def __init__(self, viewer: ViewerRef, start: Start, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer, self._start = viewer, start
        self._sets: tuple[SampleSet, ...] = ()
        self._running: RunHandle | None = None
        self.box = narrow_box(
            "Samples",
            "Layers with an axis that is labelled 'sample', put together by their split.",
            self,
            characters=8,
        )
        self.files_button = QPushButton("File…", self)
        self.files_button.setToolTip(tooltip("Open samples from a file beside them."))
        self.folder_button = QPushButton("Folder…", self)
        self.folder_button.setToolTip(
            tooltip("Open samples of an OME-Zarr or NAME_samples folder.")
        )
        self.note = QLabel(self)
        self.note.setWordWrap(True)
        self._lay_out()
        self._connect()
        self.reset_choices()

    def _lay_out(self) -> None:
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.box, 0, 0)
        layout.addWidget(self.files_button, 0, 1)
        layout.addWidget(self.folder_button, 0, 2)
        layout.addWidget(self.note, 1, 0, 1, 3)
        layout.setColumnStretch(0, 1)

    def _connect(self) -> None:
        self.box.currentIndexChanged.connect(self._on_box)
        self.files_button.clicked.connect(self._ask_file)
        self.folder_button.clicked.connect(self._ask_folder)

    @property
    def chosen(self) -> SampleSet | None:
        """The samples to browse."""
        row = self.box.currentIndex()
        return self._sets[row] if 0 <= row < len(self._sets) else None

    def reset_choices(self) -> None:
        """Follow the viewer's layers."""
        viewer, before = self._viewer(), self.chosen
        self._sets = () if viewer is None else sample_sets(viewer.layers)
        keys = [one.key for one in self._sets]
        self.box.blockSignals(True)
        self.box.clear()
        self.box.addItems([one.name for one in self._sets])
        same = before is not None and before.key in keys
        if before is not None and same:
            self.box.setCurrentIndex(keys.index(before.key))
        elif keys:
            self.box.setCurrentIndex(len(keys) - 1)  # what was made last
        self.box.blockSignals(False)
        self._describe()
        after = self.chosen
        if not same:
            self.changed.emit()
        elif before is not None and after is not None and before.members != after.members:
            self.updated.emit()

    def refreshed(self) -> SampleSet | None:
        """Return the samples to browse with what their layers say by now.

        A split writes into its layers how they were made when all of them are shown.
        """
        viewer, before = self._viewer(), self.chosen
        for one in () if viewer is None or before is None else sample_sets(viewer.layers):
            if before is not None and one.key == before.key:
                return one
        return before

    def open(self, path: Path) -> None:
        """Open samples of a result in the background, and choose them."""
        self._running = self._start(
            partial(read_samples_of, path),
            on_event=_ignore,
            on_done=self._on_opened,
            on_error=self._on_error,
            title=f"denoiSplit: opening {path.name}",
        )
        self._running.cancel_with(self)

    def _on_opened(self, opened: OpenedSamples | None) -> None:
        if opened is not None:
            known = {one.key for one in self._sets}
            add_samples(self._viewer, opened)
            self.reset_choices()
            new = [row for row, one in enumerate(self._sets) if one.key not in known]
            if new:
                self.box.setCurrentIndex(new[-1])

    def _on_error(self, error: Exception) -> None:
        if not isinstance(error, Cancelled):
            self.failed.emit(error)

    def _on_box(self, *_: object) -> None:
        self._describe()
        self.changed.emit()

    def _describe(self) -> None:
        chosen = self.chosen
        self.box.setEnabled(chosen is not None)
        if chosen is None:
            self.note.setText(_NONE)
            return
        stack = chosen.stack
        kept = "1 sample" if stack.n_kept == 1 else f"{stack.n_kept} samples"
        if stack.n_samples > stack.n_kept:
            kept += f", kept of {stack.n_samples}"
        where = "read as they are looked at" if stack.is_lazy else "in memory"
        self.note.setText(f"{' and '.join(stack.structures)}: {kept}, {where}.")

    def _ask_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self, "A file of a result", "", "OME-TIFF (*.ome.tif *.ome.tiff)"
        )
        if name:
            self.open(Path(name))

    def _ask_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "OME-Zarr or NAME_samples folder")
        if name:
            self.open(Path(name))


def _ignore(event: object) -> None:
    """Nothing to show: opening takes a moment."""


@dataclass(frozen=True, slots=True, eq=False)
class OpenedSamples:
    """Samples on disk, with display limits of each structure by the first plane."""

    stack: Split
    limits: tuple[tuple[float, float], ...]
    sigma_limits: tuple[tuple[float, float], ...]


def read_samples_of(path: Path, stop: threading.Event) -> Job[StatusEvent, OpenedSamples | None]:
    """Open the samples of a result, and look at one plane for the contrast."""
    yield Stage(f"Opening {path.name}")
    # Not at the top: readers are needed when a result is opened.
    from napari_denoisplit.images.results.files import open_split
    from napari_denoisplit.images.results.split import pixels_of

    stack = open_split(path)
    stack.need_samples()
    if stop.is_set():
        return None
    plane = (0,) * len(stack.leading_shape)
    coarse = (stack, *stack.coarser)[-1]
    first = coarse.read_sample(0, plane) if coarse.mmse_arrays is None else coarse.read_mmse(plane)
    spread = stack.sigma_arrays if coarse.sigma_arrays is None else coarse.sigma_arrays
    sigma = [] if spread is None else [pixels_of(array[plane]) for array in spread]
    return OpenedSamples(
        stack,
        tuple(contrast_limits(np.asarray(part)) for part in first),
        tuple(contrast_limits(part) for part in sigma),
    )


def add_samples(viewer: ViewerRef, opened: OpenedSamples) -> None:
    """Add samples, MMSE and sigma of a result as layers; only the MMSE is visible at first."""
    alive, stack = viewer(), opened.stack
    if alive is None:
        return
    place = Place(
        axes=stack.axes,
        scale=dict(stack.pixel_size),
        translate=dict(stack.origin),
        units=dict(stack.units),
        labels={axis: AXIS_NAMES[axis] for axis in stack.axes},
    )
    for kind, name in (
        ("sigma", "sigma_arrays"),
        ("samples", "sample_arrays"),
        ("MMSE", "mmse_arrays"),
    ):
        every = [getattr(one, name) for one in (stack, *stack.coarser)]
        for channel in reversed(range(0 if every[0] is None else stack.n_structures)):
            levels = [arrays[channel] for arrays in every if arrays is not None]
            _add(alive, opened, place, kind, channel, levels)


def _add(
    viewer: Any, opened: OpenedSamples, place: Place, kind: str, channel: int, levels: list[Any]
) -> None:
    stack = opened.stack
    is_sigma = kind == "sigma"
    title = "sigma (uncalibrated)" if is_sigma and not stack.calibrated else kind
    record = {
        **stack.provenance,
        "input": stack.name,
        "samples": stack.n_samples,
        "settings": {**stack.provenance.get("settings", {}), "antithetic": stack.mirrored},
        "structure": stack.structures[channel],
        "channel": channel,
        "kind": kind,
    }
    viewer.add_image(
        levels if len(levels) > 1 else levels[0],
        multiscale=len(levels) > 1,
        name=f"{stack.name} · {stack.structures[channel]} · {title}",
        colormap=SIGMA_COLORMAP if is_sigma else structure_colormap(channel),
        blending="translucent" if is_sigma else "additive",
        contrast_limits=(opened.sigma_limits if is_sigma else opened.limits)[channel],
        visible=kind == "MMSE",
        metadata={"denoisplit": record},
        **place.keywords(SAMPLE * (kind == "samples") + stack.axes),
    )
