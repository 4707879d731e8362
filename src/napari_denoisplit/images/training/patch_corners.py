"""Random patch positions inside the training pixels, more often where there is structure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.training.partition import window_sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MAX_CORNERS = 4_000_000
"""More corners than this are thinned out at random: 100 bytes of memory each add up."""

FEW_CORNERS = 200_000
"""Not worth to be thinned out."""


class PatchCorners:
    """Upper left corners of patches that lie wholly inside the training pixels.

    Parameters
    ----------
    fields
        Arrays (C, Y, X).
    masks
        Training pixels, (Y, X) each.
    patch_size
        Edge of a patch, pixels.
    structure_bias
        Share of the corners that is drawn in proportion to the variance inside the patch, summed
        over channels relative to each one's largest; the rest is drawn evenly.
    alike
        Whether corners are thinned out alike in all fields, to one of 16, so that they take no more
        memory than the pixels; else none keeps more than its part of what all may have.

    Raises
    ------
    ImageError
        No field has room for a patch.
    """

    def __init__(
        self,
        fields: Sequence[NDArray[np.float32]],
        masks: Sequence[NDArray[np.bool_]],
        patch_size: int,
        structure_bias: float,
        *,
        alike: bool = False,
    ) -> None:
        corners, weights = [], []
        thin = np.random.default_rng(0)
        n_pixels = sum(mask.size for mask in masks)
        kept = min(MAX_CORNERS, max(n_pixels // 16, FEW_CORNERS), n_pixels) / n_pixels
        for i, (data, mask) in enumerate(zip(fields, masks, strict=True)):
            inside = window_sums(mask, patch_size) == patch_size**2
            y, x = np.nonzero(inside)
            most = MAX_CORNERS // len(fields)
            if alike:
                most = int(y.size * kept + thin.random())  # rounded up as often as is fair
            if y.size > most:
                some = thin.choice(y.size, most, replace=False)
                y, x = y[some], x[some]
            corners.append(np.stack([np.full_like(y, i), y, x], axis=1).astype(np.int32))
            if y.size and structure_bias:
                weights.append(_contrast(data, patch_size)[:, y, x])  # (C, corners)
        self._corners = np.concatenate(corners)  # (N, 3): field, y, x
        if not len(self._corners):
            largest = max((f.shape[1:] for f in fields), key=min)
            raise ImageError(
                f"No patch of {patch_size}x{patch_size} pixels fits into the training part of the "
                f"images (the largest is {largest[0]}x{largest[1]}): choose a smaller patch size."
            )
        self._cumulative, self._bias = np.ones(1), 0.0
        if not structure_bias:
            return
        contrast = np.concatenate(weights, axis=1)  # (C, N)
        # The smallest contrast is that of noise alone; what is above it is structure.
        contrast -= np.quantile(contrast[:, :: max(1, contrast.shape[1] // 100_000)], 0.01, axis=1)[
            :, None
        ]
        contrast = np.clip(contrast, 0, None)
        contrast /= np.maximum(contrast.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        self._cumulative = np.cumsum(contrast.mean(axis=0))
        self._cumulative /= self._cumulative[-1] if self._cumulative[-1] > 0 else 1
        self._bias = structure_bias if self._cumulative[-1] > 0 else 0.0

    def __len__(self) -> int:
        """Count the possible corners."""
        return len(self._corners)

    def draw(self, n: int, rng: np.random.Generator) -> NDArray[np.int32]:
        """Draw n corners as (n, 3): field, y, x."""
        index = rng.integers(len(self._corners), size=n)
        biased = rng.random(n) < self._bias
        found = np.searchsorted(self._cumulative, rng.random(n))
        index = np.where(biased, np.minimum(found, len(self._corners) - 1), index)
        return np.asarray(self._corners[index])


def _contrast(data: NDArray[np.float32], size: int) -> NDArray[np.float64]:
    """Variance inside each size x size window, (C, Y - size + 1, X - size + 1)."""
    n = size**2
    maps = []
    for channel in data:
        centred = channel.astype(np.float64) - channel.mean(dtype=np.float64)
        mean = window_sums(centred, size) / n
        maps.append(window_sums(centred**2, size) / n - mean**2)
    return np.stack(maps)
