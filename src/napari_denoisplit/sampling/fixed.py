"""A network whose samples have fixed noise, so that one image always has one answer.

Letters: B batch, C channels, K samples, Z latent maps, Y, X pixels, y, x latent positions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from napari_denoisplit.images.training.normalization import Normalization
    from napari_denoisplit.nn.sampler import NetworkFacts, SplittingNetwork

PERIOD = 32
"""Latent positions after which the noise repeats."""


class FixedSamples(nn.Module):
    """The mean of K samples with mirrored noise, and the first of them.

    Parameters
    ----------
    network
        As it was trained.
    facts
        Of its family.
    normalization
        Statistics of the model; images go in and out in their own grey levels.
    n_samples
        K, even; what draws no samples has one answer.
    seed
        Of the noise.
    """

    input: Tensor
    """Mean and standard deviation of superpositions."""
    channels: Tensor
    """Means and standard deviations of the structures, (2, C, 1, 1)."""

    def __init__(
        self,
        network: SplittingNetwork,
        facts: NetworkFacts,
        normalization: Normalization,
        n_samples: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.network = network
        self._n_pairs = n_samples // 2 if facts.draws else 0
        generator = torch.Generator().manual_seed(seed)
        for number, level in enumerate(facts.levels):
            shape = (self._n_pairs, level.n_latents, PERIOD, PERIOD)
            self.register_buffer(f"noise_{number}", torch.randn(shape, generator=generator))
        n = normalization
        self.register_buffer("input", torch.tensor([n.input_mean, n.input_std]))
        statistics = torch.tensor([n.channel_means, n.channel_stds])[:, :, None, None]
        self.register_buffer("channels", statistics)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Superpositions (B, 1, Y, X) -> MMSE and a sample, (B, C, Y, X), all in grey levels."""
        features = self.network.encode((image - self.input[0]) / self.input[1])
        if not self._n_pairs:
            signal = self._in_grey_levels(self._decode(features, 0, 1.0))
            return signal, signal
        first = total = self._decode(features, 0, 1.0)
        total = total + self._decode(features, 0, -1.0)
        for pair in range(1, self._n_pairs):
            for sign in (1.0, -1.0):
                total = total + self._decode(features, pair, sign)
        mean = total / (2 * self._n_pairs)
        return self._in_grey_levels(mean), self._in_grey_levels(first)

    def _decode(self, features: list[Tensor], pair: int, sign: float) -> Tensor:
        def noise(level: int, shape: tuple[int, ...]) -> Tensor:
            """Noise (1, Z, y, x), repeated as far as it is needed."""
            field: Tensor = getattr(self, f"noise_{level}")[pair]
            rows, columns = (torch.arange(n, device=field.device) % PERIOD for n in shape[-2:])
            return sign * field[:, rows][:, :, columns][None]

        return self.network.decode(features, noise)

    def _in_grey_levels(self, signal: Tensor) -> Tensor:
        return torch.addcmul(self.channels[0], signal, self.channels[1])
