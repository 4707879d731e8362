"""The loop of every training: steps until the budget is used up, the best network kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from napari_denoisplit.checkpoint import Model, best_path, load_model, save_model
from napari_denoisplit.errors import TrainingError
from napari_denoisplit.events import EpochDone, PreviewSplit, Progress, Stage
from napari_denoisplit.jobs.learning.batches import Batches
from napari_denoisplit.jobs.learning.budget import Budget
from napari_denoisplit.jobs.learning.keeping import keep, settle, write
from napari_denoisplit.jobs.learning.trainer import Trainer
from napari_denoisplit.nn.families import family_of
from napari_denoisplit.noise.models.kinds import noise_model_from_dict
from napari_denoisplit.settings import METHODS, PRESETS

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import ModelHeader
    from napari_denoisplit.events import Job, StatusEvent, TrainEvent
    from napari_denoisplit.jobs.learning.validation import Validation, ValidationResult
    from napari_denoisplit.nn.compute import Compute
    from napari_denoisplit.settings import LossSettings, TrainSettings

SECONDS_BETWEEN_PROGRESS = 0.3
UNUSED = 1e-7
"""KL per pixel of all levels together below which latents are not used, as DivNoising has it."""
ANNEALED_EPOCHS = 10
"""Epochs over which the weight of the KL rises where latents went unused in every attempt."""


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


@dataclass(slots=True, eq=False)
class Run:
    """A training under way."""

    trainer: Trainer
    settings: TrainSettings
    header: ModelHeader
    validation: Validation | None
    """None: nothing is held out, and the latest network is the best."""
    epoch: int = 0
    seconds: float = 0.0
    best: Model | None = None
    best_loss: float = math.inf
    since_best: int = 0
    restarts: int = 0
    """Times that it began anew, since its latents went unused."""
    is_unsaved: bool = False
    """Whether the last attempt to write what it keeps has failed."""

    @classmethod
    def begin(
        cls,
        fields: Sequence[NDArray[np.float32]],
        masks: Sequence[NDArray[np.bool_]],
        header: ModelHeader,
        settings: TrainSettings,
        compute: Compute,
        validation: Validation | None = None,
        superpositions: Sequence[NDArray[np.float32]] | None = None,
        shows: Sequence[int] | None = None,
    ) -> Run:
        """Make what the header describes, with random weights.

        Parameters
        ----------
        fields
            Arrays (C, Y, X), image units.
        masks
            Pixels of each field to train on, (Y, X).
        header
            Network, mix, normalization and noise models.
        settings
            Budget, patches, optimizer, seed.
        compute
            Device and precision.
        validation
            On pixels that are held out, if any are.
        superpositions
            (Y, X) of each field, recorded; None: the channels are mixed.
        shows
            Number of the structure that each field, (1, Y, X) then, shows alone; None: all.
        """
        preset = PRESETS[settings.preset]
        torch.manual_seed(settings.seed)
        batches = Batches(
            fields,
            masks,
            header.normalization,
            header.mix,
            patch_size=settings.patch_size or preset.patch_size,
            batch_size=settings.batch_size or preset.batch_size,
            structure_bias=settings.structure_bias,
            augment=settings.augment,
            independent_share=settings.independent_share,
            seed=settings.seed,
            device=compute.device,
            superpositions=superpositions,
            shows=shows,
            margin=header.network.margin,
        )
        loss = settings.loss or METHODS[settings.method]
        trainer = _trainer(header, loss, batches, settings, compute)
        return cls(trainer, settings, header, validation)

    def begin_anew(self) -> None:
        """Take other weights, and after the last restart a KL whose weight rises slowly.

        Raises
        ------
        TrainingError
            That did not help either.
        """
        most, settings, before = (
            family_of(self.header.network).most_restarts,
            self.settings,
            self.trainer,
        )
        self.restarts += 1
        if self.restarts > most + 1:
            raise TrainingError(
                f"The latents went unused in {self.restarts} attempts, the last with a KL whose "
                "weight rose slowly: give more images, or lower beta or the learning rate."
            )
        loss = settings.loss or METHODS[settings.method]
        if self.restarts > most:
            steps = ANNEALED_EPOCHS * (settings.steps_per_epoch or before.batches.steps_per_epoch)
            loss = loss.model_copy(update={"warmup_steps": steps})
        torch.manual_seed(settings.seed + self.restarts)
        self.trainer = _trainer(self.header, loss, before.batches, settings, before.compute)
        self.epoch, self.best, self.best_loss, self.since_best = 0, None, math.inf, 0
        kept = {k: v for k, v in self.header.training.items() if k != "history"}
        self.header = self.header.model_copy(
            update={"training": kept | {"restarts": self.restarts}}
        )

    def take_up(self, last: Model) -> None:
        """Go on where a training ended.

        Parameters
        ----------
        last
            What it left to resume from; its best model is looked for beside it.

        Raises
        ------
        TrainingError
            There is no training state, or it does not fit.
        """
        state = last.training_state
        if state is None:
            raise TrainingError(
                f"{last.path} is a finished model without the state to resume from: choose the "
                "file that ends in .last.denoisplit."
            )
        path = None if last.path is None else best_path(last.path)
        # First: a network that is made draws random numbers.
        self.best = load_model(path) if path is not None and path.exists() else None
        self.trainer.restore(state, last.network)
        self.epoch = int(state["epoch"])
        self.seconds = float(state["seconds"])
        if self.best is not None:
            self.best_loss = float(state["best_loss"])


def _trainer(
    header: ModelHeader,
    loss: LossSettings,
    batches: Batches,
    settings: TrainSettings,
    compute: Compute,
) -> Trainer:
    """Make a network with random weights, and what it is trained for."""
    family = family_of(header.network)
    models = [noise_model_from_dict(values) for values in header.noise_models or ()]
    objective = family.objective(header.network, loss, header.normalization, models)
    return Trainer(family.network(header.network), objective, batches, settings, compute)


def learn_job(run: Run, path: Path | None, stop: threading.Event) -> Job[TrainEvent, Trained]:
    """Train until the budget is used up or a stop.

    Parameters
    ----------
    run
        Changed on the way.
    path
        Where to keep the best model and, beside it, the state to resume from; None keeps neither.
    stop
        When set, training ends after the current step; the first epoch is validated nevertheless.

    Yields
    ------
    Progress, and with validation Stage, EpochDone, PreviewSplit

    Returns
    -------
    Trained

    Raises
    ------
    TrainingError
        Ten steps in a row were not finite, there is no step or no finite loss on validation, or
        latents go unused whatever is done.
    """
    trainer, settings, history = run.trainer, run.settings, list[EpochDone]()
    budget = Budget(settings, trainer.step_count, run.epoch)
    plateau = ReduceLROnPlateau(
        trainer.optimizer, factor=0.5, patience=settings.plateau_patience, threshold=0
    )
    seconds_before = run.seconds
    if run.best is not None and path is not None and run.best.path != path:
        # A resumed run that writes elsewhere: what is best so far belongs there, too.
        run.best = save_model(path, run.best)
    while budget.used(trainer.step_count, run.epoch) < 1 and not stop.is_set():
        yield from _epoch(run, budget, stop)
        if trainer.step_count == 0:
            break  # stopped before the first step: there is nothing to keep
        run.epoch += 1
        run.seconds = seconds_before + budget.seconds
        if run.validation is None:
            yield from keep(run, path)
            continue
        if history and stop.is_set():
            yield from write(run, path)  # whoever stops does not wait for one more validation
            break
        result = run.validation.run(trainer.average.network, trainer.objective)
        if _goes_unused(run, result):
            return (yield from _learn_anew(run, path, stop, budget))
        done = _epoch_done(run, result)
        history.append(done)
        if settings.schedule == "plateau":
            plateau.step(result.elbo.loss)
        yield from keep(run, path, done)
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
    path, notes = yield from settle(run, path)
    return Trained(run.best, path, tuple(history), stop.is_set(), notes)


def _goes_unused(run: Run, result: ValidationResult) -> bool:
    """Whether samples of the network would be all the same, and there is a cure."""
    can_begin_anew = family_of(run.header.network).most_restarts > 0
    return can_begin_anew and sum(result.elbo.kl_per_level) < UNUSED


def _learn_anew(
    run: Run, path: Path | None, stop: threading.Event, budget: Budget
) -> Job[TrainEvent, Trained]:
    """Train from other weights, for what is left of the minutes."""
    minutes = run.settings.minutes
    left = None if minutes is None else minutes - budget.seconds / 60
    if stop.is_set() or (left is not None and left <= 0):
        raise TrainingError(
            "The latents go unused, so that all samples would be the same, and there is no time to "
            "begin anew: give more minutes, or lower beta or the learning rate."
        )
    run.begin_anew()
    run.settings = run.settings.model_copy(update={"minutes": left})
    yield Stage(f"The latents went unused: training begins anew, restart {run.restarts}")
    return (yield from learn_job(run, path, stop))


def _epoch(run: Run, budget: Budget, stop: threading.Event) -> Job[StatusEvent, None]:
    """Take the steps between two validations."""
    trainer, settings = run.trainer, run.settings
    steps = settings.steps_per_epoch or trainer.batches.steps_per_epoch
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
            text = f"step {trainer.step_count}, loss {trainer.recent_loss:.4f}"
            if run.validation is not None:
                text = f"epoch {run.epoch + 1}, {text}"
            yield Progress(used, budget.seconds_left(used), text)


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
