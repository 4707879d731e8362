"""What all settings have in common."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "float32", "bfloat16"]


class Settings(BaseModel):
    """Values that do not change and have no unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ComputeSettings(Settings):
    """Where and how exactly is computed."""

    device: Device = Field("auto", description="Where to compute: auto, cpu, cuda or mps.")
    precision: Precision = Field(
        "auto", description="Precision of the convolutions; auto: bfloat16 where it is fast."
    )
