"""Latent noise as a field over the whole image, one for each level and sample.

The value at a place depends on (seed, plane, sample, level, position) alone, never on the order of
computation: tiles that overlap read the same noise, so a sample is one coherent image however it
is cut, and any sample can be computed again by its number.
"""

from __future__ import annotations

import numpy as np
import torch

__all__ = ["NoiseField"]

BLOCK = 64
"""Edge of the blocks that are drawn at once, latent positions."""


class NoiseField:
    """Standard normal noise of one posterior sample.

    Parameters
    ----------
    seed, plane, sample
        Numbers that name the field.
    n_latents
        Latent maps Z.
    device
        Fields are reproducible on one kind of device; a GPU draws other numbers than a CPU.
    """

    def __init__(
        self, seed: int, plane: int, sample: int, n_latents: int, device: torch.device
    ) -> None:
        self._name = (seed, plane, sample)
        self._n_latents = n_latents
        self._device = device

    def window(self, level: int, y0: int, x0: int, height: int, width: int) -> torch.Tensor:
        """Cut (1, Z, height, width) whose upper left is at latent position (y0, x0) of a level."""
        out = torch.empty((1, self._n_latents, height, width), device=self._device)
        for by in range(y0 // BLOCK, -(-(y0 + height) // BLOCK)):
            for bx in range(x0 // BLOCK, -(-(x0 + width) // BLOCK)):
                top, left = by * BLOCK - y0, bx * BLOCK - x0
                ys = slice(max(top, 0), min(top + BLOCK, height))
                xs = slice(max(left, 0), min(left + BLOCK, width))
                block = self._block(level, by, bx)
                out[0, :, ys, xs] = block[
                    :, ys.start - top : ys.stop - top, xs.start - left : xs.stop - left
                ]
        return out

    def _block(self, level: int, by: int, bx: int) -> torch.Tensor:
        """Draw (Z, BLOCK, BLOCK) of one level."""
        # SeedSequence mixes the numbers, so that neighbouring names give unrelated streams.
        mixed = np.random.SeedSequence([*self._name, level, by, bx]).generate_state(1, np.uint64)
        generator = torch.Generator(self._device).manual_seed(int(mixed[0]) >> 1)
        shape = (self._n_latents, BLOCK, BLOCK)
        return torch.randn(shape, generator=generator, device=self._device)
