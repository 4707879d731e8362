"""The family of DivNoising: a convolutional VAE of one channel with a fixed unit prior.

It denoises a channel by samples, as the ladder does, from one level of latents.

Letters: B batch, Z latent maps, D depth, Y, X pixels.

Source: Prakash et al. 2021 (arXiv:2006.06072). The numbers of parameters are those of the published
code; the paper says about 200 thousand for depth 2 and 700 thousand for depth 3.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_denoisplit.errors import TrainingError
from napari_denoisplit.giving_up import look
from napari_denoisplit.nn.elbo import ElboObjective
from napari_denoisplit.nn.families.family import Family
from napari_denoisplit.nn.gaussian import Gaussian, gaussian_kl
from napari_denoisplit.nn.likelihood import NoiseModelLikelihood
from napari_denoisplit.nn.sampler import Level, NetworkFacts, Prediction, SplittingNetwork
from napari_denoisplit.settings import DivNoisingSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.images.training.normalization import Normalization
    from napari_denoisplit.nn.objective import Objective
    from napari_denoisplit.nn.sampler import LatentNoise
    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.settings import LossSettings, MixSettings


class DivNoising(SplittingNetwork):
    """Encoder, latents at the coarsest size, decoder; no batch norm and no skips.

    Parameters
    ----------
    settings
        Shape of the network.
    """

    def __init__(self, settings: DivNoisingSettings) -> None:
        super().__init__()
        self.settings: DivNoisingSettings = settings
        widths = [settings.n_filters * 2**level for level in range(settings.depth)]
        self.down = nn.ModuleList(_convolutions(a, b) for a, b in pairwise([1, *widths]))
        self.mean = nn.Conv2d(widths[-1], settings.n_latents, 3, padding=1)
        self.logvar = nn.Conv2d(widths[-1], settings.n_latents, 3, padding=1)
        self.up = nn.ModuleList(
            nn.Sequential(_convolutions(a, b), nn.ConvTranspose2d(b, b, 2, stride=2))
            for a, b in pairwise([settings.n_latents, *reversed(widths)])
        )
        self.output = nn.Conv2d(widths[0], 1, 3, padding=1)

    @property
    def multiple(self) -> int:
        """Image edges that it takes as they are are multiples of this."""
        return int(2**self.settings.depth)

    def encode(self, x: Tensor) -> list[Tensor]:
        """(B, 1, Y, X) -> mean and log-variance of q, (B, 2Z, Y / 2^D, X / 2^D)."""
        for down in self.down:
            look()
            x = F.max_pool2d(down(x), 2)
        return [torch.cat([self.mean(x), self.logvar(x)], dim=1)]

    def decode(self, features: Sequence[Tensor], noise: LatentNoise) -> Tensor:
        """Draw one sample, (B, 1, Y, X), float32."""
        q = Gaussian.from_features(features[0], "exp")
        shape = tuple(q.mean.shape)
        return self._signal(q.sample(noise(0, shape)).to(features[0].dtype))

    def from_prior(self, noise: LatentNoise, height: int, width: int) -> Tensor:
        """See `SplittingNetwork`: the prior is standard normal."""
        shape = (1, self.settings.n_latents, height // self.multiple, width // self.multiple)
        return self._signal(noise(0, shape))

    def forward(
        self, x: Tensor, noise: LatentNoise | None = None, factors: Tensor | None = None
    ) -> Prediction:
        """Training pass of any image size, (B, 1, Y, X)."""
        del factors  # it is not told how bright the structure is
        height, width = x.shape[-2:]
        x = F.pad(x, (0, -width % self.multiple, 0, -height % self.multiple), mode="replicate")
        q = Gaussian.from_features(self.encode(x)[0], "exp")
        shape = tuple(q.mean.shape)
        z = q.sample(torch.randn_like(q.mean) if noise is None else noise(0, shape))
        prior = Gaussian(torch.zeros_like(q.mean), torch.ones_like(q.variance))
        kl = gaussian_kl(q, prior).sum(dim=(1, 2, 3))  # (B,)
        signal = self._signal(z)[..., :height, :width]
        return Prediction(signal, None, [kl], [q.mean[0].numel()])

    def _signal(self, z: Tensor) -> Tensor:
        for up in self.up:
            look()
            z = up(z)
        return self.output(z).float()  # type: ignore[no-any-return]


def _convolutions(inside: int, outside: int) -> nn.Sequential:
    """Two 3x3 convolutions, each with ReLU."""
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(outside, outside, 3, padding=1),
        nn.ReLU(),
    )


class DivNoisingFamily(Family[DivNoisingSettings]):
    """Convolutional VAEs; a training whose latents go unused begins anew, as published."""

    most_restarts = 20

    def network(self, settings: DivNoisingSettings) -> SplittingNetwork:
        """Make a `DivNoising`."""
        return DivNoising(settings)

    def facts(self, settings: DivNoisingSettings, dtype: torch.dtype) -> NetworkFacts:
        """See `Family`; two maps of each size at a time, both ways."""
        multiple = 2**settings.depth
        return NetworkFacts(
            n_channels=1,
            multiple=multiple,
            # Two convolutions of each size on both ways and the place within what was pooled, one
            # convolution more at the coarsest, and one at the end.
            reach=8 * multiple - 6,
            levels=(Level(settings.n_latents, multiple),),
            working_bytes=settings.n_filters * 6 * dtype.itemsize,
            kept_bytes=2 * settings.n_latents * dtype.itemsize / multiple**2,
        )

    def shaped(
        self, settings: DivNoisingSettings, n_channels: int, loss: LossSettings, mix: MixSettings
    ) -> DivNoisingSettings:
        """Return the shape as it is.

        Raises
        ------
        TrainingError
            There are several channels, or no noise model is to be used.
        """
        del mix
        if n_channels != 1:
            raise TrainingError(
                f"DivNoising denoises one channel, and {n_channels} are given: train one for each, "
                "or a splitting network."
            )
        if not self.needs_noise_models(loss):
            raise TrainingError(
                "DivNoising knows the noise by a noise model and predicts no variance: use the "
                "method 'denoisplit'."
            )
        return settings

    def needs_noise_models(self, loss: LossSettings) -> bool:
        """Tell by the likelihood."""
        return loss.likelihood == "noise_model"

    def objective(
        self,
        settings: DivNoisingSettings,
        loss: LossSettings,
        normalization: Normalization,
        noise_models: Sequence[NoiseModel],
    ) -> Objective:
        """Evidence lower bound with the whole KL: there are no free bits."""
        del settings
        loss = loss.model_copy(update={"kl": "sum", "free_bits": 0.0})
        return ElboObjective(NoiseModelLikelihood(noise_models, normalization), loss, 1)
