"""Mean and standard deviation of the superposition and of each channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from napari_denoisplit.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# Beyond these, float32, in which images are computed, has neither the value nor its square.
Level = Annotated[float, Field(ge=-1e30, le=1e30, allow_inf_nan=False)]
Spread = Annotated[float, Field(ge=1e-30, le=1e30, allow_inf_nan=False)]


class Normalization(BaseModel):
    """Statistics of the training pixels, in image units.

    The network sees (superposition - input_mean) / input_std and predicts
    (channel - channel_means[c]) / channel_stds[c].
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    input_mean: Level
    input_std: Spread
    channel_means: tuple[Level, ...]
    channel_stds: tuple[Spread, ...]

    @classmethod
    def of(
        cls,
        fields: Sequence[NDArray[np.float32]],
        masks: Sequence[NDArray[np.bool_]],
        weights: Sequence[float],
        names: Sequence[str],
        offset: float = 0.0,
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
        offset
            Grey levels of the superposition beside the channels.

        Raises
        ------
        ImageError
            A channel is constant.
        """
        n, total, products = 0, np.zeros(len(names)), np.zeros((len(names),) * 2)
        # Field by field, since a copy of all would be the largest thing in memory; relative to a
        # typical level, since squares of a small spread on a high level lose their digits.
        level = np.median(fields[0].reshape(len(names), -1)[:, ::97], axis=1).astype(float)
        for field, mask in zip(fields, masks, strict=True):
            pixels = field[:, mask].astype(np.float64) - level[:, None]  # (C, N)
            n += pixels.shape[1]
            total += pixels.sum(axis=1)
            products += pixels @ pixels.T
        mean = total / n
        covariance = products / n - np.outer(mean, mean)  # (C, C)
        for c, name in enumerate(names):
            # By its own level alone: images in watts or tesla may well be about 1e-7.
            if not covariance[c, c] > 1e-12 * level[c] ** 2:
                raise ImageError(
                    f"Channel {name!r} has the value {level[c] + mean[c]:g} everywhere: choose a "
                    "channel that shows a structure."
                )
        w = np.asarray(weights, dtype=np.float64)
        return cls(
            input_mean=float(w @ (level + mean)) + offset,
            input_std=float(np.sqrt(w @ covariance @ w)),
            channel_means=tuple(map(float, level + mean)),
            channel_stds=tuple(map(float, np.sqrt(np.diag(covariance)))),
        )

    def of_inputs(
        self, superpositions: Sequence[NDArray[np.float32]], masks: Sequence[NDArray[np.bool_]]
    ) -> Self:
        """Take mean and spread of the input from recorded superpositions, (Y, X) each."""
        inputs = zip(superpositions, masks, strict=True)
        recorded = self.of([x[None] for x, _ in inputs], masks, (1.0,), ("superposition",))
        return self.model_copy(
            update={"input_mean": recorded.input_mean, "input_std": recorded.input_std}
        )
