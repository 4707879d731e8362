"""Set a training run up: pixels, statistics, noise models, network."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_denoisplit.checkpoint import ModelHeader, load_model
from napari_denoisplit.errors import TrainingError
from napari_denoisplit.events import Stage
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.images.training.recorded_mix import recorded_mix
from napari_denoisplit.images.training.shelves import Shelves
from napari_denoisplit.jobs.learning import together
from napari_denoisplit.jobs.learning.run import Run
from napari_denoisplit.jobs.learning.shelved import begin_job
from napari_denoisplit.jobs.learning.validation import Validation
from napari_denoisplit.jobs.train.channel_noise import channel_noise_job
from napari_denoisplit.jobs.train.suitability import doubts_about
from napari_denoisplit.jobs.versions import versions
from napari_denoisplit.nn.compute import Compute
from napari_denoisplit.nn.families import family_of
from napari_denoisplit.settings import METHODS, PRESETS
from napari_denoisplit.wording import gib

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import Job, NoiseEvent, Progress
    from napari_denoisplit.images.training.fields import TrainingFields
    from napari_denoisplit.images.training.partition import Partition
    from napari_denoisplit.images.training.separate import SeparateFields
    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.settings import LossSettings, MixSettings, TrainSettings

RECORDED = "recorded"
"""In a model's provenance: superpositions were given, not mixed."""


def prepare(
    fields: TrainingFields | SeparateFields,
    settings: TrainSettings,
    noise_models: Sequence[NoiseModel] | None,
    resume: Path | None,
) -> Job[NoiseEvent, Run]:
    """Set everything up: pixels, statistics, noise models, network."""
    compute = Compute.choose(settings.device, settings.precision)
    _check_counts(fields, settings, noise_models)
    before = load_model(resume) if resume else None
    if before is None and (misfit := settings.misfit(fields.n_channels)):
        raise TrainingError(misfit)
    opened = yield from _opened(fields, settings, noise_models, before)
    fields, parts = opened.fields, opened.parts
    if fields.n_channels == 1:
        name = fields.channel_names[0]
        yield Stage(f"{name} is the only structure: the model learns to denoise it, not to split")
    loss = settings.loss or METHODS[settings.method]
    if before is None:
        yield Stage("Measuring the channels")
        header = _new_header(opened, settings, loss)
        if fields.superpositions is not None:
            yield Stage(_mix_in_words(header))
    else:
        # A calibration is of the weights as they were.
        header = before.header.model_copy(update={"calibration": None})
        _check_resumed(fields, header, before, loss, noise_models)
        header = _going_on(header, settings)
    family = family_of(header.network)
    if family.needs_noise_models(loss) and header.noise_models is None:
        found = noise_models or (
            yield from channel_noise_job(fields, parts.train, seed=settings.seed)
        )
        header = header.model_copy(update={"noise_models": tuple(m.to_dict() for m in found)})
    _check_noise_range(header)
    blocks = fields.blocks(parts.validation) or []
    recorded = fields.superpositions
    validation = Validation(
        blocks,
        fields.blocks(parts.validation, clean=True),
        [_mixed(block, header.mix) for block in blocks]
        if recorded is None
        else [region.of(recorded) for region in parts.validation],
        header.normalization,
        compute,
    )
    run = Run.begin(
        fields.fields,
        parts.train,
        header,
        settings,
        compute,
        validation,
        superpositions=recorded,
        shows=fields.shows,
        shelves=opened.shelves,
        doubts=opened.doubts,
    )
    if before is not None:
        run.take_up(before)
    return run


def _check_noise_range(header: ModelHeader) -> None:
    """Refuse noise that nothing says how to add."""
    if header.mix.noise_high > 1 and header.noise_models is None:
        raise TrainingError(
            f"A noise range (noise_high {header.mix.noise_high:g}) needs noise models, and this "
            "training has none: choose the method 'denoisplit', or leave the range out."
        )


class _Opened(NamedTuple):
    """Pixels to train on, in memory."""

    fields: TrainingFields | SeparateFields
    parts: Partition
    shelves: Shelves | None
    """Of images that memory does not hold; `fields` are the first then."""
    doubts: tuple[str, ...]


def _opened(
    fields: TrainingFields | SeparateFields,
    settings: TrainSettings,
    noise_models: Sequence[NoiseModel] | None,
    before: Model | None,
) -> Job[Stage | Progress, _Opened]:
    """Set pixels aside, and read what is needed first of those that are not in memory."""
    how = set_aside_by(settings)
    # Of a training that is resumed they are as they were, also where memory holds more by now.
    shelf = None if before is None else (before.training_state or {}).get("shelf")
    parts, shelves = None, None
    if fields.is_unread and before is not None and shelf is None:
        raise TrainingError(
            f"{before.path} was trained with all images in memory, which holds them no more "
            f"({gib(fields.n_bytes)} are needed): close other programs, or start a new training."
        )
    if fields.is_unread or shelf is not None:
        n_bytes = None if shelf is None else int(shelf[2])
        n = together.count()
        shelves = Shelves(fields, **how, seed=settings.seed, n_bytes=n_bytes, n_processes=n)
        yield Stage(shelves.in_words())
        fields, parts = yield from begin_job(shelves)
    doubts = doubts_about(fields, noise_models)
    for doubt in doubts:
        yield Stage(doubt)
    if parts is None:
        parts = fields.partition(**how)
    return _Opened(fields, parts, shelves, doubts)


