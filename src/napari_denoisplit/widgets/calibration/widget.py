"""The widget that calibrates the sigma of a model."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy, QWidget

from napari_denoisplit.errors import CalibrationError
from napari_denoisplit.settings import CalibrateSettings
from napari_denoisplit.widgets.calibration.data import CalibrationData
from napari_denoisplit.widgets.calibration.plot import CalibrationPlot
from napari_denoisplit.widgets.calibration.run import CalibrationOrder, calibrate_input
from napari_denoisplit.widgets.calibration.saving import CalibrationSaving
from napari_denoisplit.widgets.calibration.words import figures_table, verdicts_html
from napari_denoisplit.widgets.choosers.model import ModelChoice
from napari_denoisplit.widgets.layers.place import viewer_reference
from napari_denoisplit.widgets.parts.column import Column, Fold
from napari_denoisplit.widgets.parts.docked import DockedWidget
from napari_denoisplit.widgets.parts.dropping import (
    IMAGE_SUFFIXES,
    MODEL_SUFFIXES,
    FileDrop,
    by_kind,
)
from napari_denoisplit.widgets.parts.fields import SettingsForm
from napari_denoisplit.widgets.parts.preferences import preference
from napari_denoisplit.widgets.parts.run_panel import RunPanel
from napari_denoisplit.widgets.parts.worker import Start, start_job

if TYPE_CHECKING:
    from pathlib import Path

    from napari.viewer import Viewer

    from napari_denoisplit.jobs.calibrate.job import Calibrated

_HOW = {"n_samples": "Samples", "method": "Method", "device": "Device"}
_MORE = {
    "binning": "Bins",
    "n_bins": "Number of bins",
    "probe_samples": "Probe samples",
    "max_pixels": "Most pixels",
    "precision": "Precision",
    "seed": "Seed",
}
_TITLES = {
    "method": {
        "auto": "automatic",
        "variance": "factor, by variance",
        "likelihood": "factor, by likelihood",
        "map": "monotone curve",
    },
    "binning": {"equal_count": "of equal count", "equal_width": "of equal width"},
}


class CalibrationWidget(DockedWidget):
    """Bring the sigma of a model to the size of its errors, and see what it is then worth.

    Parameters
    ----------
    napari_viewer
        The viewer; napari finds the parameter by its name.
    start
        How a job is run.
    """

    def __init__(self, napari_viewer: Viewer, start: Start = start_job) -> None:
        super().__init__()
        self._viewer = viewer_reference(napari_viewer)
        self.model = ModelChoice(self)
        self.data = CalibrationData(self._viewer, self)
        self.settings = SettingsForm(CalibrateSettings, _HOW, _TITLES, self)
        self.more = SettingsForm(CalibrateSettings, _MORE, _TITLES, self)
        for name in ("n_samples", "device"):
            control = self.settings[name]
            control.set_value(preference(name, control.value()))
        self.panel = RunPanel("Calibrate", "Compare sigma with errors.", start, self)
        self.plot = CalibrationPlot(self._viewer, self)
        self.verdict, self.figures = _label(self, "Verdict"), _label(self, "Numbers")
        self.saving = CalibrationSaving(self.panel, self.plot, self)
        self.result: Calibrated | None = None
        """What was found last."""
        self._was_stopped = False
        self._lay_out()
        self._connect()
        self._refresh()

    def _lay_out(self) -> None:
        self._column = column = Column(self)
        column.add(self.model, "Model")
        column.add(self.data, "Images")
        column.add(self.settings, "How")
        column.add(Fold("More", self.more))
        column.add(self.panel)
        column.add(self.saving)
        column.add(self.plot)
        column.add(self.verdict)
        column.add(self.figures)
        column.order_tabs()
        self.setAccessibleName("Calibrate sigma")

    def _connect(self) -> None:
        drop = FileDrop(self, MODEL_SUFFIXES + IMAGE_SUFFIXES)
        drop.dropped.connect(self.open_files)
        drop.refused.connect(self.panel.say)
        for images in (self.data.images, self.data.others):
            for source in images.titles:
                source.files.drop.refused.connect(self.panel.say)
        self.model.changed.connect(self._on_model)
        self.data.changed.connect(self._refresh)
        self.panel.start_clicked.connect(self.calibrate)
        self.panel.stopped.connect(self._on_stop)
        self.undocked.connect(self.panel.stop)
        self.saving.saved.connect(self.model.open)
        self.saving.finished.connect(self._refresh)
        self.saving.split_button.clicked.connect(self._use_in_split)

    def open_model(self, path: Path) -> None:
        """Choose a model file."""
        self.model.open(path)

    def open_files(self, paths: list[Path]) -> None:
        """Take a model and images, as if they were dropped here."""
        models, images = by_kind(paths, MODEL_SUFFIXES, IMAGE_SUFFIXES)
        if models:
            self.open_model(models[-1])
        if images:
            self.data.add_files(images)

    def calibrate(self) -> None:
        """Check the choices and begin."""
        order = None if self.model.header is None else self.panel.checked(self._order)
        if order is None:
            return
        self._show(None)
        self._was_stopped = False
        self.panel.run(
            partial(calibrate_input, order),
            on_event=_ignore,
            on_done=self._show,
            on_error=self._failed,
            title=f"denoiSplit: calibrating {order.model.stem}",
        )
        self._column.reveal(self.panel)
        self._refresh()

    def _order(self) -> CalibrationOrder:
        return CalibrationOrder(
            model=self.model.path,
            data=self.data.chosen(),
            judged_on=self.data.judged_on(),
            settings=CalibrateSettings(**self.settings.values(), **self.more.values()),
        )

    def reset_choices(self, event: object = None) -> None:
        """Follow the viewer's layers; napari calls this."""
        self.data.reset_choices()

    def _on_model(self) -> None:
        if self.model.header is not None:
            self.data.follow(self.model.header.channel_names)
        self._refresh()

    def _refresh(self) -> None:
        self.panel.set_obstacle(self.model.problem or self.data.problem)
        self.saving.refresh()

    def _show(self, result: Calibrated | None) -> None:
        self.result = result
        for label, words in ((self.verdict, verdicts_html), (self.figures, figures_table)):
            label.setVisible(result is not None)
            label.setText("" if result is None else words(result))
        self.plot.show_result(result)
        self.saving.show_result(result)
        if result is not None:
            grades = [f"{c.curves.channel}: {c.verdict.grade}" for c in result.channels]
            self.panel.say(f"Sigma of {', '.join(grades)}. Not saved in the model yet.")
            self._column.reveal(self.plot)
        self._refresh()

    def _on_stop(self) -> None:
        self._was_stopped = True

    def _failed(self, error: Exception) -> None:
        if self._was_stopped and isinstance(error, CalibrationError):
            self.panel.say(str(error))  # what was asked for is no error
        else:
            self.panel.fail(error)
        self._refresh()

    def _use_in_split(self) -> None:
        viewer = self._viewer()
        if viewer is not None and self.saving.saved_as is not None:
            dock, widget = viewer.window.add_plugin_dock_widget(
                "napari-denoisplit", "Split", tabify=True
            )
            dock.raise_()
            widget.open_model(self.saving.saved_as)


def _ignore(event: object) -> None:
    """Nothing to show but stages and progress, which the panel does."""


def _label(parent: QWidget, name: str) -> QLabel:
    label = QLabel(parent)
    label.setAccessibleName(name)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    label.hide()
    return label
