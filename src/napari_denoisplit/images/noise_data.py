"""Images to learn the noise of one channel from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_denoisplit.errors import NoiseModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_denoisplit.settings import NoiseSource

__all__ = ["NoiseData"]


@dataclass(frozen=True, slots=True, eq=False)
class NoiseData:
    """What the noise of one channel is learned from; pixels may be lazy.

    Raises
    ------
    NoiseModelError
        Shapes do not go together.
    """

    source: NoiseSource
    """'repeats': `observation` is (T, ..., Y, X), exposures of a static field. 'pairs': `signal`
    is the clean image of `observation`, (..., Y, X) both. 'bootstrap': the signal of
    `observation` (..., Y, X) is found by a self-supervised denoiser. 'single': the noise is
    estimated from `observation` (..., Y, X) at once."""
    observation: Any
    """Noisy grey levels; numpy, or sliceable like it (dask, zarr)."""
    signal: Any = None
    """Clean grey levels, for 'pairs': the shape of the observation, or its last axes."""
    mask: NDArray[np.bool_] | None = None
    """(Y, X), True where pixels are used: a region of interest; None uses all."""
    name: str = ""
    """Name of the channel."""
    files: tuple[str, ...] = ()
    """Where the pixels come from."""

    def __post_init__(self) -> None:
        shape = tuple(self.observation.shape)
        if len(shape) < (3 if self.source == "repeats" else 2):
            raise NoiseModelError(
                f"{self.name or 'The image'!r} has shape {shape}: "
                + (
                    "repeats need a time axis, (T, Y, X)."
                    if self.source == "repeats"
                    else "a noise model needs at least (Y, X)."
                )
            )
        if self.source == "repeats" and shape[0] < 2:
            raise NoiseModelError(
                f"{self.name or 'The image'!r} holds one exposure (shape {shape}): give at least "
                "two of the same field, or estimate the noise from the single image."
            )
        if (self.signal is not None) != (self.source == "pairs"):
            raise NoiseModelError(
                "A clean image goes with the source 'pairs' and with no other: "
                f"{self.source!r} was asked for."
            )
        if self.signal is not None:
            clean = tuple(self.signal.shape)
            if clean != shape[len(shape) - len(clean) :] or len(clean) < 2:
                raise NoiseModelError(
                    f"The clean image has shape {clean}, the noisy one {shape}: they must show "
                    "the same field, pixel by pixel."
                )
        if self.mask is not None and self.mask.shape != shape[-2:]:
            raise NoiseModelError(
                f"The region of interest has shape {self.mask.shape}, the image {shape[-2:]}."
            )
