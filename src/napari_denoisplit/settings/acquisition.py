"""How a recording was taken, beside the images that a model was trained on."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from napari_denoisplit.settings.base import Settings

MOST_GAIN = 1e12
"""More is no exposure; single precision ends at 1e38, that of squares at 1e19."""


class Acquisition(Settings):
    """How a recording was taken, beside the training images.

    recording = gain * (training grey levels) + offset + background(y, x)
    """

    gain: float = Field(
        1.0,
        gt=0,
        le=MOST_GAIN,
        description="Grey levels of the recording for one of the training images: by exposure, "
        "laser, bit depth or stretching.",
    )
    offset: float = Field(
        0.0,
        description="Grey levels of the recording that are added everywhere: another dark level "
        "of the camera, or an even background.",
    )
    background: tuple[tuple[float, ...], ...] = Field(
        (),
        description="Smooth background beside the offset, grey levels of the recording, at points "
        "evenly spread from corner to corner of a plane, row by row; empty: none.",
    )

    magnification: Literal[1, 2] = Field(
        1,
        description="Times that the network sees the recording enlarged, where its pixels are "
        "larger than those of the training images.",
    )

    brightness: tuple[Annotated[float, Field(gt=0, le=1e3)], ...] = Field(
        (),
        description="How bright each structure is in the recording, beside the middle of the "
        "mixing range, for a model that was trained over one; empty: as there.",
    )

    @model_validator(mode="after")
    def _is_a_grid(self) -> Self:
        rows = self.background
        if rows and (len(rows) < 2 or len(rows[0]) < 2 or len({len(row) for row in rows}) > 1):
            raise ValueError(
                f"A background of {len(rows)} rows of {[len(row) for row in rows]} points is no "
                "grid: give at least 2 rows, all with the same number of points, at least 2."
            )
        return self

    @property
    def as_trained(self) -> bool:
        """Whether the recording was taken as the training images were."""
        return self == Acquisition()
