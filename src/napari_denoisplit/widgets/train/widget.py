"""The widget that trains models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_denoisplit.errors import DenoisplitError
from napari_denoisplit.images.files.endings import READABLE
from napari_denoisplit.sealed_file import SUFFIX
from napari_denoisplit.widgets.choosers.images import ImageChooser
from napari_denoisplit.widgets.choosers.roles import STRUCTURES
from napari_denoisplit.widgets.parts.column import Fold
from napari_denoisplit.widgets.parts.controls import button, check_box
from napari_denoisplit.widgets.parts.dialogs import ask_for_new_file
from napari_denoisplit.widgets.parts.dropping import MODEL_SUFFIXES
from napari_denoisplit.widgets.parts.fields import control_alone
from napari_denoisplit.widgets.parts.job_widget import JobWidget
from napari_denoisplit.widgets.parts.worker import Start, start_job
from napari_denoisplit.widgets.train.choices import ModelTarget, TrainChoices
from napari_denoisplit.widgets.train.plots import TrainingPlot
from napari_denoisplit.widgets.train.recorded import RecordedChoice
from napari_denoisplit.widgets.train.run import TrainOrder, TrainRun

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari.viewer import Viewer

    from napari_denoisplit.widgets.choosers.known_model import KnownModel
    from napari_denoisplit.widgets.parts.fields import Control


class TrainWidget(JobWidget):
    """Train a model on images of each structure alone.

    Parameters
    ----------
    napari_viewer
        The viewer; napari finds the parameter by its name.
    start
        How a job is run.
    """

    def __init__(self, napari_viewer: Viewer, start: Start = start_job) -> None:
        help_text = "Train a model; it is saved while it improves."
        super().__init__(napari_viewer, "Train a splitting model", "Train", help_text, start)
        self.source = ImageChooser(self._viewer, STRUCTURES, self)
        self.recorded = RecordedChoice(self._viewer, self)
        self.choices = TrainChoices(self)
        self.target = ModelTarget(self)
        self.preview = check_box(
            "Show a preview in the viewer",
            "Split a region that is kept for validation now and then.",
            self,
            checked=True,
        )
        self.plot = TrainingPlot(self._viewer, self)
        self.plot.hide()
        self.split_button = button(
            "Use in Split", "Open the step Split with this model.", self._use_in_split
        )
        self.save_button = button(
            "Save the model as …", "Keep the model, which no disk has taken.", self._save
        )
        self._run: TrainRun | None = None
        self._arrange()
        kinds = {MODEL_SUFFIXES: self.target.resume_from, READABLE: self.source.add_files}
        self._take_drops(kinds, self.panel.status)
        for part in (self.source, self.recorded, self.choices, self.target):
            part.changed.connect(self._refresh)
        self.panel.finished.connect(self._on_finished)
        self._refresh()

    def _arrange(self) -> None:
        fold = Fold("More", self.choices.more, self.recorded, self.preview)
        what = (self.choices.how, self.choices.mix_about, self.choices.noise, self.target)
        how = ("How", *what, fold)
        parts = ("Structures", self.source, *how, self.panel, self.plot)
        self._lay_out(*parts, below=(self.save_button, self.split_button))

    @property
    def problem(self) -> str:
        """Why training cannot start; empty if it can."""
        parts = (self.source, self.recorded, self.choices, self.target)
        told = next((part.problem for part in parts if part.problem), "")
        return told or self.choices.misfit(len(self._named()))

    @property
    def settings_alone(self) -> Mapping[str, Control]:
        """Whether a preview is shown."""
        return {"preview": control_alone(self.preview)}

    def take_noise_model(self, known: KnownModel) -> None:
        """Train with this noise model for the next structure that has none yet."""
        self.choices.noise.take(known)
        self._column.reveal(self.choices.noise)

    def reset_choices(self, event: object = None) -> None:
        """Follow the viewer's layers; napari calls this."""
        self.source.reset_choices()
        self.recorded.source.reset_choices()

    def _order(self) -> TrainOrder:
        return TrainOrder(
            images=self.source.chosen(),
            structures=self.source.typed_names,
            recorded=self.recorded.chosen(),
            t_is_repeats=self.source.t_is_repeats,
            settings=self.choices.settings(),
            path=self.target.path(),
            noise_models=self.choices.noise_models(),
            resume=self.target.resume,
            preview=self.preview.isChecked(),
        )

    def _begin(self, order: TrainOrder) -> None:
        self._run = TrainRun(self._viewer, self.panel, self.plot, order, self._reveal_plot)
        self._run.begin()

    def _reveal_plot(self) -> None:
        # Once, with the first curve: from then on the user scrolls.
        if len(self.plot.curves.epoch) <= 1:
            self._column.reveal(self.plot)

    def _on_finished(self) -> None:
        if self._run is not None and self._run.model is not None:
            self.target.after_training(self._run.model)
            self.model_known.emit(self._run.model)
            self._column.reveal(self.plot)

    def _refresh(self, *_: object) -> None:
        if not self.panel.is_running:
            self.target.suggest(self._named())
            self.choices.noise.set_structures(self.source.structures)
            self.choices.set_recorded(self.recorded.use.isChecked())
        super()._refresh()
        trained = self._run is not None and self._run.model is not None
        self.split_button.setVisible(trained and not self.panel.is_running)
        unsaved = self._run is not None and self._run.unsaved is not None
        self.save_button.setVisible(unsaved and not self.panel.is_running)

    def _named(self) -> tuple[str, ...]:
        """Names of the structures, or of the files that hold them."""
        files = tuple(path.stem.removesuffix(".ome") for path in self.source.paths)
        return self.source.structures or files

    def _save(self) -> None:
        path = ask_for_new_file(self, "Save the model as", f"Models (*{SUFFIX})")
        if self._run is None or path is None:
            return
        try:
            self._run.save_as(path)
        except (DenoisplitError, OSError) as error:
            self.panel.fail(error)
        else:
            self._on_finished()
        self._refresh()

    def _use_in_split(self) -> None:
        if self._run is not None and (widget := self._open_page("Split")) is not None:
            widget.open_model(self._run.model)
            # As a page that opens anew; else one that was open stays at an image of the training.
            widget.source.layer.propose()
