"""What is known of a noise model besides its numbers: where it comes from, whether to trust it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from napari_denoisplit.settings import NoiseSource

Grade = Literal["good", "usable", "do not use"]


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
