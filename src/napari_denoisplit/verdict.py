"""What is known of a noise model besides its numbers: where it comes from, whether to trust it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.settings import NoiseSource

if TYPE_CHECKING:
    from collections.abc import Mapping

Grade = Literal["good", "usable", "do not use"]
_FROM_BEST: tuple[Grade, ...] = ("good", "usable", "do not use")

CERTAIN = 3.0
"""Standard errors that an effect must exceed beyond its threshold."""
CORRELATED = 0.20
"""Correlation of noise at which a network begins to take it for structure: it can foretell 4 % of
the variance of a pixel's noise from each of its neighbours."""
SLIGHTLY_CORRELATED = 0.08
"""Above what raw confocal and two-photon images show (0.00 to 0.06)."""


class Finding(NamedTuple):
    """One reason of a verdict."""

    gravity: int
    """0: worth knowing; 1: usable; 2: do not use."""
    text: str


class Verdict(BaseModel):
    """A plain judgement with its reasons."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    grade: Grade
    reasons: tuple[str, ...]
    """Sentences, the gravest first; each says what was found, what it means, what to do."""
    figures: dict[str, float] = Field(default_factory=dict)
    """The numbers behind the reasons, by name."""

    @property
    def headline(self) -> str:
        """One line: the grade and its first reason."""
        return f"{self.grade}: {self.reasons[0]}" if self.reasons else self.grade

    def joined(self, other: Verdict) -> Verdict:
        """Return the graver grade, with the reasons of the graver first and the figures of both."""
        graver = max(self, other, key=lambda verdict: _FROM_BEST.index(verdict.grade))
        milder = other if graver is self else self
        reasons = graver.reasons + (milder.reasons if milder.grade != "good" else ())
        figures = self.figures | other.figures
        return Verdict(grade=graver.grade, reasons=reasons, figures=figures)

    def reaches(self, required: Grade | None) -> bool:
        """Whether it is at least as good as was required."""
        return required is None or _FROM_BEST.index(self.grade) <= _FROM_BEST.index(required)


class NoiseRecord(BaseModel):
    """Origin and judgement of a noise model; travels with it into every file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""
    """Channel or camera that the model is for, as a user would call it."""
    source: NoiseSource | None = None
    """Where the signal came from; None for a model of another program."""
    files: tuple[str, ...] = ()
    """Images that the model was fitted to."""
    n_pixels: int | None = None
    """Pairs of signal and observation behind the fit."""
    notes: tuple[str, ...] = ()
    """What was found while the pairs were gathered."""
    verdict: Verdict | None = None
    versions: dict[str, str] = Field(default_factory=dict)

    def to_values(self) -> dict[str, Any]:
        """Return what the record says as plain JSON values; empty if it says nothing."""
        values = self.model_dump(mode="json", exclude_defaults=True)
        if self.verdict is not None:
            # JSON knows neither NaN nor infinity.
            figures = {k: v for k, v in self.verdict.figures.items() if math.isfinite(v)}
            values["verdict"]["figures"] = figures
        return values

    @classmethod
    def of_values(cls, values: Mapping[str, Any]) -> Self:
        """Record from the dictionary of a noise model; an empty one if there is none.

        Raises
        ------
        NoiseModelError
            What stands under "record" is not one.
        """
        try:
            return cls.model_validate(values.get("record") or {})
        except ValidationError as error:
            first = error.errors()[0]
            raise NoiseModelError(
                f"The record of this noise model cannot be read "
                f"({'.'.join(map(str, first['loc']))}: {first['msg']}): it was edited, or a newer "
                "version of this package wrote it."
            ) from error
