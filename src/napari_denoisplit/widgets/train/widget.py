"""The widget that trains models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QCheckBox, QPushButton

from napari_denoisplit.widgets.choosers.channels import ChannelSource
from napari_denoisplit.widgets.layers.place import viewer_reference
from napari_denoisplit.widgets.parts.column import Column, Fold
from napari_denoisplit.widgets.parts.docked import DockedWidget
from napari_denoisplit.widgets.parts.dropping import (
    IMAGE_SUFFIXES,
    MODEL_SUFFIXES,
    FileDrop,
    by_kind,
)
from napari_denoisplit.widgets.parts.fields import tooltip
from napari_denoisplit.widgets.parts.preferences import preference
from napari_denoisplit.widgets.parts.run_panel import RunPanel
from napari_denoisplit.widgets.parts.worker import Start, start_job
from napari_denoisplit.widgets.train.choices import ModelTarget, TrainChoices
from napari_denoisplit.widgets.train.plots import TrainingPlot
from napari_denoisplit.widgets.train.run import TrainOrder, TrainRun

if TYPE_CHECKING:
    from pathlib import Path

    from napari.viewer import Viewer

    from napari_denoisplit.widgets.choosers.known_model import KnownModel


class TrainWidget(DockedWidget):
    """Train a model on images of each structure alone.

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
        self.source = ChannelSource(self._viewer, self)
        self.choices = TrainChoices(self)
        device = self.choices.how["device"]
        device.set_value(preference("device", device.value()))
        self.target = ModelTarget(self)
        self.preview = QCheckBox("Show a preview in the viewer", self)
        self.preview.setChecked(True)
        self.preview.setToolTip(tooltip("Split a region that is kept for validation now and then."))
        self.panel = RunPanel("Train", "Train a model; it is saved while it improves.", start, self)
        self.plot = TrainingPlot(self._viewer, self)
        self.plot.hide()
        self.split_button = QPushButton("Use in Split", self)
        self.split_button.setToolTip("Open the Split widget with this model.")
        self._run: TrainRun | None = None
        self._lay_out()
        self._connect()
        self._refresh()

    def _lay_out(self) -> None:
        self._column = column = Column(self)
        column.add(self.source, "Structures")
        column.add(self.choices.how, "How")
        column.add(self.choices.noise)
        column.add(self.target)
        column.add(Fold("More", self.choices.more, self.preview))
        column.add(self.panel)
        column.add(self.split_button)
        column.add(self.plot)
        column.order_tabs()
        self.setAccessibleName("Train a splitting model")

    def _connect(self) -> None:
        drop = FileDrop(self, MODEL_SUFFIXES + IMAGE_SUFFIXES)
        drop.dropped.connect(self.open_files)
        drop.refused.connect(self.panel.say)
        self.source.files.drop.refused.connect(self.panel.say)
        for changed in (self.source.changed, self.choices.changed, self.target.changed):
            changed.connect(self._refresh)
        self.panel.start_clicked.connect(self.train)
        self.undocked.connect(self.panel.stop)
        self.split_button.clicked.connect(self._use_in_split)

    def open_files(self, paths: list[Path]) -> None:
        """Take images, or the state of a training to go on with, as if they were dropped here."""
        models, images = by_kind(paths, MODEL_SUFFIXES, IMAGE_SUFFIXES)
        if models:
            self.target.resume_from(models[-1])
        if images:
            self.source.add_files(images)

    def take_noise_model(self, known: KnownModel) -> None:
        """Train with this noise model for the next structure that has none yet."""
        self.choices.noise.take(known)
        self._column.reveal(self.choices.noise)

    def train(self) -> None:
        """Check the choices and begin."""
        order = self.panel.checked(self._order)
        if order is None:
            return
        if self._run is not None:
            self._run.deleteLater()
        self._run = TrainRun(self._viewer, self.panel, self.plot, order)
        self._run.finished.connect(self._on_finished)
        self.plot.show()
        self._run.curves_changed.connect(self._reveal_plot)
        self._reveal_plot()
        self._run.begin()
        self._refresh()

    def _order(self) -> TrainOrder:
        return TrainOrder(
            source=self.source.chosen(),
            settings=self.choices.settings(),
            path=self.target.path(),
            noise_models=self.choices.noise_models(),
            resume=self.target.resume,
            preview=self.preview.isChecked(),
        )

    def reset_choices(self, event: object = None) -> None:
        """Follow the viewer's layers; napari calls this."""
        self.source.reset_choices()

    def _reveal_plot(self) -> None:
        # Once, with the first curve: from then on the user scrolls.
        if len(self.plot.curves.epoch) <= 1:
            self._column.reveal(self.plot)

    def _on_finished(self) -> None:
        if self._run is not None and self._run.model is not None:
            self.target.after_training(self._run.model)
            self._column.reveal(self.plot)
        self._refresh()

    def _refresh(self) -> None:
        if not self.panel.is_running:
            self.target.suggest(self.source.structures())
            self.choices.noise.set_structures(self.source.known_structures())
        obstacle = self.source.problem or self.choices.problem or self.target.problem
        self.panel.set_obstacle(obstacle)
        trained = self._run is not None and self._run.model is not None
        self.split_button.setVisible(trained and not self.panel.is_running)

    def _use_in_split(self) -> None:
        viewer = self._viewer()
        if viewer is not None and self._run is not None:
            _, widget = viewer.window.add_plugin_dock_widget("napari-denoisplit", "Split")
            widget.open_model(self._run.model)
