"""How channels are superposed for training."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from napari_denoisplit.settings.base import Settings

Weight = Annotated[float, Field(gt=0)]


class MixSettings(Settings):
    """How channels are superposed: x = offset + sum over c of weight_c * alpha_c * channel_c.

    A network trained over a range of alpha predicts what each structure contributes to an image, in
    the grey levels that its channel has in the middle of the range.
    """

    mode: Literal["average", "sum"] = Field(
        "average",
        description="'average' (weights 1/C, as published) or 'sum' (weights 1, as a camera adds).",
    )
    alpha_low: float = Field(
        1.0,
        gt=0,
        description="Mixing range: how dim a structure may be in a recording; 1 is as in the "
        "training images. Splits then go by the brightness that they find.",
    )
    alpha_high: float = Field(
        1.0, gt=0, description="Mixing range: how bright a structure may be in a recording."
    )
    weights: tuple[Weight, ...] | None = Field(
        None, description="Weight of each channel in the superposition; None follows the mode."
    )
    offset: float = Field(
        0.0,
        ge=-1e30,
        le=1e30,
        allow_inf_nan=False,
        description="Grey levels beside the channels: minus a dark level that every channel holds "
        "and a camera adds once to their sum.",
    )

    noise_high: float = Field(
        1.0,
        ge=1,
        le=10,
        description="Noise range: how much noisier a recording may be, in standard deviations of "
        "the noise that the training images have; half of the patches get more, up to this.",
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

    @property
    def is_range(self) -> bool:
        """Whether structures are brightened and dimmed."""
        return self.alpha_low < self.alpha_high

    @property
    def factors(self) -> tuple[float, float]:
        """Mixing range in units of its middle, which is as bright as structures are predicted."""
        middle = (self.alpha_low + self.alpha_high) / 2
        return self.alpha_low / middle, self.alpha_high / middle

    def mean_weights(self, n_channels: int) -> tuple[float, ...]:
        """Weight of each channel in the middle of the mixing range."""
        alpha = (self.alpha_low + self.alpha_high) / 2
        return tuple(weight * alpha for weight in self.channel_weights(n_channels))
