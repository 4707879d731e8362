"""How an image is split."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from napari_denoisplit.settings.acquisition import Acquisition
from napari_denoisplit.settings.base import ComputeSettings

GreyLevels = Literal["matched", "kept"]


class SplitSettings(ComputeSettings):
    """How an image is split by a trained model."""

    n_samples: int = Field(
        50,
        ge=1,
        le=10_000,
        title="Answers to draw",
        description="Possible answers (posterior samples) K; the sampling error of the best "
        "estimate (MMSE) falls as 1/sqrt(K).",
    )
    keep_samples: int = Field(
        10,
        ge=0,
        le=10_000,
        title="Answers to keep",
        description="How many of the answers (posterior samples) to keep as images.",
    )
    antithetic: bool = Field(
        True,
        description="Draw samples in pairs with mirrored latent noise, so that the MMSE needs "
        "fewer of them.",
    )
    eightfold: bool = Field(
        False,
        description="Draw the samples of the image in its eight turns and flips, one pair after "
        "the other, so that their mean is over all eight; take a multiple of 16 samples.",
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
    overlap: int | None = Field(
        None,
        ge=0,
        title="Tile overlap",
        description="Context around a tile that is computed, not kept, pixels, rounded up to what "
        "the network divides, 16 for the presets; None: as far as the network looks, 96 for the "
        "presets.",
    )
    memory_gib: float | None = Field(
        None,
        gt=0,
        title="Memory (GiB)",
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
    grey_levels: GreyLevels = Field(
        "matched",
        title="Grey levels",
        description="matched: gain, offset and smooth background of the recording are estimated "
        "and taken out, and larger pixels enlarged, so that the model sees it as it saw its "
        "training images; kept: the recording was taken exactly as those.",
    )
    acquisition: Acquisition | None = Field(
        None,
        description="Gain, offset and background of the recording where they are known; None: as "
        "`grey_levels` says.",
    )

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
        if self.tile_size is None or self.overlap is None:
            return self  # what the network needs is known when it is loaded
        if self.tile_size <= 2 * self.overlap:
            raise ValueError(
                f"A tile of {self.tile_size} pixels keeps nothing within an overlap of "
                f"{self.overlap} on each side: use a larger tile or a smaller overlap."
            )
        return self
