"""Train a splitting model from noisy channels."""

from __future__ import annotations

import math
import threading
import time
from contextlib import closing, nullcontext, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from napari_denoisplit.checkpoint import save_model
from napari_denoisplit.errors import DenoisplitError, TrainingError, message_of
from napari_denoisplit.events import Progress, Stage, changed, unless_stopped
from napari_denoisplit.giving_up import GivenUp, giving_up
from napari_denoisplit.jobs.learning import together
from napari_denoisplit.jobs.learning.keeping import short_of_room
from napari_denoisplit.jobs.learning.loop import learn_job
from napari_denoisplit.jobs.lock import locked
from napari_denoisplit.jobs.train.preparation import prepare
from napari_denoisplit.jobs.train.sequence import (
    IN_ONE_PROCESS,
    SEQUENCE,
    STOPPED,
    prepare_sequence,
)
from napari_denoisplit.jobs.trust.brightness import with_brightness
from napari_denoisplit.jobs.trust.likeness import with_likeness
from napari_denoisplit.jobs.trust.reference import reference_job, with_reference
from napari_denoisplit.jobs.trust.residuals import reference_of
from napari_denoisplit.measures.outlook import outlook_of
from napari_denoisplit.measures.separation import separation_of, separation_title
from napari_denoisplit.nn.compute import is_out_of_memory, keep_freed_memory
from napari_denoisplit.settings import SplitSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import Job, NoiseEvent, StatusEvent, TrainEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.training.fields import TrainingFields
    from napari_denoisplit.images.training.separate import SeparateFields
    from napari_denoisplit.jobs.learning.batches import Batches
    from napari_denoisplit.jobs.learning.loop import Trained
    from napari_denoisplit.jobs.learning.run import Run
    from napari_denoisplit.jobs.learning.shelved import ShelvedBatches
    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.settings import TrainSettings

ENOUGH_STEPS = 100
"""A network that has learned for fewer hardly knows its structures, let alone how bright they are:
to learn that would take longer than the training."""
QUICK = 192
"""Edge of what is enough for the reference of a training that was stopped, pixels."""
SECONDS_AFTER_STOP = 0.65
"""From a stop to the end of what a model gets to know of itself: whoever stops does not wait."""
NOT_LEARNED = (
    "How images of its own kind look was not learned (it was stopped): a split by this model does "
    "not say whether its image is of that kind."
)


