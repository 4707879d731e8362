"""Jobs of the Noise model widget: fit, judge, load, save."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar, assert_never

from qtpy.QtCore import QObject, Signal

from napari_denoisplit.errors import DenoisplitError
from napari_denoisplit.events import FitStep, PairsGathered, Progress, Stage
from napari_denoisplit.widgets.choosers.known_model import KnownModel
from napari_denoisplit.widgets.noise.input import (
    NoiseInput,
    count_grey_levels,
    fit_input,
    judge_model,
    save_model,
)
from napari_denoisplit.widgets.noise.plot import FIT, JOINT, LEVELS
from napari_denoisplit.widgets.noise.shelf import ShelfModel
from napari_denoisplit.widgets.parts.dialogs import ask_for_file, ask_where_to_save
from napari_denoisplit.widgets.parts.latest import LatestJob
from napari_denoisplit.widgets.parts.timer import timer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from qtpy.QtWidgets import QWidget

    from napari_denoisplit.events import NoiseEvent
    from napari_denoisplit.jobs.noise.job import Judged, NoiseFit
    from napari_denoisplit.noise.pairs.pairs import Pairs
    from napari_denoisplit.settings import DenoiseSettings, NoiseFitSettings
    from napari_denoisplit.widgets.noise.plot import NoisePlot
    from napari_denoisplit.widgets.noise.shelf import NoiseShelf
    from napari_denoisplit.widgets.noise.source import NoiseSourceChoice
    from napari_denoisplit.widgets.parts.run_panel import RunPanel
    from napari_denoisplit.widgets.parts.worker import JobFactory, Start

_PATTERN = "Noise models (*.npz *.npy *.json)"
R = TypeVar("R")

_TITLE = "denoiSplit: noise model"


class NoiseRun(QObject):
    """Starts the jobs and shows what comes of them.

    Parameters
    ----------
    panel
        Runs a job and shows how far it is.
    plot
        Shows pixels and models.
    shelf
        Keeps the models.
    """

    gathered = Signal()  # pixels are there and their plot has begun to fill

    def __init__(self, panel: RunPanel, plot: NoisePlot, shelf: NoiseShelf) -> None:
        super().__init__(panel)
        self._panel, self._plot, self._shelf = panel, plot, shelf
        self._pairs: Pairs | None = None
        """Pixels that models are judged by: those of the last fit."""

    def fit(self, chosen: NoiseInput, settings: NoiseFitSettings, denoise: DenoiseSettings) -> None:
        """Fit a model."""
        self._panel.say("")
        self._run(partial(fit_input, chosen, settings, denoise), self._fitted)

    def show_chosen(self) -> None:
        """Show the models chosen on the shelf; judge first what was not judged yet."""
        for one in self._shelf.shown:
            if one.judged is None and self._pairs is not None and not self._panel.is_running:
                job = partial(judge_model, one.known.model, self._pairs)
                self._run(job, partial(self._judged, one))
                return
        self._paint()

    def _paint(self) -> None:
        shown = self._shelf.shown
        curves = {one.known.name: one.judged.curves for one in shown if one.judged is not None}
        # The curves of the second alone would pass for those of the first.
        self._plot.show_models(curves if shown and shown[0].judged is not None else {})

    def load(self, paths: list[Path]) -> None:
        """Put the models of files on the shelf; they are judged if there are pixels."""
        for path in paths:
            try:
                known = KnownModel.of_file(path)
            except (DenoisplitError, OSError) as error:
                self._panel.fail(error)
                continue
            self._panel.say("")
            self._shelf.add(ShelfModel(replace(known, name=self._shelf.free_name(known.name))))

    def save(self, path: Path) -> None:
        """Write the model that is looked at."""
        one = self._shelf.current
        if one is not None:
            job = partial(save_model, one.known.model, one.known.record, path)
            self._run(job, partial(self._saved, one, path))

    def ask_and_load(self) -> None:
        """Let the user choose a file to load."""
        if path := ask_for_file(self._panel, "Load a noise model", _PATTERN):
            self.load([path])

    def ask_and_save(self) -> None:
        """Let the user choose a file to write."""
        one = self._shelf.current
        if one is None:
            return
        # The layout of PN2V has room for a histogram only.
        endings = (".npz", ".npy", ".json") if one.known.kind == "histogram" else (".npz", ".json")
        kinds = dict.fromkeys(endings, "Noise model")
        suggestion = f"{_plain(one.known.name)}.npz"
        if path := ask_where_to_save(self._panel, "Save the noise model", suggestion, kinds):
            self.save(path)

    def _run(self, job: JobFactory[NoiseEvent, R], done: Callable[[R], None]) -> None:
        self._panel.run(
            job, on_event=self._event, on_done=done, on_error=self._failed, title=_TITLE
        )

    def _event(self, event: NoiseEvent) -> None:
        match event:
            case PairsGathered(joint=joint, n_pixels=n_pixels, notes=notes):
                self._plot.show_joint(joint)
                self._plot.turn_to(JOINT)
                self._panel.say("\n".join([f"{n_pixels:,} pixels gathered.", *notes]))
                self.gathered.emit()
            case FitStep(text=text, held_out_nll=nll):
                self._plot.add_step(event)
                likely = f"log-likelihood {-nll:.4f} of pixels left out, the higher the better"
                self._panel.say(f"Trying {text}: {likely}.")
            case Stage() | Progress():
                pass  # shown by the panel
            case _:
                assert_never(event)

    def _fitted(self, fit: NoiseFit) -> None:
        # Not at the top: it brings torch, which the job has loaded by now.
        from napari_denoisplit.jobs.noise.job import Judged

        verdict = fit.model.record.verdict
        name = self._shelf.free_name(f"{_short(fit)}, {fit.model.record.name or 'images'}")
        judged = None if verdict is None else Judged(fit.curves, verdict)
        self._pairs = fit.pairs
        self._panel.say("")
        self._shelf.add(ShelfModel(KnownModel.of_model(name, fit.model), judged), new_pixels=True)
        if self._plot.page in (FIT, LEVELS):
            self._plot.turn_to(JOINT)

    def _judged(self, old: ShelfModel, judged: Judged) -> None:
        known = old.known
        if known.record.verdict is None:
            record = known.record.model_copy(update={"verdict": judged.verdict})
            known = replace(known, record=record)
        self._shelf.renew(old, ShelfModel(known, judged))

    def _saved(self, old: ShelfModel, path: Path, _: object) -> None:
        # A file in the layout of PN2V has no room for the record: the model stays in memory.
        model = old.known.model if path.suffix.lower() == ".npy" else path
        name = old.known.name
        name = name if name == path.name else self._shelf.free_name(path.name)
        known = replace(old.known, name=name, model=model)
        self._shelf.renew(old, replace(old, known=known))
        self._panel.say(f"Saved as {path}.")

    def _failed(self, error: Exception) -> None:
        self._paint()
        self._panel.fail(error)


def _short(fit: NoiseFit) -> str:
    return {"gaussian_mixture": "mixture", "poisson_gaussian": "Poisson-Gaussian"}.get(
        fit.model.kind, fit.model.kind
    )


def _plain(name: str) -> str:
    """Leave out what a file name should not hold."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in name).strip("-") or "noise"


_SETTLE_MS = 150  # choices come in bursts while layers are added


class GreyLevelRun(LatestJob):
    """Looks at a few pixels of what is chosen; the answer is empty where nothing can be seen.

    Parameters
    ----------
    start
        How a job is run.
    source
        What is chosen.
    """

    def __init__(self, start: Start, source: NoiseSourceChoice, parent: QWidget) -> None:
        super().__init__(start, parent, "denoiSplit: looking at the images")
        self._source = source
        self._timer = timer(self, self._look, _SETTLE_MS)
        # The fit reads the same images and says what is wrong with them.
        self.failed.connect(lambda _: self.answered.emit(()))

    def look(self) -> None:
        """Count the grey levels of what is chosen, soon."""
        self._timer.start()

    def _look(self) -> None:
        try:
            chosen = self._source.images_chosen()
        except DenoisplitError:
            chosen = []  # the widget says what is wrong with the choice
        if chosen:
            self.ask(partial(count_grey_levels, chosen))
        else:
            self.forget()
            self.answered.emit(())