def _mixed(channels: NDArray[np.float32], mix: MixSettings) -> NDArray[np.float32]:
    """Superposition (Y, X) of a block, in the middle of the mixing range."""
    return superpose(channels, mix.mean_weights(len(channels)), mix.offset)


def _mix_in_words(header: ModelHeader) -> str:
    weights = header.mix.channel_weights(len(header.channel_names))
    parts = (f"{w:.3g} {name}" for w, name in zip(weights, header.channel_names, strict=True))
    offset = header.mix.offset
    sign = "-" if offset < 0 else "+"
    return f"The recorded superpositions are {' + '.join(parts)} {sign} {abs(offset):.4g}"


def set_aside_by(settings: TrainSettings) -> dict[str, Any]:
    """Return what decides which pixels are set aside, as `partition` takes it."""
    return {
        "patch_size": settings.patch_size or PRESETS[settings.preset].patch_size,
        "validation_fraction": settings.validation_fraction,
        "test_fraction": settings.test_fraction,
        "alternate": settings.alternate,
    }


def _check_counts(
    fields: TrainingFields | SeparateFields,
    settings: TrainSettings,
    noise_models: Sequence[NoiseModel] | None,
) -> None:
    """Refuse mixing weights or noise models that are not one per channel."""
    weights = settings.mix.weights
    for what, given in (("mixing weights", weights), ("noise models", noise_models)):
        if given is not None and len(given) != fields.n_channels:
            raise TrainingError(
                f"{len(given)} {what} for {fields.n_channels} channels "
                f"({', '.join(fields.channel_names)}): give one for each channel."
            )


def _check_resumed(
    fields: TrainingFields | SeparateFields,
    header: ModelHeader,
    before: Model,
    loss: LossSettings,
    noise_models: Sequence[NoiseModel] | None,
) -> None:
    """Refuse to go on with a training that does not fit what was asked for."""
    if noise_models and tuple(m.to_dict() for m in noise_models) != header.noise_models:
        raise TrainingError(
            f"{before.path} goes on with the noise models that it began with, and others were "
            "given: leave them out, or start a new training with them."
        )
    if header.network.n_channels != fields.n_channels:
        raise TrainingError(
            f"{before.path} splits {header.network.n_channels} channels, the images have "
            f"{fields.n_channels}: resume with the images it was trained on."
        )
    recorded = header.provenance.get("superpositions") == RECORDED
    if recorded != (fields.superpositions is not None):
        words = ("with recorded", "without") if recorded else ("without recorded", "with")
        raise TrainingError(
            f"{before.path} was trained {words[0]} superpositions, and goes on {words[1]} them: "
            "resume with the images it was trained on."
        )
    asked = family_of(header.network).shaped(header.network, fields.n_channels, loss, header.mix)
    if header.network != asked:
        raise TrainingError(
            f"{before.path} was trained with another likelihood than {loss.likelihood!r}, which is "
            "asked for now: resume with the method it was trained with, or start a new training."
        )


def _going_on(header: ModelHeader, settings: TrainSettings) -> ModelHeader:
    """Let the header of a resumed training tell the settings that it goes on with.

    Raises
    ------
    TrainingError
        Another measure decides what is best, which the best so far does not have.
    """
    before = header.training.get("settings")
    before = before if isinstance(before, dict) else {}
    monitored = before.get("monitor", "loss")
    if monitored != settings.monitor:
        raise TrainingError(
            f"The training went by {monitored!r} on validation, and {settings.monitor!r} is asked "
            f"for now: resume it with monitor {monitored!r}, or start a new training."
        )
    network = {name: before[name] for name in ("preset", "network") if name in before}
    asked = settings.model_dump(mode="json") | network
    return header.model_copy(update={"training": header.training | {"settings": asked}})


def _new_header(opened: _Opened, settings: TrainSettings, loss: LossSettings) -> ModelHeader:
    """Header of a new model, noise models still missing."""
    fields, parts = opened.fields, opened.parts
    aside = parts if opened.shelves is None else opened.shelves.aside
    chosen = settings.network or PRESETS[settings.preset].network
    mix, names = settings.mix, fields.channel_names
    recorded = fields.superpositions
    if recorded is not None:
        mix = recorded_mix(fields.fields, recorded, parts.train, mix, names)
    weights = mix.channel_weights(fields.n_channels)
    return ModelHeader(
        network=family_of(chosen).shaped(chosen, fields.n_channels, loss, mix),
        mix=mix.model_copy(update={"weights": weights}),
        normalization=fields.normalization(parts.train, mix),
        channel_names=names,
        pixel_size=dict(fields.pixel_size),
        units=dict(fields.units),
        provenance={
            "sources": list(fields.sources),
            "superpositions": "mixed" if recorded is None else RECORDED,
            **versions(),
            "seed": settings.seed,
            "validation": [asdict(r) for r in aside.validation],
            "test": [asdict(r) for r in aside.test],
        },
        training={"settings": settings.model_dump(mode="json")},
    )