def train_job(
    fields: TrainingFields | SeparateFields,
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
        there. A training that did not use its budget up goes on within it where the same is asked
        for, to the same numbers as without a break; else the whole budget is spent once more. The
        best model is looked for beside it, and returned again where nothing better is found. The
        method 'hdn_musplit' leaves no such file.
    stop
        When set, the step under way is given up, and the best model so far is returned, of the
        method 'hdn_musplit' once its denoisers have learned. How its
        own kind looks and what it leaves unexplained of it is then measured on few pixels, as far
        as a moment is enough. Set while that is measured, it ends it.

    Yields
    ------
    Stage, Progress, EpochDone, PreviewSplit

    Returns
    -------
    Trained

    Raises
    ------
    ImageError
        The fields are too small, a channel is constant, two are the same, or one pixel outshines
        all others; or a file is gone or damaged that is read as it is needed.
    TrainingError
        Ten steps in a row were not finite, the state to resume from does not fit, or a noise model
        is for other grey levels.
    JobError
        Another run writes to the same path.
    """
    stop = _Noticed(stop or threading.Event())
    too_early = TrainingError("Training was stopped before its first step: there is no model.")
    with nullcontext() if path is None else locked(path), keep_freed_memory():
        if settings.method == SEQUENCE:
            too_early = TrainingError(STOPPED)
            preparing = prepare_sequence(fields, settings, noise_models, resume, stop)
        else:
            preparing = prepare(fields, settings, noise_models, resume)
        run = yield from unless_stopped(preparing, stop, too_early)
        with closing(run.trainer.batches):
            return (yield from _train(run, settings, path, stop))


def _train(
    run: Run, settings: TrainSettings, path: Path | None, stop: _Noticed
) -> Job[TrainEvent, Trained]:
    """Train what is prepared, and measure what the model should know of itself."""
    trainer = run.trainer
    if path is not None and (short := short_of_room(path, trainer.average.network)):
        yield Stage(short)
    where = f"{trainer.compute}{together.in_words()}"
    yield Stage(f"Training on {where} with {trainer.batches.n_places:,} patches")
    trained = yield from learn_job(run, path, stop)
    together.tell(together.Order.END)
    judged = _judged(trained.model)
    for text in judged:
        yield Stage(text)
    trained = replace(trained, notes=(*trained.notes, *judged, *run.doubts))
    unseen: list[Image] = []
    seen = run.recorded or run
    if seen.validation is not None and trained.model.header.noise_models is not None:
        unseen = seen.validation.superpositions
    return (yield from _knowing_its_kind(trained, seen.trainer.batches, unseen, settings, stop))


def _judged(model: Model) -> list[str]:
    """Say how far the structures are apart, and what more training would bring."""
    training = model.header.training
    verdict, outlook = separation_of(training), outlook_of(training)
    told = []
    if verdict is not None:
        told = [f"{separation_title(verdict)}: {verdict.grade}. {' '.join(verdict.reasons)}"]
    return [*told, f"Training: {outlook}"] if outlook else told


def help_job(
    fields: TrainingFields | SeparateFields,
    settings: TrainSettings,
    noise_models: Sequence[NoiseModel] | None = None,
    resume: Path | None = None,
) -> Job[NoiseEvent, None]:
    """Take part in a training that another process of the group leads, by `train_job`.

    Parameters
    ----------
    fields, settings, noise_models, resume
        The same as there.

    Yields
    ------
    Stage, PairsGathered, FitStep

    Raises
    ------
    ImageError, TrainingError
        As there.
    """
    if settings.method == SEQUENCE:
        raise TrainingError(IN_ONE_PROCESS)
    with keep_freed_memory():
        run = yield from prepare(fields, settings, noise_models, resume)
        with closing(run.trainer.batches):
            together.follow(run)


def _knowing_its_kind(
    trained: Trained,
    batches: Batches | ShelvedBatches,
    unseen: list[Image],
    settings: TrainSettings,
    stop: _Noticed,
) -> Job[TrainEvent, Trained]:
    """Let the model know how its own kind of images looks, and what it leaves unexplained of it.

    `unseen` are superpositions to measure the latter on; none where it cannot be measured.
    """
    why = "it was stopped"
    try:
        trained = yield from _measured(trained, batches, unseen, settings, stop)
        # None of it where the images are too small, or where there was no time for it.
        known = reference_of(trained.model.header) is not None
        if known or not unseen or not stop.is_set():
            return trained
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
    trained: Trained,
    batches: Batches | ShelvedBatches,
    unseen: list[Image],
    settings: TrainSettings,
    stop: _Noticed,
) -> Job[StatusEvent, Trained]:
    """Measure it, and save it; the model as it was where that ended.

    Whoever stops a training means its model to be used, so it has its reference, too, if a rougher
    one, where the machine is fast enough for that.
    """
    yield Stage("Learning how images of the model's own kind look")  # half a minute at times
    end, model, reference = _After(stop, SECONDS_AFTER_STOP), trained.model, None
    notes = trained.notes
    try:
        with giving_up(end):
            model = with_likeness(model, batches, stop)
    except GivenUp:
        yield Stage(NOT_LEARNED)
        notes = (*notes, NOT_LEARNED)
    if int(model.header.training["steps"]) >= ENOUGH_STEPS:  # type: ignore[arg-type]
        with suppress(GivenUp), giving_up(stop):
            model = with_brightness(model, batches)
    was_stopped = stop.is_set()
    if was_stopped:
        unseen = _few(unseen)
    if unseen:
        measuring = reference_job(
            model,
            unseen,
            SplitSettings(device=settings.device, precision=settings.precision),
            data="validation blocks of the training images",
            stop=end if was_stopped else stop,
        )
        # The progress of the training is complete.
        reference = yield from changed(measuring, lambda e: () if isinstance(e, Progress) else (e,))
    model = with_reference(model, reference)
    if model is not trained.model and trained.path is not None:
        model = save_model(trained.path, model)
    return replace(trained, model=model, notes=notes)


def _few(images: Sequence[Image]) -> list[Image]:
    """Take the middle of the first image: enough for a quick reference."""
    few = []
    for image in images[:1]:
        y, x = (max(0, n - QUICK) // 2 for n in image.shape[-2:])
        few.append(replace(image, data=image.data[..., y : y + QUICK, x : x + QUICK]))
    return few


class _Noticed(threading.Event):
    """A stop that knows since when it is known."""

    def __init__(self, stop: threading.Event) -> None:
        super().__init__()
        self._stop = stop
        self.since = math.inf

    def is_set(self) -> bool:
        """Whether the stop is set."""
        if self._stop.is_set():
            self.since = min(self.since, time.monotonic())
        return self._stop.is_set()


class _After(threading.Event):
    """A stop that comes some seconds after another was noticed."""

    def __init__(self, stop: _Noticed, seconds: float) -> None:
        super().__init__()
        self._stop, self._seconds = stop, seconds

    def is_set(self) -> bool:
        """Whether that time is over."""
        return self._stop.is_set() and time.monotonic() >= self._stop.since + self._seconds
