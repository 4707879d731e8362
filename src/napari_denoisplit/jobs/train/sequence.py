"""Denoise first, then split: a denoiser of every image, and muSplit on what they make of them.

The superposition is denoised as an image of its own; what splits never sees a noisy one, and no mix
of denoised channels either.

Source: the baseline "HDN + muSplit" of denoiSplit (Ashesh & Jug 2024, arXiv:2403.11854).
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from napari_denoisplit.errors import ImageError, TrainingError
from napari_denoisplit.events import Count, Progress, Stage, changed
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.jobs.learning import together
from napari_denoisplit.jobs.learning.loop import learn_job
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.train.channel_noise import channel_noise_job
from napari_denoisplit.jobs.train.preparation import prepare, set_aside_by
from napari_denoisplit.measures.trust.degeneracy import judge_denoised
from napari_denoisplit.nn.families import family_of, network_of
from napari_denoisplit.nn.families.sequence import SequenceNetwork
from napari_denoisplit.noise.models.kinds import noise_model_from_dict
from napari_denoisplit.settings import (
    METHODS,
    PRESETS,
    LadderSettings,
    MixSettings,
    SplitSettings,
    after_denoising,
)
from napari_denoisplit.wording import duration

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pydantic import JsonValue

    from napari_denoisplit.checkpoint import Model, ModelHeader
    from napari_denoisplit.events import Job, NoiseEvent, StatusEvent
    from napari_denoisplit.images.training.separate import SeparateFields
    from napari_denoisplit.jobs.learning.run import Run
    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.settings import NetworkSettings, TrainSettings

    Floats = NDArray[np.float32]

SEQUENCE: Final = "hdn_musplit"
"""The method of a training that does this."""
TOGETHER = "superposition"
"""Name of what shows all structures, to its denoiser."""
IN_ONE_PROCESS = (
    f"The method {SEQUENCE!r} trains in one process: start it without torchrun, or choose another."
)
STOPPED = (
    "Training was stopped while it learned to denoise: there is no model that splits yet, and what "
    "was learned is not kept. Give it less time, or choose a method without a denoiser."
)
_TOO_SHORT = (
    "What the denoisers have made cannot be learned from, as after a training that was too short: "
    "give more minutes or steps."
)


def prepare_sequence(
    fields: TrainingFields | SeparateFields,
    settings: TrainSettings,
    noise_models: Sequence[NoiseModel] | None,
    resume: Path | None,
    stop: threading.Event,
) -> Job[NoiseEvent, Run]:
    """Train the denoisers, and set up the training of what splits.

    Minutes and steps are shared evenly by all trainings.

    Parameters
    ----------
    fields, settings, noise_models, resume, stop
        As of `train_job`; the noise models are those of the channels as they were recorded.

    Yields
    ------
    Stage, Progress, PairsGathered, FitStep

    Returns
    -------
    The training of what splits, on denoised images; its models hold the denoiser of the
    superposition, too.

    Raises
    ------
    TrainingError
        The images or settings are not for it, it was stopped, or a denoiser made nothing of use.
    """
    fields = _checked(fields, settings, resume)
    denoiser, splitter = _networks(settings, fields.n_channels)
    names, aside = fields.channel_names, set_aside_by(settings)
    # One choice for all trainings: no denoiser learns what the others are judged by.
    parts = fields.partition(**aside)
    fields = replace(fields, parts=parts)
    share = _share(settings, len(names) + 2)
    yield Stage(_in_words(names, settings, share))
    settings = settings.model_copy(update={"patch_size": aside["patch_size"]})
    recorded = yield from prepare(fields, _of_recorded(settings), noise_models, None)
    known = [noise_model_from_dict(values) for values in recorded.header.noise_models or ()]
    superposed = _superposed(fields, recorded.header)
    known += yield from channel_noise_job(superposed, parts.train, seed=settings.seed)
    learning = _of_denoiser(settings, denoiser, share)
    channels = [fields.alone(c, parts.train)[0] for c in range(len(names))]
    denoised: list[_Denoised] = []
    for number, (one, noise) in enumerate(zip([*channels, superposed], known, strict=True), 1):
        name = one.channel_names[0]
        yield Stage(f"{number} of {len(names) + 2}: learning to denoise {name}")
        made = yield from _denoised(one, noise, learning, stop)
        denoised.append(made)
        yield from map(Stage, made.doubts)
    yield Stage(f"{len(names) + 2} of {len(names) + 2}: learning to split")
    last = denoised.pop()
    changes = {"network": splitter, "independent_share": 0.0, "mix": recorded.header.mix}
    run = yield from _on_denoised(
        replace(
            fields,
            fields=tuple(map(np.stack, zip(*(one.planes for one in denoised), strict=True))),
            superpositions=last.planes,
        ),
        settings.model_copy(update=share | changes),
    )
    record: dict[str, JsonValue] = {one.name: one.n_steps for one in (*denoised, last)}
    more: dict[str, JsonValue] = {"settings": settings.model_dump(mode="json"), "denoisers": record}
    run.completed = partial(_completed, recorded.header, last.model, more)
    run.recorded = recorded
    run.doubts = (*recorded.doubts, *(doubt for one in (*denoised, last) for doubt in one.doubts))
    return run


@dataclass(frozen=True, slots=True, eq=False)
class _Denoised:
    """What a denoiser has learned and made."""

    name: str
    model: Model
    """It gives one answer: the mean of its latents in place of samples."""
    planes: tuple[Floats, ...]
    """(Y, X) of each field, image units."""
    n_steps: int
    doubts: tuple[str, ...]


def _checked(
    fields: TrainingFields | SeparateFields, settings: TrainSettings, resume: Path | None
) -> TrainingFields:
    """Refuse what cannot be denoised first."""
    if resume is not None:
        raise TrainingError(
            f"A training by the method {SEQUENCE!r} cannot be resumed: its denoised images are not "
            "kept. Train anew, with more minutes or steps."
        )
    if together.is_joined():
        raise TrainingError(IN_ONE_PROCESS)
    if not isinstance(fields, TrainingFields) or fields.n_channels < 2:
        raise TrainingError(
            f"The method {SEQUENCE!r} denoises the superposition as an image, and so needs images "
            "of two structures or more of the same fields: give those, or choose another method "
            "(to denoise one structure, the preset 'hdn')."
        )
    if misfit := settings.misfit(fields.n_channels):
        raise TrainingError(misfit)
    if settings.mix.is_range or settings.mix.noise_high > 1:
        raise TrainingError(
            f"The method {SEQUENCE!r} denoises one superposition of each field, and a mixing or "
            "noise range asks for many: leave the range out, or choose another method."
        )
    if (settings.loss or METHODS[SEQUENCE]).likelihood != "gaussian":
        raise TrainingError(
            "Denoised channels have no noise that a noise model knows: choose loss.likelihood "
            f"'gaussian', or another method than {SEQUENCE!r}."
        )
    return fields.held()


def _networks(settings: TrainSettings, n_channels: int) -> tuple[LadderSettings, NetworkSettings]:
    """Take both networks of the settings; where one is given or preset, it is that which splits."""
    both = after_denoising(settings.network or PRESETS[settings.preset].network)
    if not isinstance(both.denoiser, LadderSettings):
        raise TrainingError(
            f"The method {SEQUENCE!r} denoises by a ladder, and {both.denoiser.kind!r} is given: "
            "take LadderSettings for the denoiser."
        )
    # Here, and not after the denoisers have learned for hours, it refuses what it is not for.
    loss = settings.loss or METHODS[SEQUENCE]
    family_of(both.splitter).shaped(both.splitter, n_channels, loss, settings.mix)
    return both.denoiser, both.splitter


def _share(settings: TrainSettings, n: int) -> dict[str, float | None]:
    """Divide the budget; epochs are visits of each pixel, as many in every training."""
    minutes, steps = settings.minutes, settings.steps
    return {
        "minutes": None if minutes is None else minutes / n,
        "steps": None if steps is None else max(1, steps // n),
    }


def _in_words(names: Sequence[str], settings: TrainSettings, share: dict[str, float | None]) -> str:
    """Say which trainings there will be, and how long each takes."""
    minutes, steps = share["minutes"], share["steps"]
    each = [
        *([] if minutes is None else [duration(60 * minutes)]),
        *([] if steps is None else [f"{steps} steps"]),
        *([] if settings.epochs is None else [f"{settings.epochs} epochs"]),
    ]
    return (
        f"{len(names) + 2} trainings, each of {' or '.join(each)} at most: to denoise "
        f"{', '.join(names)} and the {TOGETHER}, and then to split"
    )


def _of_recorded(settings: TrainSettings) -> TrainSettings:
    """Return settings by which the recorded images are measured: nothing learns by them."""
    changes = {"method": "denoisplit", "loss": None, "network": PRESETS["tiny"].network}
    return settings.model_copy(update=changes)


def _of_denoiser(
    settings: TrainSettings, network: LadderSettings, share: dict[str, float | None]
) -> TrainSettings:
    changes = {
        "preset": "hdn",
        "network": network,
        "method": "denoisplit",
        "loss": None,
        "mix": MixSettings(),
        "monitor": "loss",
        "until_good": False,
    }
    return settings.model_copy(update=share | changes)


def _superposed(fields: TrainingFields, header: ModelHeader) -> TrainingFields:
    """Fields of the superposition as their only channel, as recorded or mixed."""
    weights, offset = header.mix.mean_weights(fields.n_channels), header.mix.offset

    def mixed(planes: Iterable[Floats]) -> tuple[Floats, ...]:
        return tuple(superpose(channels, weights, offset)[None] for channels in planes)

    recorded = fields.superpositions
    return replace(
        fields,
        fields=mixed(fields.fields) if recorded is None else tuple(x[None] for x in recorded),
        channel_names=(TOGETHER,),
        clean=None if fields.clean is None or recorded is not None else mixed(fields.clean),
        superpositions=None,
    )


def _denoised(
    fields: TrainingFields, noise: NoiseModel, settings: TrainSettings, stop: threading.Event
) -> Job[StatusEvent, _Denoised]:
    """Train a denoiser of one channel, and denoise its fields."""
    name = fields.channel_names[0]
    run = yield from changed(prepare(fields, settings, [noise], None), _quietly)
    run.is_all_or_nothing = True
    try:
        with closing(run.trainer.batches):
            trained = yield from changed(learn_job(run, None, stop), partial(_named, name))
    except TrainingError as error:
        if stop.is_set():
            raise TrainingError(STOPPED) from error
        raise
    model = _with_one_answer(trained.model)
    drawing = SplitSettings(
        device=settings.device, precision=settings.precision, grey_levels="kept"
    )
    planes, count = [], Count(f"denoising {name}, field", len(fields.fields))
    for number, field in enumerate(fields.fields):
        if stop.is_set():
            raise TrainingError(STOPPED)
        yield count.progress(number)
        job = split_job(model, Image(field[0], "YX", name=name), drawing, stop=stop)
        split = yield from changed(job, _quietly)
        planes.append(cast("Floats", split.mmse_arrays)[0])
    if stop.is_set():
        raise TrainingError(STOPPED)
    verdict = judge_denoised([field[0] for field in fields.fields], planes)
    doubts = (f"Denoised {name}: {verdict.headline}",) if verdict.grade == "do not use" else ()
    return _Denoised(name, model, tuple(planes), run.trainer.step_count, doubts)


def _with_one_answer(model: Model) -> Model:
    """Let a ladder take the mean of its latents: one answer, whatever tile shows a place.

    That of many samples would be another at each place where the noise is not the same.
    """
    settings = model.header.network.model_copy(update={"autoencoder": True})
    network = network_of(settings)
    network.load_state_dict(model.network.state_dict())
    network = network.to(next(model.network.parameters()).device).eval()
    header = model.header.model_copy(update={"network": settings})
    return replace(model, network=network, header=header)


def _on_denoised(fields: TrainingFields, settings: TrainSettings) -> Job[NoiseEvent, Run]:
    """Set up the training on denoised images."""
    try:
        return (yield from changed(prepare(fields, settings, None, None), _quietly))
    except ImageError as error:
        raise TrainingError(f"{_TOO_SHORT} ({error})") from error


def _completed(
    recorded: ModelHeader, denoiser: Model, more: dict[str, JsonValue], splitter: Model
) -> Model:
    """Join both networks to a model of the images as they were recorded."""
    made, seen = denoiser.header.normalization, splitter.header.normalization
    network = SequenceNetwork.of(denoiser.network, splitter.network, made, seen)
    inputs = {"input_mean": made.input_mean, "input_std": made.input_std}
    changes = {
        "network": network.settings,
        "normalization": seen.model_copy(update=inputs),
        "training": splitter.header.training | more,
    }
    return replace(splitter, network=network, header=recorded.model_copy(update=changes))


def _quietly(event: object) -> tuple[()]:
    """Leave out what a part tells."""
    del event
    return ()


def _named(name: str, event: object) -> tuple[Progress, ...]:
    """Pass on how far a training is, and of what."""
    if not isinstance(event, Progress):
        return ()
    return (replace(event, text=f"denoising {name}, {event.text}"),)
