"""How the spread of posterior samples becomes a sigma in image units; kept in the model file."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from napari_denoisplit.settings import CalibrationMethod

if TYPE_CHECKING:
    from collections.abc import Sequence

TargetKind = Literal["clean", "noisy", "second_exposure"]
TARGETS_IN_WORDS: dict[TargetKind, str] = {
    "clean": "clean images",
    "noisy": "noisy images, their noise taken out",
    "second_exposure": "a second noisy exposure, its noise taken out",
}


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ChannelCalibration(_Record):
    """From the spread of the samples of one channel to sigma, both in grey levels.

    Raises
    ------
    ValueError
        The factor is not positive and finite, or the map does not rise.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    factor: float = Field(gt=0)
    """alpha: sigma is alpha times the spread."""
    method: CalibrationMethod = "variance"
    spread: tuple[float, ...] = ()
    """Knots of a monotone map that is used in place of the factor, rising; empty: none."""
    sigma: tuple[float, ...] = ()
    """Sigma at those knots; between them it is interpolated, beyond them proportional."""

    @model_validator(mode="after")
    def _map_is_monotone(self) -> Self:
        if len(self.spread) != len(self.sigma):
            raise ValueError(f"{len(self.spread)} spreads for {len(self.sigma)} sigmas")
        rises = all(a < b for a, b in zip(self.spread, self.spread[1:], strict=False))
        follows = all(a <= b for a, b in zip(self.sigma, self.sigma[1:], strict=False))
        if not (rises and follows) or (self.spread and min(self.spread[0], self.sigma[0]) <= 0):
            raise ValueError("the map from spread to sigma must be positive and rise")
        return self


# JSON knows no NaN, and what could not be measured comes back as null.
_Figure = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]


class CalibrationScore(_Record):
    """How true sigma is on pixels that the calibration was not fitted to."""

    channel: str
    ece_before: _Figure
    """Expected calibration error of the plain spread, grey levels."""
    ece_after: _Figure
    relative_ece_before: _Figure
    """The same relative to the predicted error, bin by bin (ENCE of Levi et al. 2022)."""
    relative_ece_after: _Figure
    slope: _Figure
    """Of the straight line through RMSE against RMV, after calibration; 1 is right."""
    correlation: _Figure
    """Pearson's r of the same points."""
    coverage: dict[str, _Figure]
    """Share of pixels within the interval of nominal '50', '68', '90' and '95' percent."""
    n_pixels: int


class CalibrationRecord(_Record):
    """The calibration of every channel of a model, with its origin and what it was found worth."""

    channels: tuple[ChannelCalibration, ...]
    target: TargetKind | None = None
    """What the predictions were compared with; None where it is not known."""
    n_samples: int | None = None
    """Samples per pixel, K, behind spread and mean."""
    n_pixels: int | None = None
    """Pixels of a channel that it was fitted to."""
    data: tuple[str, ...] = ()
    """Images that were used, with the hash of their content."""
    judged_on: tuple[str, ...] = ()
    """Other images that the scores are of; empty: blocks of the same images, left out of the
    fit."""
    scores: tuple[CalibrationScore, ...] = ()
    """One for each channel, of pixels that were left out of the fit."""
    notes: tuple[str, ...] = ()
    """What was found on the way, in sentences."""
    versions: dict[str, str] = Field(default_factory=dict)

    @property
    def factors(self) -> tuple[float, ...]:
        """Factor alpha of each channel."""
        return tuple(channel.factor for channel in self.channels)

    @property
    def in_words(self) -> str:
        """One line: what is done to the spread, and by what right."""
        numbers = ", ".join(f"{factor:.3g}" for factor in self.factors)
        text = f"sigma = {numbers} x spread"
        if any(channel.spread for channel in self.channels):
            text = f"monotone map from spread to sigma, about {numbers} x spread"
        if self.target is not None:
            text += f", from {TARGETS_IN_WORDS[self.target]}"
        return text + (f", {self.n_samples} samples" if self.n_samples else "")

    def scaled(self, gain: float) -> Self:
        """Return the calibration of images whose grey levels are `gain` times as large."""
        channels = tuple(
            channel.model_copy(
                update={
                    "spread": tuple(gain * knot for knot in channel.spread),
                    "sigma": tuple(gain * value for value in channel.sigma),
                }
            )
            for channel in self.channels
        )
        return self.model_copy(update={"channels": channels})

    def of_channels(self, numbers: Sequence[int]) -> Self:
        """Return the calibration of some channels, in this order.

        Raises
        ------
        ValueError
            There is no such channel.
        """
        if not all(0 <= number < len(self.channels) for number in numbers):
            raise ValueError(f"there is no calibration of the channels {list(numbers)}")
        scores = tuple(self.scores[n] for n in numbers) if self.scores else ()
        channels = tuple(self.channels[n] for n in numbers)
        return self.model_copy(update={"channels": channels, "scores": scores})
