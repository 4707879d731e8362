"""A training under way: what a step, an epoch and a resumed training change or need."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_denoisplit.checkpoint import Model, best_path, load_model
from napari_denoisplit.errors import TrainingError
from napari_denoisplit.jobs.learning import together
from napari_denoisplit.jobs.learning.batches import Batches
from napari_denoisplit.jobs.learning.budget import Budget
from napari_denoisplit.jobs.learning.optimizer import Plateau
from napari_denoisplit.jobs.learning.shelved import ShelvedBatches
from napari_denoisplit.jobs.learning.trainer import Trainer
from napari_denoisplit.nn.blocks import zero_unseen_taps
from napari_denoisplit.nn.families import family_of
from napari_denoisplit.noise.models.kinds import noise_model_from_dict
from napari_denoisplit.settings import METHODS, PRESETS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_denoisplit.checkpoint import ModelHeader
    from napari_denoisplit.images.training.fields import TrainingFields
    from napari_denoisplit.images.training.separate import SeparateFields
    from napari_denoisplit.images.training.shelves import Shelves
    from napari_denoisplit.jobs.learning.validation import Validation
    from napari_denoisplit.nn.compute import Compute
    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.settings import LossSettings, TrainSettings

ANNEALED_EPOCHS = 10
"""Epochs over which the weight of the KL rises where latents went unused in every attempt."""


@dataclass(slots=True, eq=False)
class Run:
    """A training under way."""

    trainer: Trainer
    settings: TrainSettings
    header: ModelHeader
    validation: Validation | None
    """None: nothing is held out, and the latest network is the best."""
    budget: Budget
    plateau: Plateau
    epoch: int = 0
    steps_of_epoch: int = 0
    """Steps of the epoch that is under way."""
    earlier: float = 0.0
    """Seconds of training before the budget began."""
    kept_at: float = 0.0
    """Seconds at which what it keeps was last written."""
    best: Model | None = None
    best_loss: float = math.inf
    """Lowest so far of what is monitored on validation."""
    since_best: int = 0
    restarts: int = 0
    """Times that it began anew, since its latents went unused."""
    is_unsaved: bool = False
    """Whether the last attempt to write what it keeps has failed."""
    doubts: tuple[str, ...] = ()
    """What makes the images doubtful to train on."""
    is_all_or_nothing: bool = False
    """Whether a stop leaves nothing, so that no first epoch needs to be judged after it."""
    completed: Callable[[Model], Model] | None = None
    """Makes the model to keep of what learns, where that is a part of it: there is no state to
    resume from then."""
    recorded: Run | None = None
    """The same of the images as they were recorded, where it learns from what was made of them:
    the model that is kept is for those. It takes no step."""

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
        shelves: Shelves | None = None,
        doubts: tuple[str, ...] = (),
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
        shelves
            Of fields that memory does not hold; those given are the first. None: they are all.
        doubts
            What makes the images doubtful to train on.
        """
        preset = PRESETS[settings.preset]
        torch.manual_seed(settings.seed)
        make = partial(
            Batches,
            normalization=header.normalization,
            mix=header.mix,
            patch_size=settings.patch_size or preset.patch_size,
            batch_size=(settings.batch_size or preset.batch_size) * together.count(),
            structure_bias=settings.structure_bias,
            augment=settings.augment,
            independent_share=settings.independent_share,
            seed=settings.seed,
            device=compute.device,
            margin=header.network.margin,
            alike=shelves is not None,
            noise_models=_noise_models(header),
        )
        batches: Batches | ShelvedBatches
        batches = first = make(fields, masks, superpositions=superpositions, shows=shows)
        if shelves is not None:
            batches = ShelvedBatches(first, shelves, partial(_of_shelf, make))
        loss = settings.loss or METHODS[settings.method]
        trainer = _trainer(header, loss, batches, settings, compute)
        budget, plateau = Budget(settings, 0, 0), Plateau(settings.plateau_patience)
        return cls(trainer, settings, header, validation, budget, plateau, doubts=doubts)

    @property
    def seconds(self) -> float:
        """Seconds of training so far."""
        return self.earlier + self.budget.seconds

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
        self.plateau = Plateau(settings.plateau_patience)
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
        if self.best is not None:
            self.best_loss = float(state["best_loss"])
        steps, since_best, self.plateau.best, bad_epochs = state["position"].tolist()
        self.steps_of_epoch, self.since_best = int(steps), int(since_best)
        self.plateau.n_bad = int(bad_epochs)
        record = state["budget"].tolist()
        step = self.trainer.step_count
        self.budget = Budget.after(self.settings, step, self.epoch, record)
        self.earlier = self.kept_at = float(state["seconds"])
        self.earlier -= self.budget.seconds

    def state(self) -> dict[str, Tensor]:
        """Return what `take_up` needs beside the state of the trainer."""
        plateau = self.plateau
        position = [self.steps_of_epoch, self.since_best, plateau.best, plateau.n_bad]
        numbers = {
            "seconds": self.seconds,
            "best_loss": self.best_loss,
            "position": position,
            "budget": self.budget.record,
        }
        state = {k: torch.tensor(v, dtype=torch.float64) for k, v in numbers.items()}
        return state | {"epoch": torch.tensor(self.epoch)}


def _of_shelf(make: Callable[..., Batches], fields: TrainingFields | SeparateFields) -> Batches:
    masks = [np.ones(field.shape[1:], bool) for field in fields.fields]
    recorded = fields.superpositions
    return make(fields.fields, masks, superpositions=recorded, shows=fields.shows)


def _noise_models(header: ModelHeader) -> list[NoiseModel]:
    return [noise_model_from_dict(values) for values in header.noise_models or ()]


def _trainer(
    header: ModelHeader,
    loss: LossSettings,
    batches: Batches | ShelvedBatches,
    settings: TrainSettings,
    compute: Compute,
) -> Trainer:
    """Make a network with random weights, and what it is trained for."""
    family = family_of(header.network)
    models = _noise_models(header)
    objective = family.objective(header.network, loss, header.normalization, models)
    network = family.network(header.network)
    zero_unseen_taps(network, batches.patch_size + 2 * header.network.margin)
    return Trainer(network, objective, batches, settings, compute)
