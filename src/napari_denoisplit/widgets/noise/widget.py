"""The widget that fits noise models, judges them and hands them over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_denoisplit.images.files.endings import READABLE
from napari_denoisplit.settings import DenoiseSettings, NoiseFitSettings
from napari_denoisplit.widgets.noise.plot import LEVELS, NoisePlot
from napari_denoisplit.widgets.noise.run import GreyLevelRun, NoiseRun
from napari_denoisplit.widgets.noise.shelf import NoiseShelf
from napari_denoisplit.widgets.noise.source import NoiseSourceChoice
from napari_denoisplit.widgets.noise.words import figures_html
from napari_denoisplit.widgets.parts.column import Fold
from napari_denoisplit.widgets.parts.controls import Text
from napari_denoisplit.widgets.parts.dropping import NOISE_SUFFIXES
from napari_denoisplit.widgets.parts.fields import SettingsForm
from napari_denoisplit.widgets.parts.grade_words import verdict_html
from napari_denoisplit.widgets.parts.job_widget import JobWidget
from napari_denoisplit.widgets.parts.worker import Start, start_job

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_denoisplit.widgets.noise.grey_levels import GreyLevels
    from napari_denoisplit.widgets.noise.input import NoiseInput

_TITLES = {
    "kind": {
        "gaussian_mixture": "Gaussian mixture",
        "histogram": "histogram",
        "poisson_gaussian": "Poisson-Gaussian (camera)",
        "correlated": "correlated (along rows, resampled)",
    },
}
_MORE = ("n_gaussians", "n_coefficients", "n_bins", "max_pixels", "seed")


class NoiseWidget(JobWidget):
    """Fit a noise model to images, see whether to trust it, and use it.

    Parameters
    ----------
    napari_viewer
        The viewer; napari finds the parameter by its name.
    start
        How a job is run.
    """

    def __init__(self, napari_viewer: Viewer, start: Start = start_job) -> None:
        help_text = "Fit a noise model and judge it."
        super().__init__(napari_viewer, "Fit and judge a noise model", "Fit", help_text, start)
        self.source = NoiseSourceChoice(self._viewer, self)
        self.settings = SettingsForm(NoiseFitSettings, ["kind"], _TITLES, self)
        self.training = SettingsForm(
            DenoiseSettings, ["minutes"], {"minutes": {"": "no limit"}}, self
        )
        self.more = SettingsForm(NoiseFitSettings, _MORE, parent=self)
        self.plot = NoisePlot(self._viewer, self)
        self.verdict = Text("Verdict", self, selectable=True)
        self.figures = Text("Numbers of the noise model", self, selectable=True)
        self.shelf = NoiseShelf(self)
        self.levels = GreyLevelRun(start, self.source, self)
        self.jobs = NoiseRun(self.panel, self.plot, self.shelf)
        how = ("Noise model", self.settings, self.training, Fold("More", self.more), self.panel)
        found = (self.plot, self.verdict, self.shelf, self.figures)
        self._lay_out("Images", self.source, *how, *found)
        kinds = {READABLE: self.source.add_files, NOISE_SUFFIXES: self.jobs.load}
        self._take_drops(kinds, self.panel.status)
        self._connect()
        self._on_source()

    def _connect(self) -> None:
        self.source.changed.connect(self._on_source)
        self.levels.answered.connect(self._on_levels)
        self.shelf.changed.connect(self._on_shelf)
        self.shelf.load_button.clicked.connect(self.jobs.ask_and_load)
        self.shelf.save_button.clicked.connect(self.jobs.ask_and_save)
        self.shelf.train_button.clicked.connect(self._use_in_train)
        self.jobs.gathered.connect(self._on_gathered)
        self.panel.finished.connect(self._on_finished)

    @property
    def problem(self) -> str:
        """Why no model can be fitted; empty if one can."""
        return self.source.problem

    def take_example(self) -> None:
        """Fit to a single image: the example has no repeats."""
        self.source.source.setCurrentIndex(self.source.source.findData("single"))

    def reset_choices(self, event: object = None) -> None:
        """Follow the viewer's layers; napari calls this."""
        self.source.reset_choices()

    def _order(self) -> tuple[NoiseInput, NoiseFitSettings, DenoiseSettings]:
        settings = NoiseFitSettings(**self.settings.values(), **self.more.values())
        denoise = DenoiseSettings(**self.training.values(), seed=settings.seed)
        return self.source.chosen(), settings, denoise

    def _begin(self, order: tuple[NoiseInput, NoiseFitSettings, DenoiseSettings]) -> None:
        self.jobs.fit(*order)
        self.shelf.set_busy(True)

    def _on_source(self) -> None:
        self.training.setVisible(self.source.chosen_source == "bootstrap")
        if not self.panel.is_running:
            self.panel.say("")  # it was about the choice before
        self.levels.look()
        self._refresh()

    def _on_levels(self, levels: tuple[GreyLevels, ...]) -> None:
        self.plot.show_levels(levels)
        if not (self.panel.is_running or self.shelf.shown):
            self.plot.turn_to(LEVELS)

    def _on_shelf(self) -> None:
        self._describe()
        self.jobs.show_chosen()

    def _describe(self) -> None:
        shown = self.shelf.shown
        self.verdict.say(verdict_html(shown[0].verdict) if shown else "")
        self.figures.say(figures_html(shown))

    def _on_gathered(self) -> None:
        # The plot shows the pixels of a new fit: what is said of the model before would mislead.
        for part in (self.verdict, self.figures):
            part.hide()
        self._column.reveal(self.plot)

    def _on_finished(self) -> None:
        self.shelf.set_busy(self.panel.is_running)
        self._describe()
        if self.shelf.current is not None:
            self._column.reveal(self.verdict)

    def _use_in_train(self) -> None:
        if (model := self.shelf.current) and (widget := self._open_page("Train")) is not None:
            widget.take_noise_model(model.known)
