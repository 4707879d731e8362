"""The family of the denoiser: a U-Net of one channel that learns from blind spots.

Letters: B batch, Y, X pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_denoisplit.errors import TrainingError
from napari_denoisplit.nn.blind_spot import BlindSpotObjective
from napari_denoisplit.nn.families.family import Family
from napari_denoisplit.nn.sampler import Level, NetworkFacts, Prediction, SplittingNetwork
from napari_denoisplit.nn.unet import UNet
from napari_denoisplit.settings import DenoisingUNetSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import Tensor

    from napari_denoisplit.images.training.normalization import Normalization
    from napari_denoisplit.nn.objective import Objective
    from napari_denoisplit.nn.sampler import LatentNoise
    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.settings import LossSettings, MixSettings


class DenoisingUNet(SplittingNetwork):
    """A U-Net whose only sample is its prediction."""

    settings: DenoisingUNetSettings

    def __init__(self, settings: DenoisingUNetSettings) -> None:
        super().__init__()
        self.settings = settings
        self.unet = UNet(settings.n_filters, settings.n_levels)

    def encode(self, x: Tensor) -> list[Tensor]:
        """Predict: nothing of it depends on a sample."""
        return [self.unet(x)]

    def decode(self, features: Sequence[Tensor], noise: LatentNoise) -> Tensor:
        """Return the prediction."""
        del noise
        return features[0].float()

    def forward(self, x: Tensor, noise: LatentNoise | None = None) -> Prediction:
        """Predict (B, 1, Y, X), sizes that are multiples of what the U-Net divides."""
        del noise
        return Prediction(self.unet(x).float(), None, [], [])


class DenoiserFamily(Family[DenoisingUNetSettings]):
    """Noise2Void networks (Krull et al. 2019, arXiv:1811.10980)."""

    def network(self, settings: DenoisingUNetSettings) -> SplittingNetwork:
        """Make a `DenoisingUNet`."""
        return DenoisingUNet(settings)

    def facts(self, settings: DenoisingUNetSettings, dtype: torch.dtype) -> NetworkFacts:
        """See `Family`; in float32 a tile of 628 pixels takes 100 MiB with 16 filters."""
        multiple = 2**settings.n_levels
        return NetworkFacts(
            n_channels=1,
            multiple=multiple,
            reach=UNet.reach_of(settings.n_levels),
            levels=(Level(0, 1),),
            working_bytes=settings.n_filters * 4.5 * dtype.itemsize,
            kept_bytes=float(dtype.itemsize),
        )

    def shaped(
        self, settings: DenoisingUNetSettings, n_channels: int, loss: LossSettings, mix: MixSettings
    ) -> DenoisingUNetSettings:
        """Return the shape as it is.

        Raises
        ------
        TrainingError
            There are several channels.
        """
        del loss, mix
        if n_channels != 1:
            raise TrainingError(
                f"A denoiser learns one channel, and {n_channels} are given: train one for each, "
                "or a splitting network."
            )
        return settings

    def needs_noise_models(self, loss: LossSettings) -> bool:
        """Nothing needs to be known of the noise."""
        del loss
        return False

    def objective(
        self,
        settings: DenoisingUNetSettings,
        loss: LossSettings,
        normalization: Normalization,
        noise_models: Sequence[NoiseModel],
    ) -> Objective:
        """Squared error at blind spots."""
        del settings, loss, normalization, noise_models
        return BlindSpotObjective()
