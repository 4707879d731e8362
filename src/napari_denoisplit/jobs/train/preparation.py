"""Set a training run up: pixels, statistics, noise models, network."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_denoisplit.checkpoint import Model, ModelHeader, best_path, load_model
from napari_denoisplit.errors import TrainingError
from napari_denoisplit.events import Stage
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.images.training.partition import partition
from napari_denoisplit.jobs.learning.batches import Batches
from napari_denoisplit.jobs.learning.trainer import Trainer
from napari_denoisplit.jobs.train.channel_noise import channel_noise_job
from napari_denoisplit.jobs.train.validation import Validation
from napari_denoisplit.nn.compute import Compute
from napari_denoisplit.nn.families import family_of
from napari_denoisplit.noise.models.kinds import noise_model_from_dict
from napari_denoisplit.settings import METHODS, PRESETS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_denoisplit.events import Job, NoiseEvent
    from napari_denoisplit.images.training.fields import TrainingFields
    from napari_denoisplit.images.training.partition import Partition
    from napari_denoisplit.nn.sampler import SplittingNetwork
    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.settings import LossSettings, NetworkSettings, TrainSettings


@dataclass(slots=True, eq=False)
class Run:
    """What the loop works on."""

    compute: Compute
    trainer: Trainer[SplittingNetwork]
    validation: Validation
    header: ModelHeader
    epoch: int = 0
    seconds: float = 0.0
    best_loss: float = math.inf
    best: Model | None = None
    since_best: int = 0


def prepare(
    fields: TrainingFields,
    settings: TrainSettings,
    noise_models: Sequence[NoiseModel] | None,
    resume: Path | None,
) -> Job[NoiseEvent, Run]:
    """Set everything up: pixels, statistics, noise models, network."""
    compute = Compute.choose(settings.device, settings.precision)
    _check_counts(fields, settings, noise_models)
    before = load_model(resume) if resume else None
    loss = settings.loss or METHODS[settings.method]
    patch_size = settings.patch_size or PRESETS[settings.preset].patch_size
    parts = partition(
        fields.fields,
        patch_size=patch_size,
        validation_fraction=settings.validation_fraction,
        test_fraction=settings.test_fraction,
        masks=fields.masks,
        repeats=fields.repeats,
    )
    if before is None:
        yield Stage("Measuring the channels")
        header = _new_header(fields, parts, settings, loss)
    else:
        # A calibration is of the weights as they were.
        header = before.header.model_copy(update={"calibration": None})
        _check_resumed(fields, header, before, loss, noise_models)
    family = family_of(header.network)
    if family.needs_noise_models(loss) and header.noise_models is None:
        found = noise_models or (
            yield from channel_noise_job(fields, parts.train, seed=settings.seed)
        )
        header = header.model_copy(update={"noise_models": tuple(m.to_dict() for m in found)})
    torch.manual_seed(settings.seed)
    batches = Batches(
        fields.fields,
        parts.train,
        header.normalization,
        header.mix,
        patch_size=patch_size,
        batch_size=settings.batch_size or PRESETS[settings.preset].batch_size,
        structure_bias=settings.structure_bias,
        augment=settings.augment,
        independent_share=settings.independent_share,
        seed=settings.seed,
        device=compute.device,
    )
    noise = [noise_model_from_dict(m) for m in header.noise_models or ()]
    objective = family.objective(header.network, loss, header.normalization, noise)
    network = family.network(header.network)
    trainer = Trainer(network, objective, batches, settings, compute)
    validation = Validation(
        [r.of(fields.fields) for r in parts.validation],
        None if fields.clean is None else [r.of(fields.clean) for r in parts.validation],
        _mean_weights(header),
        header.normalization,
        compute,
    )
    run = Run(compute, trainer, validation, header)
    if before is not None and before.training_state is not None:
        _take_up(run, before, before.training_state)
    return run


def _take_up(run: Run, before: Model, state: dict[str, torch.Tensor]) -> None:
    """Bring a run to where the one before it ended."""
    run.best = _best_before(before)  # first: a network that is made draws random numbers
    run.trainer.restore(state, before.network)
    run.epoch = int(state["epoch"])
    run.seconds = float(state["seconds"])
    if run.best is not None:
        run.best_loss = float(state["best_loss"])


def _best_before(last: Model) -> Model | None:
    """Best model of the training that is resumed; None where its file is gone."""
    path = None if last.path is None else best_path(last.path)
    return load_model(path) if path is not None and path.exists() else None


def _check_counts(
    fields: TrainingFields,
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
    fields: TrainingFields,
    header: ModelHeader,
    before: Model,
    loss: LossSettings,
    noise_models: Sequence[NoiseModel] | None,
) -> None:
    """Refuse to go on with a training that does not fit what was asked for."""
    if noise_models:
        raise TrainingError(
            f"{before.path} goes on with the noise models that it began with, and others were "
            "given: leave them out, or start a new training with them."
        )
    if before.training_state is None:
        raise TrainingError(
            f"{before.path} is a finished model without the state to resume from: choose the file "
            "that ends in .last.denoisplit."
        )
    if header.network.n_channels != fields.n_channels:
        raise TrainingError(
            f"{before.path} splits {header.network.n_channels} channels, the images have "
            f"{fields.n_channels}: resume with the images it was trained on."
        )
    asked = family_of(header.network).shaped(header.network, fields.n_channels, loss)
    if header.network != asked:
        raise TrainingError(
            f"{before.path} was trained with another likelihood than {loss.likelihood!r}, which is "
            "asked for now: resume with the method it was trained with, or start a new training."
        )


def _new_header(
    fields: TrainingFields, parts: Partition, settings: TrainSettings, loss: LossSettings
) -> ModelHeader:
    """Header of a new model, noise models still missing."""
    weights = settings.mix.channel_weights(fields.n_channels)
    mix = settings.mix.model_copy(update={"weights": weights})
    return ModelHeader(
        network=_network_settings(settings, fields.n_channels, loss),
        mix=mix,
        normalization=Normalization.of(fields.fields, parts.train, weights, fields.channel_names),
        channel_names=fields.channel_names,
        pixel_size=dict(fields.pixel_size),
        units=dict(fields.units),
        provenance={
            "sources": list(fields.sources),
            "napari-denoisplit": version("napari-denoisplit"),
            "torch": str(torch.__version__),
            "numpy": np.__version__,
            "seed": settings.seed,
            "validation": [asdict(r) for r in parts.validation],
            "test": [asdict(r) for r in parts.test],
        },
        training={"settings": settings.model_dump(mode="json")},
    )


def _network_settings(
    settings: TrainSettings, n_channels: int, loss: LossSettings
) -> NetworkSettings:
    chosen = settings.network or PRESETS[settings.preset].network
    shaped: NetworkSettings = family_of(chosen).shaped(chosen, n_channels, loss)
    return shaped


def _mean_weights(header: ModelHeader) -> list[float]:
    """Weights of the channels in the middle of the mixing range."""
    alpha = (header.mix.alpha_low + header.mix.alpha_high) / 2
    return [w * alpha for w in header.mix.channel_weights(header.network.n_channels)]
