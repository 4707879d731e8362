"""The widget that fits noise models, judges them and hands them over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_denoisplit.settings import DenoiseSettings, NoiseFitSettings
from napari_denoisplit.widgets.layers.place import viewer_reference
from napari_denoisplit.widgets.noise.plot import LEVELS, NoisePlot
from napari_denoisplit.widgets.noise.run import GreyLevelRun, NoiseRun
from napari_denoisplit.widgets.noise.shelf import NoiseFigures, NoiseShelf, NoiseVerdict
from napari_denoisplit.widgets.noise.source import NoiseSourceChoice
from napari_denoisplit.widgets.parts.column import Column, Fold
from napari_denoisplit.widgets.parts.docked import DockedWidget
from napari_denoisplit.widgets.parts.dropping import (
    IMAGE_SUFFIXES,
    NOISE_SUFFIXES,
    FileDrop,
    by_kind,
)
from napari_denoisplit.widgets.parts.fields import SettingsForm
from napari_denoisplit.widgets.parts.run_panel import RunPanel
from napari_denoisplit.widgets.parts.worker import Start, start_job

if TYPE_CHECKING:
    from pathlib import Path

    from napari.viewer import Viewer

    from napari_denoisplit.widgets.noise.grey_levels import GreyLevels
    from napari_denoisplit.widgets.noise.input import NoiseInput

_TITLES = {
    "kind": {
        "gaussian_mixture": "Gaussian mixture",
        "histogram": "histogram",
        "poisson_gaussian": "Poisson-Gaussian (camera)",
    },
}
_MORE = {
    "n_gaussians": "Gaussians, K",
    "n_coefficients": "Coefficients, n",
    "n_bins": "Histogram bins",
    "max_pixels": "Most pixels",
    "seed": "Seed",
}


class NoiseWidget(DockedWidget):
    """Fit a noise model to images, see whether to trust it, and use it.

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
        self.source = NoiseSourceChoice(self._viewer, self)
        self.settings = SettingsForm(NoiseFitSettings, {"kind": "Kind"}, _TITLES, self)
        self.training = SettingsForm(
            DenoiseSettings, {"minutes": "Minutes"}, {"minutes": {"": "no limit"}}, self
        )
        self.more = SettingsForm(NoiseFitSettings, _MORE, parent=self)
        self.panel = RunPanel("Fit", "Fit a noise model and judge it.", start, self)
        self.plot = NoisePlot(self._viewer, self)
        self.verdict = NoiseVerdict(self)
        self.figures = NoiseFigures(self)
        self.shelf = NoiseShelf(self)
        self.levels = GreyLevelRun(start, self)
        self.run = NoiseRun(self.panel, self.plot, self.shelf)
        self._lay_out()
        self._connect()
        self._on_source()

    def _lay_out(self) -> None:
        self._column = column = Column(self)
        column.add(self.source, "Images")
        column.add(self.settings, "Noise model")
        column.add(self.training)
        column.add(Fold("More", self.more))
        column.add(self.panel)
        column.add(self.plot)
        column.add(self.verdict)
        column.add(self.shelf)
        column.add(self.figures)
        column.order_tabs()
        self.setAccessibleName("Fit and judge a noise model")

    def _connect(self) -> None:
        drop = FileDrop(self, NOISE_SUFFIXES + IMAGE_SUFFIXES)
        drop.dropped.connect(self.open_files)
        drop.refused.connect(self.panel.say)
        self.source.changed.connect(self._on_source)
        self.levels.counted.connect(self._on_levels)
        self.panel.start_clicked.connect(self.fit)
        self.undocked.connect(self.panel.stop)
        self.shelf.changed.connect(self._on_shelf)
        self.shelf.load_button.clicked.connect(self.run.ask_and_load)
        self.shelf.save_button.clicked.connect(self.run.ask_and_save)
        self.shelf.train_button.clicked.connect(self._use_in_train)
        self.run.gathered.connect(self._on_gathered)
        self.run.finished.connect(self._on_finished)

    def open_files(self, paths: list[Path]) -> None:
        """Take images or a noise model, as if they were dropped here."""
        models, images = by_kind(paths, NOISE_SUFFIXES, IMAGE_SUFFIXES)
        if images:
            self.source.add_files(images)
        for path in models:
            self.run.load(path)

    def fit(self) -> None:
        """Check the choices and begin."""
        order = self.panel.checked(self._order)
        if order is None:
            return
        self.run.fit(*order)
        self.shelf.set_busy(True)

    def _order(self) -> tuple[NoiseInput, NoiseFitSettings, DenoiseSettings]:
        settings = NoiseFitSettings(**self.settings.values(), **self.more.values())
        denoise = DenoiseSettings(**self.training.values(), seed=settings.seed)
        return self.source.chosen(), settings, denoise

    def reset_choices(self, event: object = None) -> None:
        """Follow the viewer's layers; napari calls this."""
        self.source.reset_choices()

    def _on_source(self) -> None:
        self.training.setVisible(self.source.chosen_source == "bootstrap")
        self.panel.set_obstacle(self.source.problem)
        if not self.panel.is_running:
            self.panel.say("")  # it was about the choice before
        self.levels.look_at(self.source)

    def _on_levels(self, levels: tuple[GreyLevels, ...]) -> None:
        self.plot.show_levels(levels)
        if not (self.panel.is_running or self.shelf.shown):
            self.plot.turn_to(LEVELS)

    def _on_shelf(self) -> None:
        self._describe()
        self.run.show_chosen()

    def _describe(self) -> None:
        for part in (self.verdict, self.figures):
            part.show_models(self.shelf.shown)

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
        viewer, model = self._viewer(), self.shelf.current
        if viewer is not None and model is not None:
            dock, widget = viewer.window.add_plugin_dock_widget(
                "napari-denoisplit", "Train", tabify=True
            )
            dock.raise_()
            widget.take_noise_model(model.known)
