"""Blind spots: pixels whose own value is hidden from a network.

A network that has to predict a pixel from its surroundings cannot predict noise that is
independent from pixel to pixel (Krull et al. 2019, Noise2Void, arXiv:1811.10980).

Letters: B batch, Y, X pixels, D edge of a cell that holds one blind spot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from napari_denoisplit.nn.objective import Objective, Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from napari_denoisplit.nn.objective import Batch
    from napari_denoisplit.nn.sampler import LatentNoise, Prediction

CELL = 4
"""One blind spot in each square of so many pixels: each keeps its neighbours, and 16 passes
predict every pixel of an image blindly."""


def random_spots(n: int, size: int, generator: torch.Generator) -> Tensor:
    """One blind spot at a random place of each cell, (n, 1, size, size), True where blind.

    Parameters
    ----------
    n
        Number of patches.
    size
        Edge of a patch, a multiple of `CELL`.
    generator
        Source of the places; its device is that of the result.
    """
    cells = size // CELL
    place = torch.randint(
        CELL * CELL, (n, cells, cells), generator=generator, device=generator.device
    )
    spots = F.one_hot(place, CELL * CELL).bool().view(n, cells, cells, CELL, CELL)
    return spots.permute(0, 1, 3, 2, 4).reshape(n, 1, size, size)


def grid_spots(height: int, width: int, device: torch.device) -> Iterator[Tensor]:
    """Regular grids of blind spots, (Y, X) each, which together hold every pixel once."""
    for y in range(CELL):
        for x in range(CELL):
            spots = torch.zeros(height, width, dtype=torch.bool, device=device)
            spots[y::CELL, x::CELL] = True
            yield spots


def hide(images: Tensor, spots: Tensor) -> Tensor:
    """Replace blind spots by the mean of those of their eight neighbours that are none.

    The mean, unlike a neighbour drawn at random, leaves no trace of a checkerboard (Höck et al.
    2022, N2V2, arXiv:2211.08512). What is left depends on the value of no blind spot.

    Parameters
    ----------
    images
        (B, 1, Y, X)
    spots
        True where blind, (B, 1, Y, X) or what broadcasts to it.
    """
    seen = (~spots).to(images.dtype).expand_as(images)
    ring = images.new_ones(1, 1, 3, 3)
    ring[..., 1, 1] = 0
    total = F.conv2d(torch.where(spots, 0, images), ring, padding=1)
    count = F.conv2d(seen, ring, padding=1).clamp(min=1)
    return torch.where(spots, total / count, images)


class BlindSpotObjective(Objective):
    """Mean squared error at random blind spots, whose own value the network does not see.

    Its minimum is the mean of a pixel given its surroundings, whatever the distribution of the
    noise, as long as the noise of a pixel has zero mean and is independent of its neighbours'. The
    one channel is its own superposition, and its own target.

    The spots follow from the step alone, so that a resumed training needs no state of them.
    """

    n_levels = 0

    def forward(self, network: Callable[[Tensor], Prediction], batch: Batch, step: int) -> Terms:
        """Error at one spot of each cell."""
        superposition = batch.superposition  # the channel is the same pixels in image units
        generator = torch.Generator(superposition.device).manual_seed(step)
        spots = random_spots(len(superposition), superposition.shape[-1], generator)
        return _error_at(spots, network, superposition)

    def validate(
        self,
        network: Callable[[Tensor], Prediction],
        superposition: Tensor,
        channels: Tensor,
        noise: LatentNoise,
    ) -> tuple[Terms, Tensor]:
        """Error at a regular grid of spots, and what the network makes of the whole."""
        del channels, noise
        height, width = superposition.shape[-2:]
        spots = next(grid_spots(height, width, superposition.device))
        terms = _error_at(spots.expand_as(superposition), network, superposition)
        return terms, network(superposition).signal


def _error_at(spots: Tensor, network: Callable[[Tensor], Prediction], images: Tensor) -> Terms:
    """Mean squared error at the spots (B, 1, Y, X) of normalized images of that shape."""
    error = network(hide(images, spots)).signal - images
    loss = error[spots].square().mean()
    return Terms(loss, loss, loss.new_zeros(0))
