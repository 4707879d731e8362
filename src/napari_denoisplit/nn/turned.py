"""A sampler that sees the image turned or flipped: one of the eight symmetries of a square.

Features, latent noise and samples keep the places of the image as it lies, so that tiles and blocks
fit together as they do otherwise. A network answers a little differently for each way to turn an
image; the mean over all eight has a smaller error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_denoisplit.nn.fast.field_of_view import Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.nn.sampler import PlacedNoise, Sampler

TURNS = 8
Size = tuple[int, int]


class TurnedSampler:
    """A sampler of the turned image.

    Parameters
    ----------
    sampler
        Of the network.
    turn
        0 to 7; its bits say whether rows and columns change places, and whether then the rows and
        the columns are read backwards.
    """

    def __init__(self, sampler: Sampler, turn: int) -> None:
        self.facts, self.device = sampler.facts, sampler.device
        self._sampler = sampler
        self._swaps = bool(turn & 1)
        self._flips = bool(turn & 2), bool(turn & 4)
        self._dims = [dim for dim, flips in zip((-2, -1), self._flips, strict=True) if flips]

    def encode(self, x: Tensor) -> list[Tensor]:
        """See `Sampler`."""
        return [self._back(part) for part in self._sampler.encode(self._turned(x))]

    def decode(
        self, prepared: Sequence[Tensor], noise: PlacedNoise, wanted: Window | None = None
    ) -> Tensor:
        """See `Sampler`."""
        turned = [self._turned(part) for part in prepared]
        sizes = [(part.shape[-2], part.shape[-1]) for part in turned]

        def placed(level: int, shape: tuple[int, ...], corner: Size) -> Tensor:
            """Return the noise of a turned window, as it lies in the image."""
            (y, x), (height, width) = corner, shape[-2:]
            there = self._flipped(Window((y, y + height), (x, x + width)), sizes[level])
            there = self._swapped(there)
            (top, bottom), (left, right) = there
            as_it_lies = (*shape[:-2], bottom - top, right - left)
            return self._turned(noise(level, as_it_lies, there.corner))

        if wanted is not None:
            shrink = self.facts.levels[0].shrink
            size = sizes[0][0] * shrink, sizes[0][1] * shrink
            wanted = self._flipped(self._swapped(wanted), size)
        return self._back(self._sampler.decode(turned, placed, wanted))

    def _turned(self, x: Tensor) -> Tensor:
        x = x.transpose(-1, -2) if self._swaps else x
        return _laid_out(x.flip(self._dims))

    def _back(self, x: Tensor) -> Tensor:
        x = x.flip(self._dims)
        return _laid_out(x.transpose(-1, -2) if self._swaps else x)

    def _swapped(self, window: Window) -> Window:
        return Window(window.x, window.y) if self._swaps else window

    def _flipped(self, window: Window, size: Size) -> Window:
        """Return the window after the flips, of a turned plane of this size."""
        y, x = (
            (n - span[1], n - span[0]) if flips else span
            for span, n, flips in zip(window, size, self._flips, strict=True)
        )
        return Window(y, x)


def _laid_out(x: Tensor) -> Tensor:
    """Return maps channels-last, as samplers read them."""
    return x.contiguous(memory_format=torch.channels_last)
