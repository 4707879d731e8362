"""What a network is trained for: the loss of a batch, in parts.

Letters: B batch, C channels, L levels of latents, Y, X pixels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_denoisplit.nn.sampler import LatentNoise


class Batch(NamedTuple):
    """Input and targets of one step."""

    superposition: Tensor
    """(B, 1, P, P), normalized; with a margin that much more on each side."""
    channels: Tensor
    """(B, C, P, P), image units: what each noisy channel contributes, as bright as it was mixed."""
    factors: Tensor | None = None
    """(B, C, 1, 1): how bright, beside the middle of the mixing range, and so how much brighter
    than noise models know the noise; None: all of them are 1."""

    def parts(self, n: int) -> Iterator[Batch]:
        """Cut it into at most n parts."""
        factors = repeat(None) if self.factors is None else self.factors.chunk(n)
        for part in zip(self.superposition.chunk(n), self.channels.chunk(n), factors, strict=False):
            yield Batch(*part)


class Terms(NamedTuple):
    """Parts of the loss of one batch, scalars that carry gradients."""

    loss: Tensor
    """What is minimized."""
    reconstruction: Tensor
    """How far the prediction is from its target."""
    kl_per_level: Tensor
    """(L,) what each level of latents adds before its weight, finest first; (0,) without any."""


class Objective(nn.Module, ABC):
    """Loss of a family of networks; a module, since noise models move to the device with it."""

    n_levels: int
    """Levels whose KL is reported, L; 0 for a network without latents."""

    @abstractmethod
    def forward(self, network: Callable[..., Any], batch: Batch, step: int) -> Terms:
        """Loss of one training batch.

        Parameters
        ----------
        network
            Takes what is normalized, (B, 1, Y, X), in the precision of the training.
        batch
            Superpositions and their channels.
        step
            Steps so far.
        """

    @abstractmethod
    def validate(
        self,
        network: Callable[..., Any],
        superposition: Tensor,
        channels: Tensor,
        noise: LatentNoise,
    ) -> tuple[Terms, Tensor]:
        """Loss of held-out pixels as it is at the end of the training, and the predicted signal.

        Parameters
        ----------
        network
            As in training.
        superposition, channels
            (B, 1, Y, X), normalized, and (B, C, Y, X), image units.
        noise
            Latent noise, so that epochs compare.

        Returns
        -------
        The terms, and the signal (B, C, Y, X) in normalized units.
        """
