"""The variational splitting encoder-decoder (VSE): a ladder VAE whose output is not its input.

Letters: B batch, C output channels, H feature maps, Z latent maps, Y, X pixels of the image.
Level l lives at Y/2^(l+1), X/2^(l+1), the finest is 0.

Source: denoiSplit (Ashesh & Jug 2024, arXiv:2403.11854), sections 4.1-4.2; the ladder is that of
muSplit (Ashesh et al. 2023) and Hierarchical DivNoising (Prakash et al. 2022).
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_denoisplit.nn.blocks import Downsample, Merge, ResidualBlock, Upsample
from napari_denoisplit.nn.gaussian import Gaussian, gaussian_kl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_denoisplit.settings import NetworkSettings

    LatentNoise = Callable[[int, tuple[int, ...]], Tensor]
    """Standard normal noise of a level and shape (B, Z, y, x)."""


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


class TopDown(nn.Module):
    """One level of the top-down pass: posterior, prior, latents, and the way up to the next."""

    def __init__(self, settings: NetworkSettings, level: int) -> None:
        super().__init__()
        n, z, dropout = settings.n_filters, settings.n_latents, settings.dropout
        self.level = level
        self.is_top = level == settings.n_levels - 1
        # More than four levels: features of level l are divided by sqrt(2 (l + 1)) before q, as
        # the muSplit paper states (its code multiplies).
        self.scale = 1 / sqrt(2 * (level + 1)) if settings.n_levels > 4 else 1.0
        if self.is_top:
            size = settings.top_prior_size or 1
            self.top_prior = nn.Parameter(torch.zeros(1, 2 * z, size, size))
        else:
            self.merge = Merge(n, dropout)
            self.prior = nn.Conv2d(n, 2 * z, 3, padding=1)
            self.skip = Merge(n, dropout)
        self.posterior = nn.Conv2d(n, 2 * z, 3, padding=1)
        self.latents = nn.Conv2d(z, n, 3, padding=1)
        self.up = Upsample(n, settings.blocks_per_level, dropout, settings.upsampling)

    def q(self, bottom_up: Tensor, above: Tensor | None) -> Gaussian:
        """Return q(z_l | x, z above); bottom_up (B, H, y, x), above the same or None at the top."""
        h = bottom_up if above is None else self.merge(bottom_up, above)
        if self.scale != 1:
            h = h * self.scale
        return Gaussian.from_features(self.posterior(h))

    def p(self, above: Tensor | None) -> Gaussian:
        """Return p(z_l | z above); at the top the learned prior, (1, Z, 1, 1) if constant."""
        return Gaussian.from_features(self.top_prior if above is None else self.prior(above))

    def ascend(self, z: Tensor, above: Tensor | None) -> Tensor:
        """Latents (B, Z, y, x) -> features for the level below, (B, H, 2y, 2x)."""
        h = self.latents(z)
        if above is not None:
            h = self.skip(h, above)
        return self.up(h)  # type: ignore[no-any-return]


class VSE(nn.Module):
    """Variational splitting encoder-decoder.

    Parameters
    ----------
    settings
        Shape of the network.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        n, dropout = settings.n_filters, settings.dropout
        self.settings = settings
        self.stem = nn.Sequential(
            nn.Conv2d(1, n, 3, padding=1), nn.ELU(), ResidualBlock(n, dropout, gated=False)
        )
        levels = range(settings.n_levels)
        self.bottom_up = nn.ModuleList(
            Downsample(n, settings.blocks_per_level, dropout) for _ in levels
        )
        self.top_down = nn.ModuleList(TopDown(settings, level) for level in levels)
        self.final = ResidualBlock(n, dropout)
        outputs = settings.n_channels * (2 if settings.predict_logvar else 1)
        self.output = nn.Conv2d(n, outputs, 3, padding=1)

    @property
    def multiple(self) -> int:
        """Image edges that the ladder takes as they are are multiples of this."""
        return int(2**self.settings.n_levels)

    def encode(self, x: Tensor) -> list[Tensor]:
        """Bottom-up pass: the normalized superposition to features, finest level first.

        Parameters
        ----------
        x
            (B, 1, Y, X); Y and X are multiples of `multiple`.

        Returns
        -------
        list of Tensor
            (B, H, Y/2^(l+1), X/2^(l+1)) for each level l.
        """
        h = self.stem(x)
        features = []
        for down in self.bottom_up:
            h = down(h)
            features.append(h)
        return features

    def decode(self, bottom_up: Sequence[Tensor], noise: LatentNoise) -> Tensor:
        """Top-down pass of one posterior sample; no prior is computed.

        Parameters
        ----------
        bottom_up
            What `encode` returned.
        noise
            Called as ``noise(level, shape)`` from the coarsest to the finest level.

        Returns
        -------
        Tensor
            Signal (B, C, Y, X) in normalized units, float32.
        """
        above = None
        for level in self._levels_from_top():
            q = level.q(bottom_up[level.level], above)
            z = q.sample(noise(level.level, tuple(q.mean.shape)))
            above = level.ascend(z.to(bottom_up[0].dtype), above)
        return self._head(above)[:, : self.settings.n_channels].float()

    def forward(self, x: Tensor, noise: LatentNoise | None = None) -> Prediction:
        """Training pass: one posterior sample of any image size, with the KL of each level.

        Parameters
        ----------
        x
            (B, 1, Y, X) normalized superposition; sizes that the ladder does not divide are
            padded by replication and cropped again.
        noise
            As in `decode`; None draws from torch's random state.

        Raises
        ------
        ValueError
            The top prior is bound to positions of another image size.
        """
        height, width = x.shape[-2:]
        x = F.pad(x, (0, -width % self.multiple, 0, -height % self.multiple), mode="replicate")
        bottom_up = self.encode(x)
        self._check_top(bottom_up[-1])
        above, kl_levels, sizes = None, [], []
        for level in self._levels_from_top():
            q, p = level.q(bottom_up[level.level], above), level.p(above)
            kl_levels.append(gaussian_kl(q, p).sum(dim=(1, 2, 3)))  # (B,)
            sizes.append(q.mean[0].numel())
            shape = tuple(q.mean.shape)
            z = q.sample(torch.randn_like(q.mean) if noise is None else noise(level.level, shape))
            above = level.ascend(z, above)
        out = self._head(above)[..., :height, :width].float()
        signal, logvar = out.chunk(2, dim=1) if self.settings.predict_logvar else (out, None)
        return Prediction(signal, logvar, kl_levels[::-1], sizes[::-1])

    def sample_prior(self, noise: LatentNoise, height: int, width: int) -> Tensor:
        """Generate (B, C, height, width) from the prior alone; B follows the noise.

        `height` and `width` are multiples of `multiple`.
        """
        above = None
        n_latents = self.settings.n_latents
        for level in self._levels_from_top():
            shrink = 2 ** (level.level + 1)
            p = level.p(above)
            eps = noise(level.level, (1, n_latents, height // shrink, width // shrink))
            above = level.ascend(p.sample(eps), above)
        return self._head(above)[:, : self.settings.n_channels].float()

    def _check_top(self, features: Tensor) -> None:
        edge = self.settings.top_prior_size
        if edge is not None and features.shape[-2:] != (edge, edge):
            size = edge * self.multiple
            raise ValueError(
                f"The top prior of this network is bound to patches of {size}x{size} pixels: train "
                "it on those, or use a network with top_prior_size None."
            )

    def _levels_from_top(self) -> list[TopDown]:
        return list(self.top_down)[::-1]  # type: ignore[return-value]

    def _head(self, features: Tensor | None) -> Tensor:
        return self.output(self.final(features))  # type: ignore[no-any-return]
