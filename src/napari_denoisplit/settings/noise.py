"""How noise models are fitted, and images denoised without a model."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from napari_denoisplit.settings.base import ComputeSettings, Settings

NoiseKind = Literal["gaussian_mixture", "histogram", "poisson_gaussian", "correlated"]
DenoiseMethod = Literal["noise2void", "hdn", "divnoising"]
NoiseSource = Literal["repeats", "pairs", "bootstrap", "single"]


class NoiseFitSettings(Settings):
    """How a noise model is fitted to pairs of signal and observation."""

    kind: NoiseKind = Field(
        "gaussian_mixture",
        description="Family of the noise model: a mixture of Gaussians, a histogram (which needs "
        "millions of pixels), Poisson-Gaussian (gain, offset and read noise of a camera), or "
        "correlated: Poisson-Gaussian noise that goes on from pixel to pixel, from repeats or "
        "pairs.",
    )
    n_gaussians: int | None = Field(
        None,
        ge=1,
        le=32,
        title="Gaussians, K",
        description="Gaussians of the mixture, K; None: by held-out likelihood.",
    )
    n_coefficients: int | None = Field(
        None,
        ge=1,
        le=8,
        title="Coefficients, n",
        description="Coefficients of each polynomial over the signal, n; None: by held-out "
        "likelihood.",
    )
    n_bins: int = Field(
        256,
        ge=16,
        le=1024,
        title="Histogram bins",
        description="Bins of a histogram along each axis.",
    )
    max_pixels: int = Field(
        4_000_000,
        ge=10_000,
        le=100_000_000,
        title="Most pixels",
        description="Pixels to look at; larger images are sampled evenly.",
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of the draw of pixels.")


class DenoiseSettings(ComputeSettings):
    """How a denoiser is trained on the images that it denoises."""

    method: DenoiseMethod = Field(
        "noise2void",
        description="'noise2void' gives one answer within minutes and needs to know nothing of the "
        "noise; 'divnoising' and the large 'hdn' draw possible answers and give their spread, by "
        "a noise model that is fitted first.",
    )
    minutes: float | None = Field(
        3.0, gt=0, le=10_000, description="End training after so many minutes."
    )
    steps: int | None = Field(None, ge=1, description="End training after so many steps.")
    n_samples: int = Field(
        50,
        ge=1,
        le=10_000,
        title="Answers to draw",
        description="Answers (posterior samples) of 'hdn' and 'divnoising' behind mean and sigma.",
    )
    levels_off: int = Field(
        0,
        ge=0,
        le=5,
        description="Finest levels of 'hdn' that see nothing of the image: less of noise that is "
        "correlated along rows or columns comes through, and less detail.",
    )
    patch_size: int = Field(64, ge=32, le=512, multiple_of=16, description="Edge of a patch.")
    batch_size: int | None = Field(
        None, ge=1, le=512, description="Patches of a step; None: 16, of 'hdn' 8."
    )
    learning_rate: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Learning rate; None: 0.001 of Adam, of 'hdn' 0.004 of Adamax.",
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of weights, patches, masks and samples.")

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.minutes is None and self.steps is None:
            raise ValueError("Training needs an end: give minutes or steps.")
        return self

    @model_validator(mode="after")
    def _has_levels(self) -> Self:
        if self.levels_off and self.method != "hdn":
            raise ValueError(
                f"The method {self.method!r} has no levels to switch off: choose 'hdn', or leave "
                "levels_off out."
            )
        return self
