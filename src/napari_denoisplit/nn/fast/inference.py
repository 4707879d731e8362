"""The trained ladder rewritten for sampling: the same numbers in a fraction of the time.

What does not depend on the sample is computed once, when an image is encoded; the blocks are
those of `folded_blocks`.

Letters: B batch, C output channels, H feature maps, Z latent maps, Y, X pixels. Within this module
maps are (B, Y, X, channels), contiguous; at its borders they are (B, channels, Y, X).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F

from napari_denoisplit.nn.context import halved
from napari_denoisplit.nn.fast.convolution import some_rows
from napari_denoisplit.nn.fast.field_of_view import Window, needed_windows
from napari_denoisplit.nn.fast.folded_blocks import (
    FoldedBlock,
    FoldedDown,
    FoldedMerge,
    FoldedOutput,
    FoldedStem,
    FoldedUp,
    Folding,
    weights,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from napari_denoisplit.nn.blocks import Downsample, Merge, ResidualBlock
    from napari_denoisplit.nn.compute import Compute
    from napari_denoisplit.nn.ladder import VSE, TopDown
    from napari_denoisplit.nn.sampler import LatentNoise, NetworkFacts, PlacedNoise


class FoldedVSE:
    """A trained VSE for sampling; its weights are a copy.

    Its buffers serve one call at a time: two threads need one each.

    Parameters
    ----------
    network
        On the device.
    facts
        Of the ladder.
    compute
        Device and precision.
    """

    @torch.no_grad()
    def __init__(self, network: VSE, facts: NetworkFacts, compute: Compute) -> None:
        self.facts, self.device, self._settings = facts, compute.device, network.settings
        folding = Folding(compute)
        self._dtype, self._elementwise = folding.dtype, folding.elementwise
        self._stem = FoldedStem(network.stem, folding)
        self._downs = [FoldedDown(cast("Downsample", d), folding) for d in network.bottom_up]
        context = network.context
        stems, merges = ((), ()) if context is None else (context.stems, context.merges)
        self._context = [
            (
                FoldedStem(cast("nn.Sequential", stem), folding),
                _ContextMerge(cast("Merge", merge), folding),
            )
            for stem, merge in zip(stems, merges, strict=True)
        ]
        kind = network.settings.upsampling
        self._levels = [_Level(cast("TopDown", t), kind, folding) for t in network.top_down]
        self._final = [
            FoldedBlock(cast("ResidualBlock", b), folding)
            for b in (network.final, *network.more_final)
        ]
        self._output = FoldedOutput(network.output, network.settings.n_channels, folding)

    @torch.no_grad()
    def encode(self, x: Tensor) -> list[Tensor]:
        """Bottom-up pass, and what of the top-down pass does not depend on the sample.

        Parameters
        ----------
        x
            (B, 1, Y, X) normalized superposition; Y and X are multiples of `multiple`.

        Returns
        -------
        list of Tensor
            (B, H, at the top 2Z, Y/2^(l+1), X/2^(l+1)) for each level l, to be given to `decode`.
        """
        h, prepared = self._stem(x), []
        for i, (down, level) in enumerate(zip(self._downs, self._levels, strict=True)):
            h = down(h)
            if i < len(self._context):
                x = halved(x)
                stem, merge = self._context[i]
                h = merge(h, stem(x))
            prepared.append(level.prepare(h).permute(0, 3, 1, 2))
        return prepared

    @torch.no_grad()
    def decode(
        self, prepared: Sequence[Tensor], noise: PlacedNoise, wanted: Window | None = None
    ) -> Tensor:
        """Top-down pass of one posterior sample.

        Parameters
        ----------
        prepared
            What `encode` returned, or a part of each.
        noise
            Called as ``noise(level, shape, (y0, x0))`` from the coarsest to the finest level, for
            what begins at that row and column of `prepared`.
        wanted
            Part of the result, pixels; None is all. What it does not depend on is not computed.

        Returns
        -------
        Tensor
            Signal (B, C, Y, X) in normalized units, float32, of the part that is wanted.
        """
        shapes = [(height, width) for height, width in (p.shape[-2:] for p in prepared)]
        shapes.insert(0, (2 * shapes[0][0], 2 * shapes[0][1]))
        wanted = wanted or Window.of_all(shapes[0])
        n_blocks, n_final = self._settings.blocks_per_level, len(self._final)
        windows = needed_windows(wanted, shapes, n_blocks, n_final)
        above = None
        for level in range(len(prepared) - 1, -1, -1):
            here, below = windows[level + 1], windows[level]
            maps = prepared[level][(..., *here.slices)].permute(0, 2, 3, 1)
            y, x = here.corner
            placed = _at(noise, here.corner)
            above = self._levels[level].descend(maps, above, placed, below.within(2 * y, 2 * x))
        h = cast("Tensor", above)
        for block in self._final:
            h = block(h)
        signal = self._output(h)
        return signal[(..., *wanted.within(*windows[0].corner).slices)]


class _ContextMerge(FoldedMerge):
    """The merge of what surrounds a place into its level, both known to the bottom-up pass."""

    def __init__(self, merge: Merge, folding: Folding) -> None:
        super().__init__(merge, folding)
        self._first = self.first[:, :, None, None].to(folding.dtype)
        self._first_bias = self.bias.to(folding.dtype)

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Merge two (B, Y, X, H)."""
        maps = F.conv2d(first.permute(0, 3, 1, 2), self._first, self._first_bias)
        return super().__call__(maps.permute(0, 2, 3, 1), second)


