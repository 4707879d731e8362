"""How a model is trained."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from napari_denoisplit.settings.base import ComputeSettings
from napari_denoisplit.settings.mixing import MixSettings
from napari_denoisplit.settings.networks import (
    METHODS,
    AnyNetwork,
    LadderSettings,
    LossSettings,
    Method,
    UNetSettings,
)
from napari_denoisplit.settings.presets import PRESETS, Preset
from napari_denoisplit.settings.recipes import Recipe, published

_LOSS_OF: dict[str, set[str]] = {
    "ladder": {*LossSettings.model_fields},
    "divnoising": {"likelihood", "beta", "warmup_steps"},
    "sequence": {*LossSettings.model_fields},
}
"""Settings of the loss that have an effect, by kind of network; on others none has."""


class TrainSettings(ComputeSettings):
    """What a training run does, and when it ends."""

    recipe: Recipe = Field(
        "own",
        description="How it is trained: 'own' is this program's way; 'paper' is the published one "
        "of the method, with its network, except for what is given otherwise.",
    )
    preset: Preset = Field(
        "fast",
        description="Network: 'tiny' for a first look, 'fast' for a laptop, 'large', as published, "
        "for a GPU; "
        "'unet' predicts one answer without uncertainty, trained on the mean squared error "
        "whatever the method; 'hdn' and the small 'divnoising' denoise one structure by samples; "
        "'context' is small and also looks far around every place at lower resolutions, for "
        "structures larger than a patch, or where minutes are few.",
    )
    network: AnyNetwork | None = Field(
        None, description="A network of your own in place of the preset's."
    )
    method: Method = Field(
        "denoisplit",
        description="'denoisplit' (noise models), 'altered_musplit' (Gaussian likelihood) or "
        "'musplit' (Gaussian likelihood, averaged KL); 'hdn_musplit' denoises every channel and "
        "the superposition by HDN first and trains 'musplit' on the results, all within the "
        "budget: take it to compare with, as what a denoiser gets wrong no later step knows.",
    )
    loss: LossSettings | None = Field(None, description="A loss of your own; None: the method's.")
    mix: MixSettings = Field(MixSettings(), description="How channels are superposed.")
    minutes: float | None = Field(
        5.0, gt=0, le=100_000, description="End training after so many minutes."
    )
    steps: int | None = Field(None, ge=1, description="End training after so many steps.")
    epochs: int | None = Field(None, ge=1, description="End training after so many epochs.")
    until_good: bool = Field(
        False,
        title="End when good",
        description="End earlier, once the structures are apart on validation: half of the time "
        "that it took is added, in which the learning rate falls to zero.",
    )
    patch_size: int | None = Field(
        None, ge=32, le=1024, multiple_of=16, description="Edge of a patch, pixels; None: preset's."
    )
    batch_size: int | None = Field(
        None, ge=1, le=1024, description="Patches of a step; None: preset's."
    )
    batches_per_step: int = Field(
        1,
        ge=1,
        le=256,
        description="Batches whose gradients add up to one step, for steps of more patches than "
        "memory holds; HDN takes 8 batches of 8.",
    )
    steps_per_epoch: int | None = Field(
        None, ge=1, description="Steps between two validations; None follows the data's size."
    )
    optimizer: Literal["adamax", "adam"] = Field(
        "adamax", description="How the weights follow the gradient: Adamax as published, or Adam."
    )
    learning_rate: float = Field(4e-3, gt=0, le=1, description="Learning rate of the optimizer.")
    schedule: Literal["budget", "plateau"] = Field(
        "budget",
        description="'budget' lowers the learning rate to zero by the end of the budget; 'plateau' "
        "halves it when validation makes no progress.",
    )
    plateau_patience: int = Field(15, ge=1, description="Epochs without progress before halving.")
    stop_patience: int = Field(100, ge=1, description="Epochs without progress before the end.")
    monitor: Literal["loss", "reconstruction", "psnr"] = Field(
        "loss",
        description="What is best on validation: the loss, its reconstruction alone (denoiSplit), "
        "or the PSNR against the noisy channels (muSplit).",
    )
    gradient_clip: float | None = Field(
        0.5, gt=0, description="Largest global norm of the gradient; None: no limit."
    )
    average_decay: float = Field(
        0.999, ge=0, lt=1, description="Decay of the running average of the weights; 0: none."
    )
    structure_bias: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Share of the patches that is drawn where there is structure; the rest is "
        "drawn evenly.",
    )
    independent_share: float = Field(
        0.5,
        ge=0,
        le=1,
        title="Unrelated places",
        description="Share of the patches whose channels come from different places: it keeps the "
        "model from going by what lies beside what in a few images.",
    )
    augment: bool = Field(
        True, title="Flip and rotate", description="Flip and rotate patches by quarter turns."
    )
    validation_fraction: float = Field(
        0.1, gt=0, lt=0.5, title="For validation", description="Share kept for validation."
    )
    test_fraction: float = Field(
        0.1, ge=0, lt=0.5, title="For test", description="Share never seen in training."
    )
    alternate: bool = Field(
        False,
        description="Of ten fields or more, keep the first for validation and test in turns, three "
        "at a time, as published for PaviaATN; otherwise first for test, then for validation.",
    )
    preview_every: int = Field(2, ge=1, description="Epochs between two preview splits.")
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of weights, patches and samples.")

    @model_validator(mode="before")
    @classmethod
    def _follows_its_recipe(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("recipe") == "paper":
            return published(given) | given
        return given

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.minutes is None and self.steps is None and self.epochs is None:
            raise ValueError("Training needs an end: give minutes, steps or epochs.")
        return self

    @model_validator(mode="after")
    def _settles_by_its_schedule(self) -> Self:
        if self.until_good and self.schedule != "budget":
            raise ValueError(
                "until_good needs the schedule 'budget', which lets the learning rate fall: choose "
                "it, or leave until_good out."
            )
        return self

    @model_validator(mode="after")
    def _alternates_in_equal_shares(self) -> Self:
        if self.alternate and self.validation_fraction != self.test_fraction:
            raise ValueError(
                "alternate keeps as much for validation as for test, not "
                f"{self.validation_fraction} and {self.test_fraction}: give the same for both, or "
                "leave it out."
            )
        return self

    @model_validator(mode="after")
    def _normalizes_more_than_one_value(self) -> Self:
        preset = PRESETS[self.preset]
        network = self.network or preset.network
        patch, batch = self.patch_size or preset.patch_size, self.batch_size or preset.batch_size
        if not isinstance(network, LadderSettings | UNetSettings):
            return self
        if batch == 1 and patch <= 2**network.n_levels:
            raise ValueError(
                f"A batch of one patch of {patch} pixels leaves the coarsest of {network.n_levels} "
                "levels a single value, which batch normalization cannot normalize: take 2 patches "
                "or more (batch_size), or larger ones (patch_size)."
            )
        return self

    def misfit(self, n_structures: int) -> str:
        """Say why so many structures cannot be trained on; empty if they can."""
        preset = PRESETS[self.preset].network
        if n_structures == 1 and self.until_good:
            return (
                "'End when good' (until_good) waits until structures are apart, and there is one: "
                "leave it out."
            )
        if n_structures <= 1 or (self.network or preset).n_channels > 1:
            return ""
        what = f"The preset {self.preset!r}" if preset.n_channels == 1 else "The given network"
        return (
            f"{what} denoises one structure, and {n_structures} are given: train one for each, or "
            "choose a preset that splits, such as 'fast'."
        )

    @model_validator(mode="after")
    def _loss_has_an_effect(self) -> Self:
        kind = (self.network or PRESETS[self.preset].network).kind
        plain = METHODS[self.method]
        for name in LossSettings.model_fields.keys() - _LOSS_OF.get(kind, set()):
            if self.loss is not None and getattr(self.loss, name) != getattr(plain, name):
                raise ValueError(f"loss.{name} has no effect on a network {kind!r}: leave it out.")
        return self
