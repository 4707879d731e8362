"""Mean and standard deviation of the superposition and of each channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from napari_denoisplit.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Normalization"]


class Normalization(BaseModel):
    """Statistics of the training pixels, in image units.

    The network sees (superposition - input_mean) / input_std and predicts
    (channel - channel_means[c]) / channel_stds[c].
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    input_mean: float = Field(allow_inf_nan=False)
    input_std: float = Field(gt=0, allow_inf_nan=False)
    channel_means: tuple[float, ...]
    channel_stds: tuple[float, ...]

    @classmethod
    def of(
        cls,
        fields: Sequence[NDArray[np.float32]],
        masks: Sequence[NDArray[np.bool_]],
        weights: Sequence[float],
        names: Sequence[str],
    ) -> Self:
        """Measure the pixels that are used for training.

        Parameters
        ----------
        fields
            Arrays (C, Y, X).
        masks
            Training pixels of each field, (Y, X).
        weights
            Weight of each channel in the superposition.
        names
            Names of the channels, for messages.

        Raises
        ------
        ImageError
            A channel is constant.
        """
        pixels = np.concatenate(
            [f[:, m] for f, m in zip(fields, masks, strict=True)], axis=1
        )  # (C, N)
        superposition = np.asarray(weights, dtype=np.float32) @ pixels  # (N,)
        means, stds = pixels.mean(axis=1, dtype=np.float64), pixels.std(axis=1, dtype=np.float64)
        for name, mean, std in zip(names, means, stds, strict=True):
            if not std > 0:
                raise ImageError(
                    f"Channel {name!r} has the value {mean:g} everywhere: choose a channel that "
                    "shows a structure."
                )
        return cls(
            input_mean=float(superposition.mean(dtype=np.float64)),
            input_std=float(superposition.std(dtype=np.float64)),
            channel_means=tuple(map(float, means)),
            channel_stds=tuple(map(float, stds)),
        )
