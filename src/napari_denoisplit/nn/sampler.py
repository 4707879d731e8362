"""What sampling needs of a trained network, whatever its family, and the plain network as such.

Letters: B batch, C output channels, Z latent maps, Y, X pixels.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_denoisplit.nn.compute import Compute
    from napari_denoisplit.nn.fast.field_of_view import Window
    from napari_denoisplit.settings import NetworkSettings

    LatentNoise = Callable[[int, tuple[int, ...]], Tensor]
    """Standard normal noise of a level and shape (B, Z, y, x)."""
    PlacedNoise = Callable[[int, tuple[int, ...], tuple[int, int]], Tensor]
    """The same, whose upper left is at row and column (y0, x0) of the level."""


class Prediction(NamedTuple):
    """What a training pass returns, float32, in normalized units."""

    signal: Tensor
    """(B, C, Y, X)"""
    logvar: Tensor | None
    """(B, C, Y, X), or None where the network does not predict it."""
    kl_per_level: list[Tensor]
    """KL(q || p) of each level in nats, summed over Z, Y, X: (B,) each, finest level first."""
    latents_per_level: list[int]
    """Entries Z * y * x of each level, to turn those sums into means."""


class SplittingNetwork(nn.Module):
    """What the network of every family can do: a training pass, and a sample in two parts."""

    settings: NetworkSettings

    def example(self, multiple: int) -> Tensor:
        """Make an input of the smallest size, given what divides images."""
        return torch.zeros(1, 1, multiple, multiple)

    def encode(self, x: Tensor) -> list[Tensor]:
        """Compute what does not depend on the sample.

        Parameters
        ----------
        x
            (B, 1, Y, X) normalized superposition; Y and X are multiples of what the network
            divides.

        Returns
        -------
        list of Tensor
            (B, ..., Y / shrink, X / shrink) for each of the levels in `NetworkFacts`.
        """
        raise NotImplementedError

    def decode(self, features: Sequence[Tensor], noise: LatentNoise) -> Tensor:
        """Draw one sample, (B, C, Y, X) in normalized units, float32.

        Parameters
        ----------
        features
            What `encode` returned.
        noise
            Called as ``noise(level, shape)`` from the coarsest to the finest level.
        """
        raise NotImplementedError

    def from_prior(self, noise: LatentNoise, height: int, width: int) -> Tensor:
        """Draw (1, C, height, width) from the prior alone, in normalized units, float32.

        Only networks with latents can. Height and width are multiples of what the network divides.
        """
        raise NotImplementedError

    def forward(self, x: Tensor, noise: LatentNoise | None = None) -> Prediction:
        """Training pass of any image size, (B, 1, Y, X); noise None draws it."""
        raise NotImplementedError


class Level(NamedTuple):
    """Features that stay between two samples."""

    n_latents: int
    """Latent maps Z that a sample draws there; 0 in a network without."""
    shrink: int
    """Times that the level is smaller than the image."""


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """What of a network decides how it samples; known without its weights."""

    n_channels: int
    multiple: int
    """Image edges that the network takes as they are are multiples of this."""
    reach: int
    """Pixels on each side that a pixel of a sample can depend on."""
    levels: tuple[Level, ...]
    """What `encode` returns, finest first."""
    working_bytes: float
    """Memory that encoding and one sample take at most, per pixel."""
    kept_bytes: float
    """Memory that what `encode` returns takes, per pixel."""
    least_context: int = 0
    """Pixels around a part without which it cannot be sampled."""
    encodes_far: bool = False
    """Whether `encode` looks about as far as all of it, which a bottom-up pass alone does not."""
    unsure_of: str = ""
    """What samples do not know of an answer, in a sentence for users; empty where they know all."""

    def context(self, positions: int) -> int:
        """Pixels that hold so many positions of the coarsest level, of 16 pixels at least.

        No more than the reach, and a multiple of what the network divides.
        """
        pixels = min(self.reach, positions * max(16, self.multiple))
        pixels = max(pixels, self.least_context)
        return -(-pixels // self.multiple) * self.multiple

    @property
    def draws(self) -> bool:
        """Whether samples differ; otherwise one is all there is to know."""
        return any(level.n_latents for level in self.levels)


class Sampler(Protocol):
    """A trained network on a device, for sampling. It serves one thread at a time."""

    facts: NetworkFacts
    device: torch.device

    def encode(self, x: Tensor) -> list[Tensor]:
        """See `SplittingNetwork`."""

    def decode(
        self, prepared: Sequence[Tensor], noise: PlacedNoise, wanted: Window | None = None
    ) -> Tensor:
        """Draw one sample.

        Parameters
        ----------
        prepared
            What `encode` returned, or a part of each.
        noise
            Called as ``noise(level, shape, (y0, x0))`` from the coarsest to the finest level, for
            what begins at that row and column of `prepared`.
        wanted
            Part of the result, pixels; None is all.

        Returns
        -------
        Tensor
            Signal (B, C, Y, X) in normalized units, float32, of the part that is wanted.
        """


class PlainSampler:
    """The network as it was trained; its weights are a copy.

    Parameters
    ----------
    network
        Wherever and in whatever mode it is.
    facts
        Of its family.
    compute
        Device and precision.
    """

    def __init__(self, network: SplittingNetwork, facts: NetworkFacts, compute: Compute) -> None:
        self.facts, self.device = facts, compute.device
        self._compute = compute
        self._network = deepcopy(network).to(compute.device).eval()

    @torch.no_grad()
    def encode(self, x: Tensor) -> list[Tensor]:
        """See `Sampler`."""
        with self._compute.autocast():
            return self._network.encode(x)

    @torch.no_grad()
    def decode(
        self, prepared: Sequence[Tensor], noise: PlacedNoise, wanted: Window | None = None
    ) -> Tensor:
        """See `Sampler`; all of it is drawn, and what is wanted cut out."""
        with self._compute.autocast():
            signal = self._network.decode(prepared, lambda level, size: noise(level, size, (0, 0)))
        return signal if wanted is None else signal[(..., *wanted.slices)]


def multiply_adds(network: SplittingNetwork, facts: NetworkFacts) -> tuple[float, float]:
    """Count the products of all convolutions, per pixel: of `encode`, and of one sample."""
    done = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        """Add the products of one convolution."""
        nonlocal done
        # A transposed convolution multiplies each input by its kernel, others make each output.
        maps = inputs[0] if isinstance(module, nn.ConvTranspose2d) else output
        weight = cast("Tensor", module.weight)
        done += weight[0].numel() * maps.numel()

    hooks = [
        module.register_forward_hook(count)
        for module in network.modules()
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d))
    ]
    try:
        device = next(network.parameters()).device
        x = network.example(facts.multiple).to(device)
        with torch.no_grad():
            features = network.encode(x)
            encoding = done
            network.decode(features, lambda _, shape: torch.zeros(shape, device=device))
    finally:
        for hook in hooks:
            hook.remove()
    return encoding / x[0, 0].numel(), (done - encoding) / x[0, 0].numel()
