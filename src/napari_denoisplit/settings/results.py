"""What is done with posterior samples."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from napari_denoisplit.settings.base import ComputeSettings, Settings

CalibrationMethod = Literal["variance", "likelihood", "map"]
Binning = Literal["equal_count", "equal_width"]
FilmLoop = Literal["round", "to and fro", "once"]
FilmShow = Literal["sample", "difference"]
FilmLayout = Literal["overlay", "side by side"]


class CalibrateSettings(ComputeSettings):
    """How the spread of the samples is brought to an error, and how that is judged."""

    n_samples: int = Field(
        50,
        ge=5,
        le=10_000,
        title="Answers to draw",
        description="Answers (posterior samples) K behind mean and spread; best as many as for "
        "splits later.",
    )
    method: Literal["auto", "variance", "likelihood", "map"] = Field(
        "auto",
        description="From spread to sigma: a factor with which mean variance and mean squared "
        "error agree ('variance'), the published factor of greatest likelihood ('likelihood'), or "
        "a monotone curve ('map'); 'auto' takes the one that does best on the pixels left out.",
    )
    n_bins: int = Field(
        30, ge=5, le=500, title="Number of bins", description="Bins of the reliability diagram."
    )
    binning: Binning = Field(
        "equal_count",
        title="Bins",
        description="Bins of the diagram with equally many pixels each, or equally wide.",
    )
    probe_samples: int = Field(
        10,
        ge=2,
        le=10_000,
        title="Answers to probe",
        description="Answers (posterior samples) with which the response of the prediction to "
        "noise is measured, for noisy images that are compared with a split of themselves.",
    )
    max_pixels: int = Field(
        4_000_000,
        ge=10_000,
        le=1_000_000_000,
        title="Most pixels",
        description="Pixels to use at most; of more images an even choice is taken.",
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of the posterior samples.")


class FilmSettings(Settings):
    """How posterior samples are played, one after the other."""

    speed: int = Field(8, ge=1, le=60, description="Answers (posterior samples) shown in a second.")
    loop: FilmLoop = Field(
        "round",
        description="After the last answer: 'round' begins anew, 'to and fro' goes back, 'once' "
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


class ObjectSettings(Settings):
    """Which pixels of a structure are trusted, and what is an object."""

    limit: float = Field(
        0.33,
        gt=0,
        le=10,
        description="A pixel is trusted where sigma is at most this share of its signal, the "
        "distance of the MMSE from the background; 0.33 is a signal of three sigma.",
    )
    background: float | None = Field(
        None,
        allow_inf_nan=False,
        description="Grey level without structure; left out, the 10th percentile of the MMSE.",
    )
    least_pixels: int = Field(
        20, ge=1, description="Smaller parts of the trust mask are no objects, pixels."
    )


class PriorSettings(ComputeSettings):
    """Images that a model draws from its prior alone."""

    n_images: int = Field(8, ge=1, le=1000, title="Images", description="Images to draw.")
    size: int = Field(256, ge=16, le=4096, description="Edge of an image, pixels.")
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of the latents.")


class ExportSettings(Settings):
    """A model for the BioImage Model Zoo."""

    n_samples: int = Field(
        16,
        ge=2,
        le=128,
        multiple_of=2,
        title="Samples",
        description="Samples K with mirrored noise whose mean the exported model gives; each costs "
        "its time.",
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of the fixed noise.")
    authors: tuple[str, ...] = Field((), description="Who made the model.")
    license: str | None = Field(
        None, description="License of the model, by its SPDX name, as in CC-BY-4.0."
    )
