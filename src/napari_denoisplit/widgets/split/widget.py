"""The widget that splits images."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pydantic import ValidationError
from qtpy.QtWidgets import QWidget

from napari_denoisplit.errors import DenoisplitError
from napari_denoisplit.images.files.endings import READABLE
from napari_denoisplit.images.layer_record import PREVIEW
from napari_denoisplit.settings import SplitSettings
from napari_denoisplit.widgets.choosers.foreign_model import FOREIGN_SUFFIXES
from napari_denoisplit.widgets.choosers.images import ImageChooser
from napari_denoisplit.widgets.choosers.model_page import ModelPage
from napari_denoisplit.widgets.choosers.roles import SUPERPOSITION
from napari_denoisplit.widgets.choosers.split_fields import split_fields
from napari_denoisplit.widgets.layers.removal import hide_kind, remove_kind
from napari_denoisplit.widgets.parts.column import Fold
from napari_denoisplit.widgets.parts.controls import button, in_a_row
from napari_denoisplit.widgets.parts.dialogs import ask_for_folder
from napari_denoisplit.widgets.parts.dropping import (
    MODEL_SUFFIXES,
)
from napari_denoisplit.widgets.parts.timer import timer
from napari_denoisplit.widgets.parts.worker import Start, start_job
from napari_denoisplit.widgets.split.forecast import Question
from napari_denoisplit.widgets.split.lens import Lens
from napari_denoisplit.widgets.split.lens_run import LensChoice
from napari_denoisplit.widgets.split.result_row import ResultRow
from napari_denoisplit.widgets.split.results import ResultsPanel
from napari_denoisplit.widgets.split.run import SplitRun
from napari_denoisplit.widgets.split.saving import Result, ResultMoved, save_results

if TYPE_CHECKING:
    from pathlib import Path

    from napari.viewer import Viewer

    from napari_denoisplit.checkpoint import ModelHeader
    from napari_denoisplit.widgets.choosers.chosen import ChosenImage

_LOOK = "Open the page that shows the possible answers of the result, one at a time."
_TRUST = "Open the page that judges the result by what it leaves unexplained."


class SplitWidget(ModelPage):
    """Split a layer, or files dropped here, into denoised structures with their uncertainty.

    Parameters
    ----------
    napari_viewer
        The viewer; napari finds the parameter by its name.
    start
        How a job is run.
    """

    def __init__(self, napari_viewer: Viewer, start: Start = start_job) -> None:
        help_text = "Split the image with the model."
        super().__init__(napari_viewer, "Split and denoise", "Split", help_text, start)
        self.source = ImageChooser(self._viewer, SUPERPOSITION, self)
        self.settings, self.more = split_fields(self)
        self.lens = Lens(self._viewer, start, self._lens_choice, self)
        self.where = ResultsPanel(self._viewer, self._question, start, self)
        self.row = ResultRow(self._viewer, lambda: self.results, self._save, self)
        self.onward = self._make_onward()
        self._results: list[Result] = []
        # Temporary results go with their layers, but perhaps after the viewer has told of that.
        self._looks_again = timer(self, self._offer_saving)
        self._run: SplitRun | None = None
        how = (self.settings, Fold("More", self.more), self.where, self.panel)
        parts = ("Model", self.model, "Image", self.source, "How", *how, "Lens", self.lens)
        self._lay_out(*parts, below=(self.onward, self.row))
        self._connect()
        self._refresh()

    def _make_onward(self) -> QWidget:
        row = QWidget(self)
        look = button("Look at the answers", _LOOK, partial(self._open_page, "Samples"))
        trust = button("Can I trust it?", _TRUST, partial(self._open_page, "Trust"))
        row.setLayout(in_a_row(look, trust))
        return row

    def _connect(self) -> None:
        models = (*MODEL_SUFFIXES, *FOREIGN_SUFFIXES)
        kinds = {models: self.model.add, READABLE: self.source.add_files}
        self._take_drops(kinds, self.panel.status)
        self.model.changed.connect(self._on_model)
        self.source.changed.connect(self._refresh)
        self.source.changed.connect(self.subject_changed)
        for form in (self.settings, self.more):
            form.changed.connect(self.where.refresh)
            form.changed.connect(self.lens.refresh)
        self.lens.failed.connect(self.panel.notify)  # the lens has a line of its own for it
        self.lens.switch.toggled.connect(self._show_lens)
        self.undocked.connect(self.lens.close_session)

    @property
    def is_busy(self) -> bool:
        """Whether images are being split, or results are still on their way into the viewer."""
        return self._run is not None

    @property
    def results(self) -> tuple[Result, ...]:
        """What the last run has made, and is still there."""
        return tuple(result for result in self._results if result.is_there)

    @property
    def subject(self) -> tuple[str, str]:
        """Names of the model and of the images that are chosen."""
        sources = self.source.sources
        more = f" and {len(sources) - 1} more" if len(sources) > 1 else ""
        return self.model.name, f"{sources[0].name}{more}" if sources else ""

    def split_example(self) -> None:
        """Split the active layer, cells that come with the package, by the model made for them."""
        viewer = self._viewer()
        if viewer is not None and not self.is_busy:
            self.source.take_layer(viewer.layers.selection.active)
            self.model.take_example()
            self.run()

    @property
    def problem(self) -> str:
        """Why nothing can be split; empty if something can."""
        return self.model.problem or self.source.problem or self._problem_with_channels()

    def _problem_with_channels(self) -> str:
        """Why the chosen channels make no superposition; empty if they do, or there are none."""
        n = len(self.source.channel_choice.titles)
        structures = () if self.model.header is None else self.model.header.channel_names
        if n in (0, 1, len(structures)) or not structures:
            return ""
        each = (
            f", or one of each structure ({', '.join(structures)})" if len(structures) > 1 else ""
        )
        return f"{n} channels are chosen: take the one that shows all structures together{each}."

    def _order(self) -> tuple[ModelHeader, tuple[ChosenImage, ...], SplitSettings]:
        if self.model.header is None:
            raise DenoisplitError(self.problem)
        settings = SplitSettings(**self.settings.values(), **self.more.values())
        return self.model.header, self.source.chosen(), settings

    def _begin(self, order: tuple[ModelHeader, tuple[ChosenImage, ...], SplitSettings]) -> None:
        header, inputs, settings = order
        self.where.begin()
        hide_kind(self._viewer, PREVIEW)  # of a training: it would lie over the result
        run = SplitRun(
            self._viewer, self.panel, self.model.path, header, settings, inputs, self.where
        )
        run.noted.connect(self.source.files.set_note)
        run.finished.connect(partial(self._on_finished, run))
        self._run, self._results = run, run.results
        run.next()

    def reset_choices(self, event: object = None) -> None:
        """Follow the viewer's layers; napari calls this."""
        self.source.reset_choices()
        self._looks_again.start()

    def _on_model(self) -> None:
        if self.panel.status.text().startswith("⚠"):
            self.panel.say("")  # an error of another one
        self._refresh()

    def _refresh(self, *_: object) -> None:
        super()._refresh()
        self._offer_saving()
        self.lens.refresh()
        if not self.is_busy:
            self.where.refresh()

    def _offer_saving(self) -> None:
        if not (self.is_busy or self.panel.is_running):
            self._results = list(self.results)  # nothing of what is gone is kept
            self.where.forget_removed()
        for part in (self.onward, self.row):
            part.setVisible(bool(self.results) and not self.panel.is_running)

    def _show_lens(self, *_: object) -> None:
        self._column.reveal(self.lens)  # what it says may lie below the fold

    def _question(self) -> Question | None:
        if self.problem or self.is_busy:
            return None
        try:
            _, inputs, settings = self._order()
            return Question(self.model.path, settings, inputs)
        except (ValidationError, DenoisplitError):
            return None  # told at the click

    def _lens_choice(self) -> LensChoice:
        if self.is_busy:
            raise DenoisplitError("The lens waits until the split has ended.")
        values = {**self.settings.values(), **self.more.values()}
        return LensChoice.of(self.model, self.source, values)

    def _on_finished(self, run: SplitRun) -> None:
        run.deleteLater()
        if self._run is run:
            self._run = None
            self.where.end()
            if run.results:
                remove_kind(self._viewer, PREVIEW)
                self.result_made.emit()
        self._refresh()

    def _save(self) -> None:
        if folder := ask_for_folder(self, "Folder for the results"):
            self.save_to(folder)

    def save_to(self, folder: Path) -> None:
        """Write the results into a folder, in the background."""
        self.panel.run(
            partial(save_results, self.results, folder),
            on_event=self._moved,
            on_done=partial(self._saved, folder),
            title="denoiSplit: saving results",
        )

    def _saved(self, folder: Path, files: tuple[Path, ...]) -> None:
        what = f"{len(files)} files" if len(files) != 1 else f"{files[0].name} is"
        self.panel.say(f"{what} saved in {folder}.")
        self.where.end()

    def _moved(self, event: object) -> None:
        if isinstance(event, ResultMoved):
            moved = self.where.moved(event)
            self._results[self._results.index(event.result)] = moved
