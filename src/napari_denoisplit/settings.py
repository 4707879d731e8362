"""Settings of networks, losses and jobs: every default and limit is stated here, once.

The descriptions feed the help of the command line and the tooltips of the widgets.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "METHODS",
    "PRESETS",
    "Binning",
    "CalibrateSettings",
    "CalibrationMethod",
    "DenoiseSettings",
    "FilmLayout",
    "FilmLoop",
    "FilmSettings",
    "FilmShow",
    "LossSettings",
    "Method",
    "MixSettings",
    "NetworkSettings",
    "NoiseFitSettings",
    "NoiseKind",
    "NoiseSource",
    "Preset",
    "PresetSettings",
    "SplitSettings",
    "TrainSettings",
]

Preset = Literal["tiny", "fast", "paper"]
Method = Literal["denoisplit", "altered_musplit", "musplit"]
NoiseKind = Literal["gaussian_mixture", "histogram", "poisson_gaussian"]
NoiseSource = Literal["repeats", "pairs", "bootstrap", "single"]
CalibrationMethod = Literal["variance", "likelihood", "map"]
Binning = Literal["equal_count", "equal_width"]
FilmLoop = Literal["round", "to and fro", "once"]
FilmShow = Literal["sample", "difference"]
FilmLayout = Literal["overlay", "side by side"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "float32", "bfloat16"]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NetworkSettings(_Settings):
    """Shape of a variational splitting encoder-decoder (VSE)."""

    n_channels: int = Field(2, ge=2, le=16, description="Structures to split into, C.")
    n_levels: int = Field(4, ge=1, le=8, description="Levels of the ladder; each halves the image.")
    n_filters: int = Field(64, ge=4, le=512, description="Feature maps of every convolution.")
    n_latents: int = Field(128, ge=2, le=512, description="Latent maps z of every level.")
    blocks_per_level: int = Field(1, ge=1, le=8, description="Residual blocks of every level.")
    dropout: float = Field(
        0.1, ge=0, lt=1, description="Share of feature maps dropped in training."
    )
    upsampling: Literal["transposed", "nearest"] = Field(
        "transposed",
        description="How the top-down pass doubles the size: 'transposed' convolution as "
        "published, or 'nearest' neighbours before a convolution, which leaves no checkerboard.",
    )
    top_prior_size: int | None = Field(
        None,
        ge=1,
        description="Edge of a position-bound top prior, for imported weights; None is one "
        "learned vector for every position, so that any image size fits.",
    )
    predict_logvar: bool = Field(
        False, description="Also predict the log-variance of each pixel (Gaussian likelihood)."
    )


class LossSettings(_Settings):
    """Evidence lower bound as a loss: reconstruction + beta * KL."""

    likelihood: Literal["noise_model", "gaussian"] = Field(
        "noise_model", description="p(noisy channel | signal): noise model, or predicted Gaussian."
    )
    kl: Literal["sum", "mean"] = Field(
        "sum",
        description="KL of a level: its sum over entries per image pixel (denoiSplit), or its mean "
        "over entries and levels (muSplit).",
    )
    free_bits: float = Field(
        1.0, ge=0, description="Nats per sample and level below which the KL is not reduced."
    )
    beta: float = Field(1.0, ge=0, le=100, description="Weight of the KL term.")
    warmup_steps: int = Field(0, ge=0, description="Steps over which beta rises from 0.")


METHODS: dict[Method, LossSettings] = {
    "denoisplit": LossSettings(),
    "altered_musplit": LossSettings(likelihood="gaussian"),
    "musplit": LossSettings(likelihood="gaussian", kl="mean", free_bits=0.0),
}


class PresetSettings(_Settings):
    """A network with the patches it is trained on."""

    network: NetworkSettings
    patch_size: int
    batch_size: int


PRESETS: dict[Preset, PresetSettings] = {
    "tiny": PresetSettings(
        network=NetworkSettings(n_levels=3, n_filters=16, n_latents=16, upsampling="nearest"),
        patch_size=64,
        batch_size=8,
    ),
    "fast": PresetSettings(
        network=NetworkSettings(n_filters=32, n_latents=32, upsampling="nearest"),
        patch_size=64,
        batch_size=8,
    ),
    "paper": PresetSettings(network=NetworkSettings(), patch_size=128, batch_size=32),
}

Weight = Annotated[float, Field(gt=0)]


class MixSettings(_Settings):
    """How the channels are superposed: x = sum over channels of weight_c * alpha_c * channel_c."""

    mode: Literal["average", "sum"] = Field(
        "average",
        description="'average' (weights 1/C, as published) or 'sum' (weights 1, as a camera adds).",
    )
    alpha_low: float = Field(1.0, gt=0, description="Lower end of the mixing range.")
    alpha_high: float = Field(1.0, gt=0, description="Upper end of the mixing range.")
    weights: tuple[Weight, ...] | None = Field(
        None, description="Weight of each channel in the superposition; None follows the mode."
    )

    @model_validator(mode="after")
    def _range_is_ordered(self) -> Self:
        if self.alpha_low > self.alpha_high:
            raise ValueError(
                f"alpha_low ({self.alpha_low}) is above alpha_high ({self.alpha_high}): swap them."
            )
        return self

    def channel_weights(self, n_channels: int) -> tuple[float, ...]:
        """Weight of each channel, without alpha."""
        if self.weights is not None:
            if len(self.weights) != n_channels:
                raise ValueError(
                    f"{len(self.weights)} mixing weights for {n_channels} channels: give one each."
                )
            return self.weights
        return (1.0 if self.mode == "sum" else 1.0 / n_channels,) * n_channels


class _ComputeSettings(_Settings):
    device: Device = Field("auto", description="Where to compute: auto, cpu, cuda or mps.")
    precision: Precision = Field(
        "auto", description="Precision of the convolutions; auto: bfloat16 where it is fast."
    )


class TrainSettings(_ComputeSettings):
    """What a training run does, and when it ends."""

    preset: Preset = Field(
        "fast",
        description="Size of the network: 'tiny' for a first look, 'fast' for a laptop, 'paper' "
        "for a GPU.",
    )
    network: NetworkSettings | None = Field(
        None, description="A network of your own in place of the preset's."
    )
    method: Method = Field(
        "denoisplit",
        description="denoisplit (noise models), altered_musplit (Gaussian likelihood) or musplit "
        "(Gaussian likelihood, averaged KL).",
    )
    loss: LossSettings | None = Field(None, description="A loss of your own; None: the method's.")
    mix: MixSettings = Field(MixSettings(), description="How channels are superposed.")
    minutes: float | None = Field(
        10.0, gt=0, le=100_000, description="End training after so many minutes."
    )
    steps: int | None = Field(None, ge=1, description="End training after so many steps.")
    epochs: int | None = Field(None, ge=1, description="End training after so many epochs.")
    patch_size: int | None = Field(
        None, ge=32, le=1024, multiple_of=16, description="Edge of a patch, pixels; None: preset's."
    )
    batch_size: int | None = Field(
        None, ge=1, le=1024, description="Patches of a step; None: preset's."
    )
    steps_per_epoch: int | None = Field(
        None, ge=1, description="Steps between two validations; None follows the data's size."
    )
    learning_rate: float = Field(4e-3, gt=0, le=1, description="Learning rate of Adamax.")
    schedule: Literal["budget", "plateau"] = Field(
        "budget",
        description="'budget' lowers the learning rate to zero by the end of the budget; 'plateau' "
        "halves it when the validation loss stands still.",
    )
    plateau_patience: int = Field(15, ge=1, description="Epochs without progress before halving.")
    stop_patience: int = Field(100, ge=1, description="Epochs without progress before the end.")
    gradient_clip: float = Field(0.5, gt=0, description="Largest global norm of the gradient.")
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
        description="Share of the patches whose channels come from different places: it keeps the "
        "model from going by what lies beside what in a few images.",
    )
    augment: bool = Field(True, description="Flip and rotate patches by quarter turns.")
    validation_fraction: float = Field(0.1, gt=0, lt=0.5, description="Share kept for validation.")
    test_fraction: float = Field(0.1, ge=0, lt=0.5, description="Share never seen in training.")
    preview_every: int = Field(2, ge=1, description="Epochs between two preview splits.")
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of weights, patches and samples.")

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.minutes is None and self.steps is None and self.epochs is None:
            raise ValueError("Training needs an end: give minutes, steps or epochs.")
        return self


class SplitSettings(_ComputeSettings):
    """How an image is split by a trained model."""

    n_samples: int = Field(
        50,
        ge=1,
        le=10_000,
        description="Posterior samples K; the sampling error of the MMSE falls as 1/sqrt(K).",
    )
    keep_samples: int = Field(
        10, ge=0, le=10_000, description="How many of the samples to keep as images."
    )
    antithetic: bool = Field(
        True,
        description="Draw samples in pairs with mirrored latent noise, so that the MMSE needs "
        "fewer of them.",
    )
    target_error: float | None = Field(
        None,
        gt=0,
        le=100,
        description="Draw no more samples of a plane once the sampling error of every "
        "structure's MMSE is below this, percent of the structure's contrast; None: draw all.",
    )
    tile_size: int | None = Field(
        None,
        ge=64,
        multiple_of=16,
        description="Edge of a tile with its overlap on both sides, pixels; None: as memory "
        "allows.",
    )
    overlap: int = Field(
        96, ge=0, multiple_of=16, description="Context around a tile that is computed, not kept."
    )
    memory_gib: float | None = Field(
        None,
        gt=0,
        description="Memory for sampling in GiB; None: half of what is free, and on a CPU 1.5 at "
        "most where the result goes to disk block by block.",
    )
    block_size: int | None = Field(
        None,
        ge=64,
        le=16_384,
        multiple_of=64,
        description="Edge of the blocks in which a result goes to disk, pixels, each a file; "
        "None: 1024, on a GPU 2048.",
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of the posterior samples.")

    @model_validator(mode="after")
    def _error_can_be_judged(self) -> Self:
        if self.target_error is not None and self.n_samples < 4:
            raise ValueError(
                f"{self.n_samples} samples cannot tell their error: allow at least 4, or leave the "
                "target error out."
            )
        return self

    @model_validator(mode="after")
    def _tiles_keep_something(self) -> Self:
        if self.tile_size is not None and self.tile_size <= 2 * self.overlap:
            raise ValueError(
                f"A tile of {self.tile_size} pixels keeps nothing within an overlap of "
                f"{self.overlap} on each side: use a tile of at least {2 * self.overlap + 16}."
            )
        return self


class NoiseFitSettings(_Settings):
    """How a noise model is fitted to pairs of signal and observation."""

    kind: NoiseKind = Field(
        "gaussian_mixture",
        description="Family of the noise model: a mixture of Gaussians, a histogram (which needs "
        "millions of pixels), or Poisson-Gaussian (gain, offset and read noise of a camera).",
    )
    n_gaussians: int | None = Field(
        None, ge=1, le=32, description="Gaussians of the mixture, K; None: by held-out likelihood."
    )
    n_coefficients: int | None = Field(
        None,
        ge=1,
        le=8,
        description="Coefficients of each polynomial over the signal, n; None: by held-out "
        "likelihood.",
    )
    n_bins: int = Field(256, ge=16, le=1024, description="Bins of a histogram along each axis.")
    max_pixels: int = Field(
        4_000_000,
        ge=10_000,
        le=100_000_000,
        description="Pixels to look at; larger images are sampled evenly.",
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of the draw of pixels.")


class DenoiseSettings(_ComputeSettings):
    """How the self-supervised denoiser (Noise2Void) is trained."""

    minutes: float | None = Field(
        3.0, gt=0, le=10_000, description="End training after so many minutes."
    )
    steps: int | None = Field(None, ge=1, description="End training after so many steps.")
    patch_size: int = Field(64, ge=32, le=512, multiple_of=16, description="Edge of a patch.")
    batch_size: int = Field(16, ge=1, le=512, description="Patches of a step.")
    learning_rate: float = Field(1e-3, gt=0, le=1, description="Learning rate of Adam.")
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of weights, patches and masks.")

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.minutes is None and self.steps is None:
            raise ValueError("Training needs an end: give minutes or steps.")
        return self


class CalibrateSettings(_ComputeSettings):
    """How the spread of the samples is brought to an error, and how that is judged."""

    n_samples: int = Field(
        50,
        ge=5,
        le=10_000,
        description="Posterior samples K behind mean and spread; best as many as for splits later.",
    )
    method: Literal["auto", "variance", "likelihood", "map"] = Field(
        "auto",
        description="From spread to sigma: a factor with which mean variance and mean squared "
        "error agree ('variance'), the published factor of greatest likelihood ('likelihood'), or "
        "a monotone curve ('map'); 'auto' takes the one that does best on the pixels left out.",
    )
    n_bins: int = Field(30, ge=5, le=500, description="Bins of the reliability diagram.")
    binning: Binning = Field(
        "equal_count",
        description="Bins of the diagram with equally many pixels each, or equally wide.",
    )
    probe_samples: int = Field(
        10,
        ge=2,
        le=10_000,
        description="Samples with which the response of the prediction to noise is measured, for "
        "noisy images that are compared with a split of themselves.",
    )
    max_pixels: int = Field(
        4_000_000,
        ge=10_000,
        le=1_000_000_000,
        description="Pixels to use at most; of more images an even choice is taken.",
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of the posterior samples.")


class FilmSettings(_Settings):
    """How posterior samples are played, one after the other."""

    speed: int = Field(8, ge=1, le=60, description="Samples shown in a second.")
    loop: FilmLoop = Field(
        "round",
        description="After the last sample: 'round' begins anew, 'to and fro' goes back, 'once' "
        "stops.",
    )
    show: FilmShow = Field(
        "sample",
        description="Each sample itself, or its difference to the MMSE (blue below, orange above "
        "it).",
    )
    layout: FilmLayout = Field(
        "overlay",
        description="Structures added up in their colours, or side by side; differences always "
        "stand side by side.",
    )
