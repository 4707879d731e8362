"""The widget that calibrates the sigma of a model."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_denoisplit.images.files.endings import READABLE
from napari_denoisplit.settings import CalibrateSettings
from napari_denoisplit.widgets.calibration.data import CalibrationData
from napari_denoisplit.widgets.calibration.plot import CalibrationPlot
from napari_denoisplit.widgets.calibration.run import calibrate_input
from napari_denoisplit.widgets.calibration.saving import CalibrationSaving
from napari_denoisplit.widgets.calibration.words import figures_table, verdicts_html
from napari_denoisplit.widgets.choosers.model_page import ModelPage
from napari_denoisplit.widgets.parts.column import Fold
from napari_denoisplit.widgets.parts.controls import Text
from napari_denoisplit.widgets.parts.dropping import MODEL_SUFFIXES
from napari_denoisplit.widgets.parts.fields import SettingsForm
from napari_denoisplit.widgets.parts.worker import Start, start_job

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_denoisplit.events import NoiseEvent
    from napari_denoisplit.jobs.calibrate.job import Calibrated
    from napari_denoisplit.widgets.parts.worker import JobFactory

_HOW = ("n_samples", "method", "device")
_MORE = ("binning", "n_bins", "probe_samples", "max_pixels", "precision", "seed")
_TITLES = {
    "method": {
        "auto": "automatic",
        "variance": "factor, by variance",
        "likelihood": "factor, by likelihood",
        "map": "monotone curve",
    },
    "binning": {"equal_count": "of equal count", "equal_width": "of equal width"},
}


class CalibrationWidget(ModelPage):
    """Bring the sigma of a model to the size of its errors, and see what it is then worth.

    Parameters
    ----------
    napari_viewer
        The viewer; napari finds the parameter by its name.
    start
        How a job is run.
    """

    def __init__(self, napari_viewer: Viewer, start: Start = start_job) -> None:
        help_text = "Compare the uncertainty (sigma) with errors."
        super().__init__(napari_viewer, "Calibrate the uncertainty", "Calibrate", help_text, start)
        self.data = CalibrationData(self._viewer, self)
        self.settings = SettingsForm(CalibrateSettings, _HOW, _TITLES, self)
        self.more = SettingsForm(CalibrateSettings, _MORE, _TITLES, self)
        self.plot = CalibrationPlot(self._viewer, self)
        self.verdict = Text("Verdict", self, selectable=True)
        self.figures = Text("Numbers", self, selectable=True)
        self.saving = CalibrationSaving(self.panel, self.plot, self._use_in_split, self)
        self.result: Calibrated | None = None
        """What was found last."""
        how = ("How", self.settings, Fold("More", self.more), self.panel)
        found = (self.saving, self.plot, self.verdict, self.figures)
        self._lay_out("Model", self.model, "Images", self.data, *how, *found)
        kinds = {MODEL_SUFFIXES: self.model.add, READABLE: self.data.add_files}
        self._take_drops(kinds, self.panel.status)
        self.model.changed.connect(self._on_model)
        self.data.changed.connect(self._refresh)
        self.saving.saved.connect(self.model.open)
        self._refresh()

    @property
    def problem(self) -> str:
        """Why nothing can be calibrated; empty if it can."""
        return self.model.problem or self.data.problem

    def take_example(self) -> None:
        """Choose the model of the example."""
        self.model.take_example()

    def reset_choices(self, event: object = None) -> None:
        """Follow the viewer's layers; napari calls this."""
        self.data.reset_choices()

    def _order(self) -> JobFactory[NoiseEvent, Calibrated]:
        settings = CalibrateSettings(**self.settings.values(), **self.more.values())
        data, judged_on = self.data.chosen(), self.data.judged_on()
        return partial(calibrate_input, self.model.path, data, judged_on, settings)

    def _begin(self, job: JobFactory[NoiseEvent, Calibrated]) -> None:
        self._show(None)
        title = f"denoiSplit: calibrating {self.model.path.stem}"
        self.panel.run(job, on_done=self._show, title=title)
        self._column.reveal(self.panel)

    def _on_model(self) -> None:
        if self.model.header is not None:
            self.data.follow(self.model.header.channel_names)
        self._refresh()

    def _refresh(self, *_: object) -> None:
        super()._refresh()
        self.saving.refresh()

    def _show(self, result: Calibrated | None) -> None:
        self.result = result
        self.verdict.say("" if result is None else verdicts_html(result))
        self.figures.say("" if result is None else figures_table(result))
        self.plot.show_result(result)
        self.saving.show_result(result)
        if result is not None:
            grades = [f"{c.curves.channel}: {c.verdict.grade}" for c in result.channels]
            self.panel.say(f"Uncertainty of {', '.join(grades)}. Not saved in the model yet.")
            self._column.reveal(self.plot)

    def _use_in_split(self) -> None:
        if (path := self.saving.saved_as) and (widget := self._open_page("Split")) is not None:
            widget.open_model(path)
