"""The loop of every training: steps until the budget is used up, the best network kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.checkpoint import Model, last_path, save_model
from napari_denoisplit.errors import ImageError, TrainingError
from napari_denoisplit.events import EpochDone, PreviewSplit, Progress, Stage
from napari_denoisplit.giving_up import GivenUp, finished, giving_up
from napari_denoisplit.jobs.learning import together
from napari_denoisplit.jobs.learning.budget import Budget
from napari_denoisplit.jobs.learning.keeping import keep, settle, write
from napari_denoisplit.jobs.learning.threads import Threads
from napari_denoisplit.jobs.learning.validation import QUICK
from napari_denoisplit.measures.outlook import FIRST_STEPS
from napari_denoisplit.measures.separation import judge_separation
from napari_denoisplit.nn.families import family_of
from napari_denoisplit.wording import duration

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from napari_denoisplit.events import Job, StatusEvent, TrainEvent
    from napari_denoisplit.jobs.learning.run import Run
    from napari_denoisplit.jobs.learning.validation import Validation, ValidationResult

SECONDS_BETWEEN_PROGRESS = 0.3
SECONDS_BETWEEN_STATES = 60
"""An epoch that takes longer leaves states to resume from on its way."""
QUICKLY_JUDGED = (
    f"Stopped within its first epoch: what is said of the model is from {QUICK} x {QUICK} pixels "
    "of its validation images."
)
UNUSED = 1e-7
"""KL per pixel of all levels together below which latents are not used, as DivNoising has it."""


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """Outcome of a training run."""

    model: Model
    """The best model on validation, by what the settings monitor."""
    path: Path | None
    history: tuple[EpochDone, ...]
    """Every epoch of this run."""
    stopped_early: bool
    """Whether it was asked to stop before its budget was used up."""
    notes: tuple[str, ...] = ()
    """What a user should know of the model; each was also yielded as a Stage."""


def learn_job(run: Run, path: Path | None, stop: threading.Event) -> Job[TrainEvent, Trained]:
    """Train until the budget is used up or a stop.

    Parameters
    ----------
    run
        Changed on the way.
    path
        Where to keep the best model and, beside it, the state to resume from; None keeps neither.
    stop
        When set, the step or the validation under way is given up. What there is of the first
        epoch is validated nevertheless, on few pixels: else there is no model.

    Yields
    ------
    Progress, and with validation Stage, EpochDone, PreviewSplit

    Returns
    -------
    Trained

    Raises
    ------
    TrainingError
        Ten steps in a row were not finite, there is no step or nothing finite on validation, or
        latents go unused whatever is done.
    ImageError
        A file is gone or damaged that is read as it is needed.
    """
    try:
        with Threads(run.trainer.compute.device) as threads:
            return (yield from _learn(run, path, stop, threads))
    except ImageError as error:  # of a file that is read as it is needed
        if path is None or not run.trainer.step_count:
            raise
        yield from write(run, path)
        raise ImageError(
            f"{error} The training ended there, at step {run.trainer.step_count}. What it has "
            f"learned is kept: once the file is there again, go on with {last_path(path)}."
        ) from error


def _learn(
    run: Run, path: Path | None, stop: threading.Event, threads: Threads
) -> Job[TrainEvent, Trained]:
    """Train until the budget is used up or a stop."""
    trainer, settings, history = run.trainer, run.settings, list[EpochDone]()
    told: tuple[str, ...] = ()
    is_ahead = False  # of its files
    budget = run.budget
    # Who goes on with a good one wants it better: its limits hold.
    ends_when_good = settings.until_good and not _began_good(run)
    if run.best is not None and path is not None and run.best.path != path:
        # A resumed run that writes elsewhere: what is best so far belongs there, too.
        run.best = save_model(path, run.best)
    while budget.used(trainer.step_count, run.epoch) < 1 and not stop.is_set():
        yield from _epoch(run, path, stop, threads)
        if trainer.step_count == 0:
            break  # stopped before the first step: there is nothing to keep
        run.epoch, run.steps_of_epoch = run.epoch + 1, 0
        if run.validation is None:
            yield from keep(run, path)
            continue
        result = _validated(run, run.validation, stop)
        if result is None:
            is_ahead = True
            break
        if _goes_unused(run, result):
            return (yield from _learn_anew(run, path, stop, threads))
        done = _epoch_done(run, result)
        history.append(done)
        if ends_when_good and not (result.is_quick or budget.is_shortened):
            yield from _settle_if_good(run, done)
        if settings.schedule == "plateau" and not result.is_quick:
            trainer.learning_rate = run.plateau.after(
                result.shortfall(settings.monitor), trainer.learning_rate
            )
        yield from keep(run, path, done)
        yield done
        if result.is_quick:
            told = (QUICKLY_JUDGED,)
            yield Stage(QUICKLY_JUDGED)
        used = budget.used(trainer.step_count, run.epoch)
        is_shown = run.epoch % settings.preview_every == 0 or used >= 1 or run.epoch == 1
        if is_shown and not stop.is_set():  # whoever stops does not wait for pictures
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
    path, notes = yield from settle(run, path, is_ahead=is_ahead)
    return Trained(run.best, path, tuple(history), stop.is_set(), (*notes, *told))


def _began_good(run: Run) -> bool:
    """Whether the structures were apart when the budget began, for a training that goes on."""
    history: Any = run.header.training.get("history", [])
    before = [e for e in history if e["is_best"] and e["step"] <= run.budget.first_step]
    return bool(before) and _is_good(run, before[-1]["shares"])


def _is_good(run: Run, shares: Any) -> bool:
    """Whether structures are apart, as the shares of an epoch tell."""
    verdict = judge_separation(run.header.channel_names, np.array(shares, float))
    return verdict is not None and verdict.grade == "good"


def _settle_if_good(run: Run, done: EpochDone) -> Job[Stage, None]:
    """Let a training end soon whose structures are apart, but none that has hardly begun."""
    budget = run.budget
    if done.step - budget.first_step < FIRST_STEPS or not _is_good(run, done.shares):
        return
    budget.shorten(done.step, done.epoch)
    left = budget.seconds_left(done.step, done.epoch)
    in_words = "" if left is None else f" in {duration(left)}"
    yield Stage(f"The structures are apart: the training settles, and ends{in_words}")


def _validated(run: Run, validation: Validation, stop: threading.Event) -> ValidationResult | None:
    """Validate; after a stop on few pixels, and not at all where there is a model."""
    network, objective = run.trainer.average.network, run.trainer.objective
    try:
        with giving_up(stop):
            return validation.run(network, objective)
    except GivenUp:
        if run.best is not None or run.is_all_or_nothing:
            return None
        return validation.quick().run(network, objective)


def _goes_unused(run: Run, result: ValidationResult) -> bool:
    """Whether samples of the network would be all the same, and there is a cure."""
    can_begin_anew = family_of(run.header.network).most_restarts > 0
    return can_begin_anew and sum(result.elbo.kl_per_level) < UNUSED


def _learn_anew(
    run: Run, path: Path | None, stop: threading.Event, threads: Threads
) -> Job[TrainEvent, Trained]:
    """Train from other weights, for what is left of the minutes."""
    minutes, seconds = run.settings.minutes, run.seconds
    left = None if minutes is None else minutes - run.budget.seconds / 60
    if stop.is_set() or (left is not None and left <= 0):
        raise TrainingError(
            "The latents go unused, so that all samples would be the same, and there is no time to "
            "begin anew: give more minutes, or lower beta or the learning rate."
        )
    together.tell(together.Order.BEGIN_ANEW)
    run.begin_anew()
    run.settings = run.settings.model_copy(update={"minutes": left})
    run.budget, run.earlier = Budget(run.settings, 0, 0), seconds
    yield Stage(f"The latents went unused: training begins anew, restart {run.restarts}")
    return (yield from _learn(run, path, stop, threads))


def _epoch(
    run: Run, path: Path | None, stop: threading.Event, threads: Threads
) -> Job[StatusEvent, None]:
    """Take the steps between two validations, or what is left of them."""
    trainer, settings, budget = run.trainer, run.settings, run.budget
    steps = settings.steps_per_epoch or trainer.batches.steps_per_epoch
    reported = -math.inf
    while run.steps_of_epoch < steps:
        used = budget.used(trainer.step_count, run.epoch)
        if used >= 1 or stop.is_set():
            return
        if settings.schedule == "budget":
            trainer.learning_rate = budget.learning_rate(used)
        n_parts = trainer.n_parts
        together.tell(together.Order.STEP, trainer.learning_rate)
        # Other processes wait for the gradients of this one.
        if not finished(None if together.is_joined() else stop, trainer.step):
            return
        if trainer.n_parts > n_parts:
            yield Stage(f"Out of memory: each batch is taken in {trainer.n_parts} parts")
        run.steps_of_epoch += 1
        if run.seconds - run.kept_at > SECONDS_BETWEEN_STATES:
            yield from write(run, path)
        if budget.seconds - reported > SECONDS_BETWEEN_PROGRESS:
            reported = budget.seconds
            threads.adapt()
            text = f"step {trainer.step_count}, loss {trainer.recent_loss:.4f}"
            if run.validation is not None:
                text = f"epoch {run.epoch + 1}, {text}"
            left = budget.seconds_left(trainer.step_count, run.epoch + run.steps_of_epoch / steps)
            yield Progress(used, left, text)


def _epoch_done(run: Run, result: ValidationResult) -> EpochDone:
    shortfall = result.shortfall(run.settings.monitor)
    is_best = shortfall < run.best_loss
    if not result.is_quick:
        run.best_loss = min(run.best_loss, shortfall)
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
        shares=tuple(map(tuple, result.shares.tolist())),
    )
