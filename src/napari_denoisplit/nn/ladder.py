"""The variational splitting encoder-decoder (VSE): a ladder VAE whose output is not its input.

Letters: B batch, C output channels, H feature maps, Z latent maps, Y, X pixels of the image.
Level l lives at Y/2^(l+1), X/2^(l+1), the finest is 0.

Source: denoiSplit (Ashesh & Jug 2024, arXiv:2403.11854), sections 4.1-4.2; the ladder is that of
muSplit (Ashesh et al. 2023) and Hierarchical DivNoising (Prakash et al. 2022).
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from napari_denoisplit.nn.blocks import Downsample, Merge, ResidualBlock, Upsample
from napari_denoisplit.nn.brightness import BrightnessBiases, add_biases, with_bias
from napari_denoisplit.nn.context import Context, centre, divided, inner, stem_of
from napari_denoisplit.nn.gaussian import Gaussian, gaussian_kl
from napari_denoisplit.nn.sampler import Prediction, SplittingNetwork

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.nn.sampler import LatentNoise
    from napari_denoisplit.settings import LadderSettings


class TopDown(nn.Module):
    """One level of the top-down pass: posterior, prior, latents, and the way up to the next."""

    def __init__(self, settings: LadderSettings, level: int) -> None:
        super().__init__()
        n, z, dropout = settings.n_filters, settings.latents_per_level[level], settings.dropout
        self.level = level
        self.is_top = level == settings.n_levels - 1
        self.is_off = level in settings.levels_off
        """Whether q sees nothing of the image, only what lies above."""
        self.takes_mean = self.is_off or settings.autoencoder
        """Whether samples have the mean of q there; of a level that is off as published."""
        self.variance = settings.variance
        self.scale = 1.0
        """What the features are multiplied by before q."""
        if settings.n_levels > 4 and settings.level_factor != "none":
            factor = sqrt(2 * (level + 1))
            self.scale = factor if settings.level_factor == "times" else 1 / factor
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
        """Return q(z_l | x, z above); above (B, H, y, x) or None at the top, bottom_up one or B."""
        if above is None:
            h = bottom_up
        else:
            h = above if self.is_off else self.merge(bottom_up.expand_as(above), above)
        if self.scale != 1:
            h = h * self.scale
        return Gaussian.from_features(self.posterior(h), self.variance)

    def p(self, above: Tensor | None, shape: tuple[int, int]) -> Gaussian:
        """Return p(z_l | z above) at so many rows and columns.

        At the top that is the learned prior: (1, Z, 1, 1) if constant, else repeated over what is
        larger than the patches it was trained on, and cut where that is smaller, as HDN does.
        """
        if above is not None:
            return Gaussian.from_features(self.prior(above), self.variance)
        prior: Tensor = self.top_prior
        edge = prior.shape[-1]
        if edge > 1:
            rows, columns = (-(-n // edge) for n in shape)
            prior = prior.repeat(1, 1, rows, columns)[..., : shape[0], : shape[1]]
        return Gaussian.from_features(prior, self.variance)

    def ascend(
        self,
        z: Tensor,
        above: Tensor | None,
        edge: int | None = None,
        bias: Tensor | None = None,
    ) -> Tensor:
        """Latents (B, Z, y, x) -> features for the level below, (B, H, 2y, 2x).

        With an edge, of that much of the middle; with a bias for the way up.
        """
        h = self.latents(z)
        if above is not None:
            h = self.skip(h, above)
        return with_bias(self.up, h if edge is None else centre(h, edge), bias)


class VSE(SplittingNetwork):
    """Variational splitting encoder-decoder.

    Parameters
    ----------
    settings
        Shape of the network.
    """

    def __init__(self, settings: LadderSettings) -> None:
        super().__init__()
        n, dropout, kernel = settings.n_filters, settings.dropout, settings.stem_kernel
        self.settings: LadderSettings = settings
        self.stem = nn.Sequential(
            nn.Conv2d(1, n, kernel, padding=kernel // 2),
            nn.ELU(),
            ResidualBlock(n, dropout, gated=False),
        )
        self._edge: int | None = None  # how much of a level's middle goes on; None: all
        self.context = None
        if settings.context is not None:
            scales = range(settings.context.scales - 1)
            self.context = Context(
                [stem_of(n, dropout) for _ in scales],
                settings.stem_reach,
                [Merge(n, dropout) for _ in scales],
            )
        levels = range(settings.n_levels)
        self.bottom_up = nn.ModuleList(
            Downsample(n, settings.blocks_per_level, dropout) for _ in levels
        )
        self.top_down = nn.ModuleList(TopDown(settings, level) for level in levels)
        self.final = ResidualBlock(n, dropout)
        self.more_final = nn.Sequential(
            *(ResidualBlock(n, dropout) for _ in range(settings.blocks_in_head - 1))
        )
        outputs = settings.n_channels * (2 if settings.predict_logvar else 1)
        self.output = nn.Conv2d(n, outputs, 3, padding=1)
        self.brightness = None
        if settings.told_brightness:
            self.brightness = BrightnessBiases(
                settings.n_channels, n, len(self._parts_with_biases())
            )

    @property
    def multiple(self) -> int:
        """Image edges that the ladder takes as they are are multiples of this."""
        return int(2**self.settings.n_levels)

    def told(self, factors: Sequence[float]) -> VSE:
        """Return the network that knows how bright structures are in an image; weights are a copy.

        Parameters
        ----------
        factors
            How bright each structure is, beside the middle of the mixing range.

        Raises
        ------
        ValueError
            It was not trained to be told, or there is not one for each structure.
        """
        if self.brightness is None or len(factors) != self.settings.n_channels:
            raise ValueError(f"a network of {self.settings.in_words} cannot be told {factors}")
        known = VSE(self.settings.model_copy(update={"told_brightness": False}))
        state = self.state_dict()
        known.load_state_dict({k: v for k, v in state.items() if not k.startswith("brightness.")})
        known.to(next(self.parameters()).device).train(self.training)
        at = torch.tensor(factors, dtype=torch.float32)[None, :, None, None]
        biases = self.brightness(at.to(next(self.parameters()).device))
        add_biases(known._parts_with_biases(), biases)
        return known

    def _parts_with_biases(self) -> list[nn.Sequential]:
        """Return the stem, the ways down and the ways up, the finest level first."""
        ups = (level.up for level in self.top_down)
        return [self.stem, *self.bottom_up, *ups]

    def encode(
        self, x: Tensor, margin: int = 0, biases: Sequence[Tensor | None] | None = None
    ) -> list[Tensor]:
        """Bottom-up pass: the normalized superposition to features, finest level first.

        Parameters
        ----------
        x
            (B, 1, Y, X); Y and X without the margin are multiples of `multiple`.
        margin
            Pixels on each side that are seen as context alone.
        biases
            Of the stem and of each level: what it is told; None: nothing.

        Returns
        -------
        list of Tensor
            (B, H, Y/2^(l+1), X/2^(l+1)) for each level l.
        """
        surroundings = [] if self.context is None else self.context.of_image(x, margin)
        stem_bias, *biases = biases or [None] * (self.settings.n_levels + 1)
        h = with_bias(self.stem, inner(x, margin), stem_bias)
        features = []
        for level, (down, bias) in enumerate(zip(self.bottom_up, biases, strict=True)):
            h = with_bias(down, h, bias)  # type: ignore[arg-type]
            if self.context is not None and level < len(surroundings):
                h = self.context.merged(level, h, surroundings[level])
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
            z = q.mean
            if not level.takes_mean:
                z = q.sample(noise(level.level, tuple(z.shape)))
            above = level.ascend(z.to(bottom_up[0].dtype), above, self._edge)
        return self._head(above)[:, : self.settings.n_channels].float()

    def from_prior(self, noise: LatentNoise, height: int, width: int) -> Tensor:
        """See `SplittingNetwork`."""
        above = None
        for level in self._levels_from_top():
            shrink = 2 ** (level.level + 1)
            shape = (height // shrink, width // shrink)
            p = level.p(above, shape)
            eps = noise(level.level, (1, p.mean.shape[1], *shape))
            above = level.ascend(p.sample(eps), above)
        return self._head(above)[:, : self.settings.n_channels].float()

    def forward(
        self, x: Tensor, noise: LatentNoise | None = None, factors: Tensor | None = None
    ) -> Prediction:
        """Training pass: one posterior sample of any image size, with the KL of each level.

        Parameters
        ----------
        x
            (B, 1, Y, X) normalized superposition; sizes that the ladder does not divide are
            padded by replication and cropped again. In training with the margin of the settings on
            each side, for which nothing is predicted.
        noise
            As in `decode`; None draws from torch's random state.
        factors
            (B, C, 1, 1), how bright structures are, as of `Batch`; for a network that is told.

        Raises
        ------
        ValueError
            In training: the top prior is bound to positions of another patch size.
        TrainingError
            In training with context: the patch size is not divided by all levels.
        """
        margin = self.settings.margin if self.training else 0
        height, width = (n - 2 * margin for n in x.shape[-2:])
        x = divided(x, self.multiple, margin)
        biases: Sequence[Tensor | None] = [None] * (2 * self.settings.n_levels + 1)
        if self.brightness is not None and factors is not None:
            biases = self.brightness(factors)
        bottom_up = self.encode(x, margin, biases[: self.settings.n_levels + 1])
        if self.training:
            self._check_top(bottom_up[-1])
        above, kl_levels, sizes = None, [], []
        for level in self._levels_from_top():
            bias = biases[self.settings.n_levels + 1 + level.level]
            q = level.q(bottom_up[level.level], above)
            if self.settings.autoencoder:
                above = level.ascend(q.mean, above, self._edge, bias)
                continue
            p = level.p(above, (q.mean.shape[-2], q.mean.shape[-1]))
            kl_levels.append(gaussian_kl(q, p).sum(dim=(1, 2, 3)))  # (B,)
            sizes.append(q.mean[0].numel())
            shape = tuple(q.mean.shape)
            z = q.sample(torch.randn_like(q.mean) if noise is None else noise(level.level, shape))
            above = level.ascend(z, above, self._edge, bias)
        out = self._head(above)[..., :height, :width].float()
        signal, logvar = out.chunk(2, dim=1) if self.settings.predict_logvar else (out, None)
        return Prediction(signal, logvar, kl_levels[::-1], sizes[::-1])

    def _check_top(self, features: Tensor) -> None:
        edge = self.settings.top_prior_size
        if edge is not None and features.shape[-2:] != (edge, edge):
            size = edge * self.multiple
            raise ValueError(
                f"The top prior of this network is bound to patches of {size}x{size} pixels: train "
                "it on those (patch_size), or use a network with top_prior_size None."
            )

    def _levels_from_top(self) -> list[TopDown]:
        return list(self.top_down)[::-1]  # type: ignore[return-value]

    def _head(self, features: Tensor | None) -> Tensor:
        return self.output(self.more_final(self.final(features)))  # type: ignore[no-any-return]