def _at(noise: PlacedNoise, corner: tuple[int, int]) -> LatentNoise:
    return lambda level, shape: noise(level, shape, corner)


class _Level:
    """One level of the top-down pass, without its prior."""

    def __init__(self, level: TopDown, kind: str, folding: Folding) -> None:
        self._elementwise = folding.elementwise
        self._level, self._is_top, self._is_off = level.level, level.is_top, level.is_off
        self._takes_mean = level.takes_mean
        self._variance = level.variance
        weight, bias = weights(level.posterior)
        self._n_latents = len(bias) // 2
        units = torch.ones_like(bias)
        units[self._n_latents :] = folding.unit  # the log-variance
        self._posterior = folding.conv3x3(
            weight * (units[:, None, None, None] * level.scale), bias * units
        )
        weight, bias = weights(level.latents)
        if not self._is_top:
            self._merge, self._skip = (
                FoldedMerge(level.merge, folding),
                FoldedMerge(level.skip, folding),
            )
            # The skip's 1x1 convolution of the latents' 3x3 convolution is one 3x3 convolution.
            weight = torch.einsum("oh,hzyx->ozyx", self._skip.first, weight)
            bias = self._skip.first @ bias + self._skip.bias
            self._first = self._merge.first[:, :, None, None].to(folding.dtype)
            self._first_bias = self._merge.bias.to(folding.dtype)
        self._latents = folding.conv3x3(weight, bias)
        self._up = FoldedUp(level.up, kind, folding)

    def prepare(self, bottom_up: Tensor) -> Tensor:
        """Compute what this level needs of the bottom-up features (B, Y, X, H) for any sample.

        That is their part of the merge, (B, Y, X, H), and at the top the features of q,
        (B, Y, X, 2Z).
        """
        if self._is_top:
            return self._posterior(bottom_up)
        maps = bottom_up.permute(0, 3, 1, 2)
        return F.conv2d(maps, self._first, self._first_bias).permute(0, 2, 3, 1)

    def descend(
        self, prepared: Tensor, above: Tensor | None, noise: LatentNoise, below: Window
    ) -> Tensor:
        """Features for the level below, the part `below` of (B, 2Y, 2X, H), of one sample."""
        if above is None:
            q = prepared
        else:
            q = self._posterior(above if self._is_off else self._merge(prepared, above))
        if self._takes_mean:
            z = q[..., : self._n_latents].contiguous()
        else:
            batch, height, width, _ = q.shape
            eps = noise(self._level, (batch, self._n_latents, height, width))
            z = self._sample(q, eps.permute(0, 2, 3, 1))
        h = self._latents(z)
        return self._up(h if above is None else self._skip(h, above), below)

    def _sample(self, q: Tensor, noise: Tensor) -> Tensor:
        """Mean + std * noise, (B, Y, X, Z)."""
        z = q.new_empty(noise.shape)
        for features, eps, out in zip(q.expand(len(z), -1, -1, -1), noise, z, strict=True):
            for rows in some_rows(out):
                self._elementwise.latents(features[rows], eps[rows], out[rows], self._variance)
        return z
