"""A Noise2Void network that denoises planes, tile by tile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_denoisplit.nn.blind_spot import grid_spots, hide
from napari_denoisplit.nn.families import facts_of
from napari_denoisplit.sampling.border import round_up
from napari_denoisplit.sampling.tiles import tile_grid

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.nn.compute import Compute

TILE = 512
"""Edge of a tile without its overlap and margin: 100 MiB of feature maps."""
BLIND_SHARE = 0.2
"""Weight of the blind prediction in what serves as signal of a noise model, see `denoised`."""
MARGIN = 16
"""Pixels by which an image is continued by reflection, so that its border is not the network's."""


class Denoiser:
    """A trained network at work.

    Parameters
    ----------
    model
        Of the kind 'denoiser'.
    compute
        Device and precision.
    """

    def __init__(self, model: Model, compute: Compute) -> None:
        self._network = model.network.to(compute.device).eval()
        self._facts = facts_of(model.header.network, compute.dtype)
        normalization = model.header.normalization
        self._mean, self._std = normalization.input_mean, normalization.input_std
        self._compute = compute

    @torch.no_grad()
    def denoised(self, plane: NDArray[np.float32], *, for_noise_model: bool) -> NDArray[np.float32]:
        """Denoise one plane tile by tile.

        What the network makes of a whole image is nearest to the truth. It holds a little of each
        pixel's own noise, so that less than the noise is left over: bright pixels appear to have
        up to 15 % too little variance. Predicted blindly, a pixel holds none of it, but the error
        of the prediction is added to the noise, which appears up to 28 % too strong. A mean of the
        two lies between (see docs/denoise.md for the figures).

        Parameters
        ----------
        plane
            (Y, X), image units.
        for_noise_model
            Whether to return that mean, which takes 17 passes in place of one.

        Returns
        -------
        The plane (Y, X).
        """
        height, width = plane.shape
        multiple = self._facts.multiple
        below, right = (-(n + 2 * MARGIN) % multiple + MARGIN for n in plane.shape)
        # numpy's reflection, unlike torch's, may be longer than the image
        padded = np.pad(plane, ((MARGIN, below), (MARGIN, right)), mode="reflect")
        reach = round_up(self._facts.reach, multiple)
        tiles = tile_grid(
            padded.shape[0], padded.shape[1], TILE + 2 * (MARGIN + reach), reach, multiple
        )
        result = np.empty_like(padded)
        for tile in tiles:
            pixels = torch.from_numpy(padded[tile.outer()]).to(self._compute.device)
            normalized = ((pixels - self._mean) / self._std)[None, None]
            predicted = self._predict(normalized)
            if for_noise_model:
                predicted = torch.lerp(predicted, self._blind(normalized), BLIND_SHARE)
            inner = predicted[0, 0][tile.inner_in_outer()] * self._std + self._mean
            result[tile.inner()] = inner.cpu().numpy()
        return result[MARGIN : MARGIN + height, MARGIN : MARGIN + width].copy()

    def _predict(self, images: Tensor) -> Tensor:
        with self._compute.autocast():
            predicted: Tensor = self._network(images).signal
        return predicted

    def _blind(self, images: Tensor) -> Tensor:
        """Predict each pixel without its own value."""
        result = torch.empty_like(images)
        for spots in grid_spots(images.shape[-2], images.shape[-1], images.device):
            result = torch.where(spots, self._predict(hide(images, spots)), result)
        return result
