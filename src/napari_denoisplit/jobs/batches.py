"""Patches of all channels and their superposition, made on the compute device.

Letters: B batch, C channels, P patch edge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from napari_denoisplit.images.patch_corners import PatchCorners

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_denoisplit.images.normalization import Normalization
    from napari_denoisplit.settings import MixSettings

__all__ = ["Batch", "Batches"]


class Batch(NamedTuple):
    """Input and targets of one step."""

    superposition: Tensor
    """(B, 1, P, P), normalized."""
    channels: Tensor
    """(B, C, P, P), image units: the noisy channels that were superposed."""


class Batches:
    """Random patches, aligned over channels, turned and flipped, and mixed on the fly.

    Parameters
    ----------
    fields
        Arrays (C, Y, X), image units.
    masks
        Training pixels of each field, (Y, X).
    normalization
        Statistics that the superposition is normalized by.
    mix
        Weights and mixing range.
    patch_size, batch_size
        Edge of a patch and patches in a batch.
    structure_bias
        See `PatchCorners`.
    augment
        Whether to turn and flip.
    seed
        Seed of everything that is drawn here.
    device
        Where the fields are kept and mixed.
    """

    def __init__(
        self,
        fields: Sequence[NDArray[np.float32]],
        masks: Sequence[NDArray[np.bool_]],
        normalization: Normalization,
        mix: MixSettings,
        *,
        patch_size: int,
        batch_size: int,
        structure_bias: float,
        augment: bool,
        seed: int,
        device: torch.device,
    ) -> None:
        self.corners = PatchCorners(fields, masks, patch_size, structure_bias)
        self.batch_size = batch_size
        self.patch_size = patch_size
        self.n_pixels = int(sum(m.sum() for m in masks))
        self._normalization = normalization
        self._weights = torch.tensor(mix.channel_weights(len(fields[0])), device=device)
        self._alpha = (mix.alpha_low, mix.alpha_high)
        self._augment = augment
        self._fields = [torch.from_numpy(np.ascontiguousarray(f)).to(device) for f in fields]
        self.rng = np.random.default_rng(seed)

    def draw(self) -> Batch:
        """Draw the next batch."""
        size = self.patch_size
        patches = []
        for field, y, x in self.corners.draw(self.batch_size, self.rng).tolist():
            patches.append(self._turned(self._fields[field][:, y : y + size, x : x + size]))
        channels = torch.stack(patches)  # (B, C, P, P)
        return Batch(self._mixed(channels), channels)

    def _turned(self, patch: Tensor) -> Tensor:
        """Apply one of the eight symmetries of a square, the same to every channel."""
        if not self._augment:
            return patch
        turn = int(self.rng.integers(8))
        if turn >= 4:
            patch = patch.flip(-1)
        return torch.rot90(patch, turn % 4, dims=(-2, -1))

    def _mixed(self, channels: Tensor) -> Tensor:
        """Superpose with alpha drawn per patch and channel, then normalize: (B, 1, P, P)."""
        weights = self._weights.expand(len(channels), -1)  # (B, C)
        if self._alpha[0] != self._alpha[1]:
            alpha = self.rng.uniform(*self._alpha, size=weights.shape).astype(np.float32)
            weights = weights * torch.from_numpy(alpha).to(weights.device)
        mixed = torch.einsum("bc,bcyx->byx", weights, channels)[:, None]
        return (mixed - self._normalization.input_mean) / self._normalization.input_std
