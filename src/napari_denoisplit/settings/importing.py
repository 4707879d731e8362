"""What is said of a model that another program trained, beside its weights."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from napari_denoisplit.settings.base import Settings


class ImportSettings(Settings):
    """What the weights of a ladder do not tell of its shape."""

    variance: Literal["exp_linear", "exp"] | None = Field(
        None,
        description="Variance of the latents from its log; None: 'exp' for one structure, as in "
        "HDN, else 'exp_linear'.",
    )
    level_factor: Literal["none", "times", "divided"] | None = Field(
        None,
        description="What sqrt(2 (l + 1)) does to the features of a posterior above four levels; "
        "None: 'none' for one structure, as in HDN, else 'times'.",
    )
    context: Literal["lean", "regular"] | None = Field(
        None,
        description="Variant of lateral context in muSplit; None: 'regular', the only one of "
        "denoiSplit and careamics.",
    )
    patch_size: int | None = Field(
        None, ge=8, description="Edge of the training patches, pixels, where there is context."
    )
    kept_size: int = Field(
        16,
        ge=1,
        description="Edge of what is kept of the middle of a patch with context, pixels; the whole "
        "of a smaller patch.",
    )
    autoencoder: bool = Field(
        False, description="It is muSplit's hierarchical autoencoder, which draws no samples."
    )
