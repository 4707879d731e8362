"""The part of the Trust widget that sums up objects."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from napari_denoisplit.images.layer_record import TRUST_MASK, kind_of
from napari_denoisplit.widgets.choosers.region import LayerOrNone
from napari_denoisplit.widgets.layers.place import full_resolution
from napari_denoisplit.widgets.layers.view import camera_of
from napari_denoisplit.widgets.parts.controls import in_a_column
from napari_denoisplit.widgets.parts.dialogs import save_button
from napari_denoisplit.widgets.parts.fields import form_layout
from napari_denoisplit.widgets.parts.job_widget import JobPart
from napari_denoisplit.wording import grey_levels

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.jobs.trust.objects import SummedObjects
    from napari_denoisplit.measures.samples.objects import ObjectSummary
    from napari_denoisplit.settings import ObjectSettings
    from napari_denoisplit.widgets.layers.found import FoundResult
    from napari_denoisplit.widgets.layers.place import ViewerRef
    from napari_denoisplit.widgets.parts.worker import Start
    from napari_denoisplit.widgets.trust.mask import MaskPart

_HELP = (
    "Mean, 95% interval and trusted share of every object. The interval is that of the answers' "
    "means, so that errors that neighbouring pixels share are in it."
)
_TABLE = "Write the table as CSV."
_OF_MASK = "parts of the mask"  # no wider than a narrow dock shows


class ObjectsPart(JobPart):
    """Choice of the objects, the run that sums them up, and their table.

    Parameters
    ----------
    viewer
        Whose Labels layers to choose from.
    mask
        Tells the structure and what is trusted.
    start
        How a job is run.
    """

    def __init__(self, viewer: ViewerRef, mask: MaskPart, start: Start, parent: QWidget) -> None:
        super().__init__("Sum up objects", _HELP, start, parent)
        self._viewer, self._mask = viewer, mask
        self._result: FoundResult | None = None
        self._summed: FoundResult | None = None
        self.found: tuple[ObjectSummary, ...] = ()
        """Of the last run."""
        help_text = "Objects to sum up: of a Labels layer, or connected in the mask."
        self.source = LayerOrNone(viewer, _is_labels, "Objects", help_text, _OF_MASK, self)
        self.table = ObjectTable(self)
        self.save_button = save_button(
            "Save table…", _TABLE, "objects.csv", {".csv": "Tables"}, self.save_table
        )
        self.save_button.hide()
        form = form_layout(rows={"Objects": self.source})
        self.setLayout(in_a_column(form, self.panel, self.table, self.save_button))
        self.source.changed.connect(self._refresh)
        self.table.cellDoubleClicked.connect(self._go_to)

    def set_result(self, result: FoundResult | None) -> None:
        """Take another split."""
        self._result = result
        self.source.reset_choices()
        self._refresh()

    def _order(self) -> tuple[FoundResult | None, NDArray[Any] | None]:
        layer = self.source.layer
        # A copy of the labels: the user may paint on while the job runs.
        return self._result, None if layer is None else np.array(full_resolution(layer))

    def _begin(self, order: tuple[FoundResult, NDArray[Any] | None]) -> None:
        result, labels = order
        self._show(())
        self.panel.run(
            partial(_sum_up, result, self._mask.channel, labels, self._mask.chosen),
            on_done=partial(self._done, result, result.split.structures[self._mask.channel]),
            title=f"denoiSplit: objects of {result.name}",
        )

    def save_table(self, path: Path) -> None:
        """Write the table as CSV."""
        from napari_denoisplit.measures.samples.objects import write_objects

        try:
            write_objects(path, self.found)
        except OSError as error:
            self.panel.fail(error)
            return
        number = "1 object" if len(self.found) == 1 else f"{len(self.found)} objects"
        self.panel.say(f"{number} saved in {path}.")

    @property
    def problem(self) -> str:
        """Why objects cannot be summed up; empty if they can."""
        result, layer = self._result, self.source.layer
        if result is None:
            return "Split an image first (step Split)."
        if not result.sigma and layer is None:
            return (
                "Without an uncertainty (sigma) there is no mask: choose a Labels layer of objects."
            )
        if layer is not None and tuple(full_resolution(layer).shape) != result.shape:
            return (
                f"{layer.name!r} has the shape {tuple(full_resolution(layer).shape)}, the split "
                f"{result.shape}: choose labels of the same image."
            )
        return ""

    def _done(self, result: FoundResult, structure: str, summed: SummedObjects) -> None:
        self._summed = result
        self._show(summed.objects)
        self.panel.say(f"{structure} of {result.name}: {summed.summary}")

    def _show(self, objects: Sequence[ObjectSummary]) -> None:
        self.found = tuple(objects)
        self.table.show_objects(self.found)
        self.save_button.setVisible(bool(self.found))

    def _go_to(self, row: int, _column: int) -> None:
        viewer, result = self._viewer(), self._summed
        if viewer is None or result is None:
            return
        one = self.found[row]
        at = dict(zip(result.split.axes, (*one.plane, one.y, one.x), strict=True))
        place = result.mmse[0].data_to_world([at[axis] for axis in result.axes])
        for axis, point in enumerate(place[:-2], start=viewer.dims.ndim - len(place)):
            viewer.dims.set_point(axis, point)
        camera = camera_of(viewer)
        camera.center = (*camera.center[:-2], *place[-2:])


def _is_labels(layer: Any) -> bool:
    """Whether a layer holds objects; the parts of trust masks are on offer already."""
    return isinstance(layer, Labels) and kind_of(layer.metadata) != TRUST_MASK


def _sum_up(
    result: FoundResult,
    channel: int,
    labels: Any,
    settings: ObjectSettings,
    stop: threading.Event,
) -> Job[StatusEvent, SummedObjects]:
    from napari_denoisplit.jobs.trust.objects import objects_job  # imports scipy, for who asks

    split = result.split
    if labels is not None:
        labels = labels.transpose([result.axes.index(axis) for axis in split.axes])
    return (yield from objects_job(split, channel, settings, labels=labels, stop=stop))


_HEADINGS = ("Object", "Pixels", "Mean", "± (95%)", "Trusted")
_HEIGHT = 150  # pixels
_MOST = 2000  # rows; more are in the file


class ObjectTable(QTableWidget):
    """One object in a row."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_HEADINGS), parent)
        self.setHorizontalHeaderLabels(_HEADINGS)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.verticalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.setFixedHeight(_HEIGHT)
        self.horizontalHeader().setMinimumSectionSize(30)
        self.setMinimumWidth(0)
        self.setAccessibleName("Objects")
        self.setToolTip("Double-click a row to look at the object.")
        self.hide()

    def show_objects(self, objects: Sequence[ObjectSummary]) -> None:
        """Show these, the first two thousand."""
        self.setRowCount(min(len(objects), _MOST))
        for row, one in enumerate(objects[:_MOST]):
            half = None if one.high is None else one.high - one.mean
            values = (
                str(one.label),
                str(one.n_pixels),
                grey_levels(one.mean, 4),
                "–" if half is None else grey_levels(half),
                "–" if one.trusted is None else f"{one.trusted:.0%}",
            )
            for column, value in enumerate(values):
                item = QTableWidgetItem(value)
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.setItem(row, column, item)
        self.setVisible(bool(objects))
