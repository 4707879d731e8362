"""Latent noise as a field over the whole image, one for each level and sample.

The value at a place depends on (seed, plane, sample, level, position) alone, never on the order of
computation: tiles that overlap read the same noise, so a sample is one coherent image however it
is cut, and any sample can be computed again by its number.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCK = 32
"""Edge of the blocks that are drawn at once, latent positions: smaller ones cost more calls, and of
larger ones a small image uses little."""
BLOCK_GPU = 128
"""The same of a GPU, where a call costs as much as a million numbers."""


class NoiseField:
    """Standard normal noise of one posterior sample.

    Parameters
    ----------
    seed, plane, sample
        Numbers that name the field.
    n_latents
        Latent maps Z of each level.
    device
        Fields are reproducible on one kind of device; a GPU draws other numbers than a CPU.
    antithetic
        Whether an odd sample has minus the noise of the even one before it.
    """

    def __init__(
        self,
        seed: int,
        plane: int,
        sample: int,
        n_latents: Sequence[int],
        device: torch.device,
        *,
        antithetic: bool = False,
    ) -> None:
        self._mirrored = antithetic and sample % 2 == 1
        self._name = (seed, plane, sample - self._mirrored)
        self._n_latents = n_latents
        self._device = device
        self._edge = BLOCK if device.type == "cpu" else BLOCK_GPU

    def window(self, level: int, y0: int, x0: int, height: int, width: int) -> torch.Tensor:
        """Cut (1, Z, height, width) whose upper left is at latent position (y0, x0) of a level.

        It lies channels-last, as the network reads it.
        """
        out = torch.empty((height, width, self._n_latents[level]), device=self._device)
        edge = self._edge
        places = [
            (by, bx)
            for by in range(y0 // edge, -(-(y0 + height) // edge))
            for bx in range(x0 // edge, -(-(x0 + width) // edge))
        ]

        def fill(place: tuple[int, int]) -> None:
            """Draw a block, and put what is wanted of it in its place."""
            by, bx = place
            ys, xs = _Span.of(by * edge - y0, edge, height), _Span.of(bx * edge - x0, edge, width)
            self._put(self._block(level, by, bx)[ys.source, xs.source], out[ys.target, xs.target])

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
        """Draw one block (Y, X, Z) of a level."""
        # SeedSequence mixes the numbers, so that neighbouring names give unrelated streams.
        mixed = np.random.SeedSequence([*self._name, level, by, bx]).generate_state(1, np.uint64)
        generator = torch.Generator(self._device).manual_seed(int(mixed[0]) >> 1)
        shape = (self._edge, self._edge, self._n_latents[level])
        return torch.randn(shape, generator=generator, device=self._device)

    def _put(self, source: torch.Tensor, target: torch.Tensor) -> None:
        """Copy, with the sign of this sample."""
        if source.device.type == "cpu":
            # numpy copies on this thread alone; torch would start a team of threads in each.
            (np.negative if self._mirrored else np.positive)(source.numpy(), out=target.numpy())
        elif self._mirrored:
            torch.neg(source, out=target)
        else:
            target.copy_(source)


class _Span(NamedTuple):
    """What of a block, and where to, along one axis."""

    source: slice
    target: slice

    @classmethod
    def of(cls, offset: int, edge: int, size: int) -> _Span:
        """Overlap of a block that begins at `offset` with a window of some size."""
        first, last = max(offset, 0), min(offset + edge, size)
        return cls(slice(first - offset, last - offset), slice(first, last))
