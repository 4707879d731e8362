"""Train a splitting model from noisy channels."""

from __future__ import annotations

import json
import math
import threading
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import torch

from napari_denoisplit.checkpoint import Model, last_path, save_model
from napari_denoisplit.errors import DenoisplitError, TrainingError, message_of
from napari_denoisplit.events import EpochDone, PreviewSplit, Progress, Stage, changed
from napari_denoisplit.jobs.learning.budget import Budget
from napari_denoisplit.jobs.split.memory import is_out_of_memory
from napari_denoisplit.jobs.train.preparation import prepare
from napari_denoisplit.jobs.trust.reference import reference_job, with_reference
from napari_denoisplit.nn.compute import keep_freed_memory
from napari_denoisplit.nn.families import network_of
from napari_denoisplit.settings import SplitSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_denoisplit.events import Job, StatusEvent, TrainEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.training.fields import TrainingFields
    from napari_denoisplit.jobs.learning.batches import Batches
    from napari_denoisplit.jobs.train.preparation import Run
    from napari_denoisplit.jobs.train.validation import ValidationResult
    from napari_denoisplit.nn.sampler import SplittingNetwork
    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.settings import TrainSettings

R = TypeVar("R")

SECONDS_BETWEEN_PROGRESS = 0.3
QUICK = 2**18
"""Pixels that are enough for the reference of a training that was stopped."""


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """Outcome of a training run."""

    model: Model
    """The best model: lowest loss on validation."""
    path: Path | None
    history: tuple[EpochDone, ...]
    """Every epoch of this run."""
    stopped_early: bool
    """Whether it was asked to stop before its budget was used up."""
    notes: tuple[str, ...] = ()
    """What a user should know of the model; each was also yielded as a Stage."""


def train_job(
    fields: TrainingFields,
    settings: TrainSettings,
    *,
    path: Path | None = None,
    noise_models: Sequence[NoiseModel] | None = None,
    resume: Path | None = None,
    stop: threading.Event | None = None,
) -> Job[TrainEvent, Trained]:
    """Train a model to split the superposition of the channels.

    Parameters
    ----------
    fields
        Noisy channels, registered to one another.
    settings
        Network, loss, budget.
    path
        Where to keep the best model (`.denoisplit`), rewritten at each improvement; the state to
        resume from lies beside it, see `last_path`. None keeps nothing on disk.
    noise_models
        One per channel, in image units. None fits them to the data: to pairs where `fields.clean`
        is given, else to repeats where there are any, else to the variance against the mean in
        the noisy channels.
    resume
        A `.last.denoisplit` file: network, normalization, noise models and random state come from
        there, and the whole budget is spent once more. The best model is looked for beside it, and
        returned again where nothing better is found.
    stop
        When set, training ends after the current step and returns the best model so far; what it
        leaves unexplained of its own kind is then measured on fewer pixels. Set while that is
        measured, it ends it.

    Yields
    ------
    Stage, Progress, EpochDone, PreviewSplit

    Returns
    -------
    Trained

    Raises
    ------
    ImageError
        The fields are too small or a channel is constant.
    TrainingError
        Ten steps in a row were not finite, or the state to resume from does not fit.
    """
    stop = stop or threading.Event()
    run = yield from prepare(fields, settings, noise_models, resume)
    yield Stage(f"Training on {run.compute} with {len(run.trainer.batches.corners):,} patches")
    with keep_freed_memory():
        trained = yield from _loop(run, settings, path, stop)
        return (yield from _with_reference(trained, run, settings, stop))


def _loop(
    run: Run, settings: TrainSettings, path: Path | None, stop: threading.Event
) -> Job[TrainEvent, Trained]:
    """Epochs until the budget is used up."""
    trainer, history = run.trainer, list[EpochDone]()
    budget = Budget(settings, trainer.step_count, run.epoch)
    plateau = _Plateau(settings)
    seconds_before = run.seconds
    if run.best is not None and path is not None and run.best.path != path:
        # A resumed run that writes elsewhere: what is best so far belongs there, too.
        run.best = replace(run.best, path=path)
        save_model(path, run.best)
    while (used := budget.used(trainer.step_count, run.epoch)) < 1 and not stop.is_set():
        yield from _epoch(run, settings, budget, stop)
        if trainer.step_count == 0:
            break  # stopped before the first step: there is nothing to validate
        run.epoch += 1
        run.seconds = seconds_before + budget.seconds
        result = run.validation.run(trainer.average.network, trainer.objective)
        done = _epoch_done(run, result)
        history.append(done)
        if settings.schedule == "plateau":
            trainer.learning_rate *= plateau.factor(result.elbo.loss)
        _keep(run, done, path)
        yield done
        used = budget.used(trainer.step_count, run.epoch)
        if run.epoch % settings.preview_every == 0 or used >= 1 or run.epoch == 1:
            yield PreviewSplit(run.epoch, result.superposition, result.mmse, result.channels)
        if run.since_best >= settings.stop_patience:
            yield Stage(f"No progress in {run.since_best} epochs: training ends here")
            break
    if run.best is None:
        raise TrainingError(
            "The loss on validation was never finite: check the images and the noise models."
            if history
            else "Training was stopped before its first step: there is no model."
        )
    return Trained(run.best, path, tuple(history), stopped_early=stop.is_set())


