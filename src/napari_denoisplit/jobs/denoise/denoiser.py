"""A Noise2Void network in training: its weights, their average, one step; its predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_denoisplit.errors import TrainingError
from napari_denoisplit.nn.average import WeightAverage
from napari_denoisplit.nn.blind_spot import grid_spots, hide, random_spots
from napari_denoisplit.nn.unet import UNet
from napari_denoisplit.sampling.tiles import tile_grid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_denoisplit.images.training.normalization import Normalization
    from napari_denoisplit.jobs.learning.batches import Batches
    from napari_denoisplit.nn.compute import Compute

N_FILTERS = 16
AVERAGE_DECAY = 0.99
"""About the last hundred steps: a training of three minutes has a thousand."""
LARGEST_GRADIENT = 1.0
"""Norm; a hot pixel in a batch would otherwise undo many steps."""
SKIPS_IN_A_ROW = 10
TILE = 512
"""Edge of a tile without its overlap: 100 MiB of feature maps."""
BLIND_SHARE = 0.2
"""Weight of the blind prediction in what serves as signal of a noise model, see `denoised`."""
MARGIN = 16
"""Pixels by which an image is continued by reflection, so that its border is not the network's."""


def blind_loss(network: torch.nn.Module, images: Tensor, spots: Tensor) -> Tensor:
    """Mean squared error at the blind spots, whose own value the network does not see.

    Its minimum is the mean of a pixel given its surroundings, whatever the distribution of the
    noise, as long as the noise of a pixel has zero mean and is independent of its neighbours'.

    Parameters
    ----------
    network
        Takes and gives (B, 1, Y, X).
    images
        (B, 1, Y, X), normalized.
    spots
        True where blind, (B, 1, Y, X).
    """
    hidden = hide(images, spots).contiguous(memory_format=torch.channels_last)
    error: Tensor = network(hidden).float() - images
    return error[spots].square().mean()


class Denoiser:
    """Everything that a step changes, and how an image is denoised with it.

    Parameters
    ----------
    batches
        Source of patches; one channel.
    normalization
        Of the pixels behind the patches.
    learning_rate
        Of Adam.
    compute
        Device and precision.
    seed
        Seed of the weights and of the blind spots.
    """

    def __init__(
        self,
        batches: Batches,
        normalization: Normalization,
        *,
        learning_rate: float,
        compute: Compute,
        seed: int,
    ) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = UNet(N_FILTERS)
        self.network = network.to(compute.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = WeightAverage(self.network, AVERAGE_DECAY)
        self.batches = batches
        self.step_count = 0
        self._skipped_in_a_row = 0
        self._mean, self._std = normalization.input_mean, normalization.input_std
        self._compute = compute
        self._optimizer = torch.optim.Adam(
            self.network.parameters(), lr=learning_rate, foreach=True
        )
        self._generator = torch.Generator(compute.device).manual_seed(seed)

    def step(self, learning_rate: float) -> float:
        """Draw a batch, follow its gradient, update the average; return the loss.

        Raises
        ------
        TrainingError
            Ten steps in a row were not finite.
        """
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        images = self.batches.draw().superposition
        spots = random_spots(len(images), images.shape[-1], self._generator)
        with self._compute.autocast():
            loss = blind_loss(self.network, images, spots)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        self.step_count += 1
        if torch.isfinite(norm + loss):
            self._skipped_in_a_row = 0
            self._optimizer.step()
            self.average.update(self.network)
        else:
            self._skip(float(loss.detach()), learning_rate)
        return float(loss.detach())

    def _skip(self, loss: float, learning_rate: float) -> None:
        self._skipped_in_a_row += 1
        if self._skipped_in_a_row >= SKIPS_IN_A_ROW:
            raise TrainingError(
                f"{SKIPS_IN_A_ROW} steps of the denoiser in a row were not finite (the last at "
                f"step {self.step_count}, loss {loss:g}, learning rate {learning_rate:g}): lower "
                "the learning rate."
            )

    @torch.no_grad()
    def denoised(
        self, plane: NDArray[np.float32], *, for_noise_model: bool
    ) -> Iterator[NDArray[np.float32] | None]:
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

        Yields
        ------
        None after each tile but the last, then the plane (Y, X).
        """
        height, width = plane.shape
        multiple = self.network.multiple
        below, right = (-(n + 2 * MARGIN) % multiple + MARGIN for n in plane.shape)
        # numpy's reflection, unlike torch's, may be longer than the image
        padded = np.pad(plane, ((MARGIN, below), (MARGIN, right)), mode="reflect")
        reach = self.network.reach
        tiles = tile_grid(padded.shape[0], padded.shape[1], TILE + 2 * reach, reach, multiple)
        result = np.empty_like(padded)
        for number, tile in enumerate(tiles):
            pixels = torch.from_numpy(padded[tile.outer()]).to(self._compute.device)
            normalized = ((pixels - self._mean) / self._std)[None, None]
            predicted = self._predict(normalized)
            if for_noise_model:
                predicted = torch.lerp(predicted, self._blind(normalized), BLIND_SHARE)
            inner = predicted[0, 0][tile.inner_in_outer()] * self._std + self._mean
            result[tile.inner()] = inner.cpu().numpy()
            if number + 1 < len(tiles):
                yield None
        yield result[MARGIN : MARGIN + height, MARGIN : MARGIN + width].copy()

    def _predict(self, images: Tensor) -> Tensor:
        images = images.contiguous(memory_format=torch.channels_last)
        with self._compute.autocast():
            predicted: Tensor = self.average.network(images).float()
        return predicted

    def _blind(self, images: Tensor) -> Tensor:
        """Predict each pixel without its own value."""
        result = torch.empty_like(images)
        for spots in grid_spots(images.shape[-2], images.shape[-1], images.device):
            result = torch.where(spots, self._predict(hide(images, spots)), result)
        return result
