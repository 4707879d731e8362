"""How far around a place a ladder or a U-Net sees."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from napari_denoisplit.settings.base import Settings


class ContextSettings(Settings):
    """What a network sees of the surroundings of a place, at lower resolutions (muSplit).

    Lateral context (LC) of the paper, whose "4 LC inputs" are five scales here. Deep-LC is
    'regular' with more levels than scales have.
    """

    scales: int = Field(
        5,
        ge=2,
        le=9,
        description="Resolutions of the input, the image's own included: each further one is half "
        "as fine, and a level of the network takes it in. One more than the levels at most.",
    )
    variant: Literal["image", "lean", "regular"] = Field(
        "image",
        description="'image' sees the same at every place of an image of any size. 'lean' and "
        "'regular' are published: they see patches with their surroundings, and serve models that "
        "were trained so; of ladders alone.",
    )
    patch_size: int | None = Field(
        None, ge=8, description="Edge of those patches, pixels; None for the variant 'image'."
    )
    kept_size: int = Field(
        16,
        ge=1,
        description="Edge of what is kept of the middle of such a patch, pixels; muSplit keeps 16 "
        "of 64.",
    )

    @model_validator(mode="after")
    def _patches_have_a_size(self) -> Self:
        if (self.variant == "image") != (self.patch_size is None):
            raise ValueError(
                "patch_size belongs to the variants 'lean' and 'regular': they need it, and "
                "'image' has none."
            )
        return self

    @property
    def in_words(self) -> str:
        """Scales and variant."""
        return f"context of {self.scales} scales ({self.variant})"

    def check_levels(self, n_levels: int) -> None:
        """Refuse more scales than a network of so many levels takes in."""
        if self.scales > n_levels + 1:
            raise ValueError(
                f"{self.scales} scales of context need {self.scales - 1} levels, and there are "
                f"{n_levels}."
            )

    def margin(self, stem_reach: int) -> int:
        """Pixels that maps depend on whose stem looks at so many samples on each side."""
        if self.variant != "image":
            return 0  # patches as published bring theirs
        # And a sample that halving spoils at the edge of each scale.
        return int((stem_reach + 1) * 2 ** (self.scales - 1))