def _with_reference(
    trained: Trained, run: Run, settings: TrainSettings, stop: threading.Event
) -> Job[TrainEvent, Trained]:
    """Let the model know what it leaves unexplained of its own kind, if that can be measured."""
    if trained.model.header.noise_models is None:
        return trained
    why, was_stopped = "it was stopped", stop.is_set()
    try:
        model = yield from _measured(trained, run, settings, stop)
        # None of it where the images are too small, or where this, not the training, was stopped.
        if model is not trained.model or was_stopped or not stop.is_set():
            return replace(trained, model=model)
    except (DenoisplitError, OSError, MemoryError, RuntimeError) as error:
        # The model is trained and saved: only what nobody expects may end in an error.
        if isinstance(error, RuntimeError) and not is_out_of_memory(error):
            raise
        why = message_of(error).rstrip(".")
    name = "MODEL" if trained.path is None else trained.path.name
    note = (
        f"What the model leaves unexplained of its own kind was not measured ({why}). The model is "
        "kept without it, and Trust calls no split better than usable until it is: run "
        f"`denoisplit trust {name} IMAGES --reference` with images that are not training images."
    )
    yield Stage(note)
    return replace(trained, notes=(*trained.notes, note))


def _measured(
    trained: Trained, run: Run, settings: TrainSettings, stop: threading.Event
) -> Job[StatusEvent, Model]:
    """Measure it on the validation blocks, and save it; the model as it was where that ended.

    Whoever stops a training means its model to be used, so it has its reference, too, if a rougher
    one that takes a few seconds.
    """
    images = run.validation.superpositions
    if stop.is_set():
        images, stop = _few(images), threading.Event()
    computing = SplitSettings(device=settings.device, precision=settings.precision)
    measuring = reference_job(
        trained.model,
        images,
        computing,
        data="validation blocks of the training images",
        stop=stop,
    )
    reference = yield from _without_progress(measuring)
    model = with_reference(trained.model, reference)
    if reference is not None and trained.path is not None:
        save_model(trained.path, model)
    return model


def _few(images: Sequence[Image]) -> list[Image]:
    """Take images until there are pixels enough for a quick reference."""
    few: list[Image] = []
    n_pixels = 0
    for image in images:
        if n_pixels >= QUICK:
            break
        few.append(image)
        n_pixels += image.data.size
    return few


def _without_progress(job: Job[StatusEvent, R]) -> Job[Stage, R]:
    """Run a short job after the training, whose progress is complete."""
    return changed(job, lambda event: () if isinstance(event, Progress) else (event,))


def _epoch(
    run: Run, settings: TrainSettings, budget: Budget, stop: threading.Event
) -> Job[Progress, None]:
    """Take the steps between two validations."""
    trainer = run.trainer
    steps = settings.steps_per_epoch or _steps_per_epoch(trainer.batches)
    reported = -math.inf
    for _ in range(steps):
        used = budget.used(trainer.step_count, run.epoch)
        if used >= 1 or stop.is_set():
            return
        if settings.schedule == "budget":
            trainer.learning_rate = budget.learning_rate(used)
        trainer.step()
        if budget.seconds - reported > SECONDS_BETWEEN_PROGRESS:
            reported = budget.seconds
            text = f"epoch {run.epoch + 1}, step {trainer.step_count}"
            yield Progress(used, budget.seconds_left(used), text)


def _steps_per_epoch(batches: Batches) -> int:
    """About one visit of each pixel, but neither too few nor too many steps to compare."""
    seen = batches.batch_size * batches.patch_size**2
    return min(max(batches.n_pixels // seen, 50), 500)


class _Plateau:
    """Halve the learning rate when the validation loss stands still."""

    def __init__(self, settings: TrainSettings) -> None:
        self._patience = settings.plateau_patience
        self._best, self._waited = math.inf, 0

    def factor(self, loss: float) -> float:
        """Factor to apply to the learning rate after an epoch with this loss."""
        if loss < self._best:
            self._best, self._waited = loss, 0
            return 1.0
        self._waited += 1
        if self._waited <= self._patience:
            return 1.0
        self._waited = 0
        return 0.5


def _epoch_done(run: Run, result: ValidationResult) -> EpochDone:
    is_best = result.elbo.loss < run.best_loss
    run.best_loss = min(run.best_loss, result.elbo.loss)
    run.since_best = 0 if is_best else run.since_best + 1
    return EpochDone(
        epoch=run.epoch,
        step=run.trainer.step_count,
        seconds=run.seconds,
        train=run.trainer.take_means(),
        validation=result.elbo,
        psnr=result.psnr,
        learning_rate=run.trainer.learning_rate,
        skipped_steps=run.trainer.skipped,
        is_best=is_best,
    )


def _keep(run: Run, done: EpochDone, path: Path | None) -> None:
    """Keep the averaged network if it is the best so far, and the state to resume from."""
    record = json.loads(json.dumps(asdict(done)))  # lists for tuples, as read from the file
    history = [*run.header.training.get("history", []), record]  # type: ignore[misc]
    run.header = run.header.model_copy(
        update={"training": {**run.header.training, "history": history}}
    )
    network = run.trainer.average.network
    if done.is_best:
        run.best = Model(_copied(network), run.header, path=path)
        if path is not None:
            save_model(path, run.best)
    if path is not None:
        state = run.trainer.state() | {
            "epoch": torch.tensor(run.epoch),
            "seconds": torch.tensor(run.seconds, dtype=torch.float64),
            "best_loss": torch.tensor(run.best_loss, dtype=torch.float64),
        }
        save_model(last_path(path), Model(network, run.header, state))


def _copied(network: SplittingNetwork) -> SplittingNetwork:
    """Copy of a network that further steps do not change."""
    copy = network_of(network.settings)
    copy.load_state_dict(network.state_dict())
    return copy.to(next(network.parameters()).device).eval()
