"""Latent noise as a field over the whole image, one for each level and sample.

The value at a place depends on (seed, plane, sample, level, position) alone, never on the order of
computation: tiles that overlap read the same noise, so a sample is one coherent image however it
is cut, and any sample can be computed again by its number.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

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
        """Cut (1, Z, height, width) whose upper left is at latent position (y0, x0) of a level.

        It lies channels-last, as the network reads it.
        """
        out = torch.empty((height, width, self._n_latents), device=self._device)
        places = [
            (by, bx)
            for by in range(y0 // BLOCK, -(-(y0 + height) // BLOCK))
            for bx in range(x0 // BLOCK, -(-(x0 + width) // BLOCK))
        ]

        def fill(place: tuple[int, int]) -> None:
            by, bx = place
            ys, xs = _Span.of(by, y0, height), _Span.of(bx, x0, width)
            _copy(self._block(level, by, bx)[ys.source, xs.source], out[ys.target, xs.target])

        # Drawing is serial within a block, and the blocks are independent.
        n_threads = torch.get_num_threads() if self._device.type == "cpu" else 1
        if n_threads == 1 or len(places) == 1:
            for place in places:
                fill(place)
        else:
            with ThreadPoolExecutor(n_threads) as pool:
                list(pool.map(fill, places))
        return out.permute(2, 0, 1)[None]

    def _block(self, level: int, by: int, bx: int) -> torch.Tensor:
        """Draw (BLOCK, BLOCK, Z) of one level."""
        # SeedSequence mixes the numbers, so that neighbouring names give unrelated streams.
        mixed = np.random.SeedSequence([*self._name, level, by, bx]).generate_state(1, np.uint64)
        generator = torch.Generator(self._device).manual_seed(int(mixed[0]) >> 1)
        shape = (BLOCK, BLOCK, self._n_latents)
        return torch.randn(shape, generator=generator, device=self._device)


class _Span(NamedTuple):
    """What of a block, and where to, along one axis."""

    source: slice
    target: slice

    @classmethod
    def of(cls, block: int, start: int, size: int) -> _Span:
        """Overlap of a block with a window."""
        offset = block * BLOCK - start
        first, last = max(offset, 0), min(offset + BLOCK, size)
        return cls(slice(first - offset, last - offset), slice(first, last))


def _copy(source: torch.Tensor, target: torch.Tensor) -> None:
    if source.device.type == "cpu":
        # numpy copies on this thread alone; torch would start a team of threads in each.
        target.numpy()[...] = source.numpy()
    else:
        target.copy_(source)
