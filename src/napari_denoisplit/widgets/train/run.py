"""A training in the background, with the preview and the curves that show it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

import numpy as np

from napari_denoisplit.events import (
    EpochDone,
    FitStep,
    PairsGathered,
    PreviewSplit,
    Progress,
    Stage,
)
from napari_denoisplit.images.layer_record import PREVIEW, layer_metadata, layer_name
from napari_denoisplit.images.place import Place
from napari_denoisplit.images.results.layers import structure_colormap
from napari_denoisplit.widgets.choosers.chosen import ChosenImage, read_all
from napari_denoisplit.widgets.layers.removal import remove_kind
from napari_denoisplit.widgets.layers.results import OwnLayers
from napari_denoisplit.widgets.layers.view import camera_of
from napari_denoisplit.widgets.parts.plot import PLOTTING
from napari_denoisplit.widgets.parts.timer import timer
from napari_denoisplit.widgets.parts.worker import loading
from napari_denoisplit.widgets.train.curves import training_curves

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import Job, StatusEvent, TrainEvent
    from napari_denoisplit.images.training.fields import TrainingFields
    from napari_denoisplit.images.training.separate import SeparateFields
    from napari_denoisplit.jobs.learning.loop import Trained
    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.settings import TrainSettings
    from napari_denoisplit.widgets.layers.place import ViewerRef
    from napari_denoisplit.widgets.parts.run_panel import RunPanel
    from napari_denoisplit.widgets.train.plots import TrainingPlot


@dataclass(frozen=True, slots=True)
class TrainOrder:
    """Everything a training needs, as chosen at the click."""

    images: tuple[ChosenImage, ...]
    structures: tuple[str, ...]
    """Names of the structures; empty to go by the images."""
    recorded: tuple[ChosenImage, ...]
    """Images that show all structures together; empty to mix the channels."""
    t_is_repeats: bool
    """Whether the T axis holds repeated exposures of one place."""
    settings: TrainSettings
    path: Path
    noise_models: tuple[NoiseModel | Path, ...]
    """A noise model, or its file, for each channel; empty to fit them."""
    resume: Path | None
    preview: bool


@dataclass(frozen=True, slots=True)
class FieldsRead:
    """The images to train on are read."""

    structures: tuple[str, ...]
    place: Place


def train_input(order: TrainOrder, stop: threading.Event) -> Job[TrainEvent | FieldsRead, Trained]:
    """Read the images and train on them."""
    fields = yield from _read_fields(order)
    yield from loading(stop, "napari_denoisplit.jobs.train.job", *PLOTTING)
    of_files = Place("YX", dict(fields.pixel_size), units=dict(fields.units))
    yield FieldsRead(fields.channel_names, order.images[0].place or of_files)
    # Not at the top: torch is paid for when a training is asked for, in the background.
    from napari_denoisplit.jobs.train.job import train_job
    from napari_denoisplit.noise.files.noise_file import read_noise_model

    given = order.noise_models
    noise_models = [read_noise_model(m) if isinstance(m, Path) else m for m in given] or None
    job = train_job(
        fields,
        order.settings,
        path=order.path,
        noise_models=noise_models,
        resume=order.resume,
        stop=stop,
    )
    return (yield from job)


def _read_fields(order: TrainOrder) -> Job[StatusEvent, TrainingFields | SeparateFields]:
    from napari_denoisplit.images.training.separate import fields_of

    images = yield from read_all(order.images)
    recorded = yield from read_all(order.recorded)
    yield Stage("Preparing the images")
    fields = fields_of(images, superpositions=recorded, t_is_repeats=order.t_is_repeats)
    return fields.named(order.structures)


class TrainRun:
    """Runs one training and shows how it goes.

    Parameters
    ----------
    viewer
        Where to show the preview.
    panel
        Starts the job and shows how far it is.
    plot
        Shows the curves.
    order
        What is trained.
    on_epoch
        Called when an epoch has ended, and there is more to see.
    """

    def __init__(
        self,
        viewer: ViewerRef,
        panel: RunPanel,
        plot: TrainingPlot,
        order: TrainOrder,
        on_epoch: Callable[[], None],
    ) -> None:
        self._on_epoch = on_epoch
        self._viewer, self._panel, self._plot, self._order = viewer, panel, plot, order
        self._structures: tuple[str, ...] = ()
        self._history: list[EpochDone] = []
        self._preview: PreviewLayers | None = None
        self._steps: Iterator[None] = iter(())
        self._timer = timer(panel, self._show_next)
        self.model: Path | None = None
        """File of the trained model; None until it is written."""
        self.unsaved: Model | None = None
        """A trained model that no disk has taken."""

    def begin(self) -> None:
        """Start the training; the plot is shown when the images have been read."""
        self._plot.show_curves(training_curves(()), ())
        self._panel.run(
            partial(train_input, self._order),
            on_event=self._event,
            on_done=self._done,
            title=f"denoiSplit: training {self._order.path.stem}",
        )

    def _event(self, event: TrainEvent | FieldsRead) -> None:
        match event:
            case FieldsRead(structures=structures, place=place):
                self._structures = structures
                self._plot.show()
                self._on_epoch()
                if self._order.preview:
                    remove_kind(self._viewer, PREVIEW)  # of an earlier training
                    name = self._order.path.stem
                    self._preview = PreviewLayers(self._viewer, name, structures, place)
            case EpochDone():
                self._history.append(event)
                self._plot.show_curves(training_curves(self._history), self._structures)
                self._panel.say(epoch_text(event, self._structures))
                self._on_epoch()
            case PreviewSplit():
                if self._preview is not None:
                    self._show_rest()  # of the one before
                    self._steps = self._preview.show(event)
                    self._timer.start()
            case PairsGathered() | FitStep():
                pass  # of noise models that are fitted on the way; stages tell their verdicts
            case Stage() | Progress():
                pass  # shown by the panel
            case _:
                assert_never(event)

    def _show_next(self) -> None:
        """Show one picture more: for all at once the window would stand still for too long."""
        for _ in self._steps:
            self._timer.start()
            return

    def _show_rest(self) -> None:
        for _ in self._steps:
            pass

    def _done(self, trained: Trained) -> None:
        self._show_rest()
        self.model = trained.path
        self.unsaved = trained.model if trained.path is None else None
        self._panel.say(self._summary(trained))

    def save_as(self, path: Path) -> None:
        """Write a model that no disk has taken.

        Raises
        ------
        ModelFileError, OSError
            This place does not take it either.
        """
        from napari_denoisplit.checkpoint import save_model

        if self.unsaved is not None:
            save_model(path, self.unsaved)
            self.model, self.unsaved = path, None
            self._panel.say(f"Saved as {path}")

    def _summary(self, trained: Trained) -> str:
        best = [epoch for epoch in trained.history if epoch.is_best]
        ending = "Stopped" if trained.stopped_early else "Trained"
        kept = f"{ending} on, and no epoch was better than before: the earlier model is kept."
        if best:
            kept = f"{ending}; the model of epoch {best[-1].epoch} is kept."
        saved = [] if trained.path is None else [f"Saved as {trained.path}"]
        psnr = [_psnr_text(best[-1], self._structures)] if best else []
        # What the model is worth comes first: it says what to do next.
        return "\n".join([*trained.notes, kept, *saved, *psnr])


def epoch_text(epoch: EpochDone, structures: Sequence[str]) -> str:
    """Say how an epoch went."""
    text = f"Epoch {epoch.epoch}: {_psnr_text(epoch, structures)}"
    if epoch.skipped_steps:
        text += f" {epoch.skipped_steps} steps left out because they were not finite."
    return text


def _psnr_text(epoch: EpochDone, structures: Sequence[str]) -> str:
    values = ", ".join(
        f"{name} {psnr:.1f} dB" for name, psnr in zip(structures, epoch.psnr, strict=False)
    )
    return f"PSNR on validation: {values}."


_GAP = 0.04  # between the pictures of a preview, as a share of their size
_STEP = 1 + _GAP


class PreviewLayers:
    """A split of a validation region while the network learns.

    Laid out as a table to the right of everything else: the noisy superposition and channels
    above, what the network makes of them below.
    """

    def __init__(
        self, viewer: ViewerRef, name: str, structures: tuple[str, ...], place: Place
    ) -> None:
        self.layers = OwnLayers(viewer)
        self._viewer, self._name, self._structures = viewer, name, structures
        # A table of its own, beside everything: as the image is turned, it is not.
        self._place = replace(place, affine=None).keywords("YX")
        self._corner: tuple[float, float] | None = None

    def show(self, event: PreviewSplit) -> Iterator[None]:
        """Show the newest preview, picture by picture; the view moves to the first one only."""
        if (viewer := self._viewer()) is None:
            return
        first = self._corner is None
        if self._corner is None:
            self._corner = _right_of_everything(viewer)
        self._show("superposition", event.superposition, 0, 0, "gray")
        yield
        for channel, structure in enumerate(self._structures):
            colormap = structure_colormap(channel)
            noisy = f"{structure} noisy"
            self._show(noisy, event.channels[channel], 0, channel + 1, colormap)
            yield
            self._show(structure, event.mmse[channel], 1, channel + 1, colormap)
            self.layers.fit_contrast(structure)
            yield
        if first:
            self._look_at(viewer, event.superposition.shape)

    def _look_at(self, viewer: Any, shape: tuple[int, ...]) -> None:
        """Let the table fill the view; napari's home button shows everything again."""
        viewer.reset_view()
        low, high = viewer.layers.extent.world[:, -2:]
        size = np.multiply(shape, self._place["scale"]) * _STEP * (2, len(self._structures) + 1)
        camera = camera_of(viewer)
        camera.zoom *= float(min((high - low) / size))
        camera.center = (*camera.center[:-2], *(np.asarray(self._corner) + size / 2))

    def _show(
        self, what: str, data: NDArray[np.float32], row: int, column: int, colormap: str
    ) -> None:
        height, width = np.multiply(data.shape, self._place["scale"])
        top, left = self._corner or (0.0, 0.0)
        self.layers.show(
            what,
            data,
            name=layer_name(self._name, PREVIEW, what),
            colormap=colormap,
            # They lie side by side; added to the white ground of a light theme they would vanish.
            blending="translucent_no_depth",
            metadata=layer_metadata(kind=PREVIEW, model=self._name),
            **self._place
            | {"translate": (top + row * height * _STEP, left + column * width * _STEP)},
        )


def _right_of_everything(viewer: Any) -> tuple[float, float]:
    if not len(viewer.layers):
        return 0.0, 0.0
    low, high = viewer.layers.extent.world
    return float(low[-2]), float(high[-1] + _GAP * (high[-1] - low[-1]))
