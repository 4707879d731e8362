"""The family of the plain U-Net: one answer, trained on the mean squared error.

It is the baseline that muSplit compares with. Trained on noisy channels its answer is their mean
given the superposition; it does not know how sure it is.

Letters: B batch, C channels, H feature maps of the finest level, Y, X pixels.

Source: Ronneberger et al. 2015 (arXiv:1505.04597), in the form of muSplit's baseline (Ashesh et al.
2023), but that pixels, not corners, are aligned where a size is doubled: a corner would make every
pixel depend on the size of the tile. Its lateral context is muSplit's, too, but of the whole image.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_denoisplit.errors import TrainingError
from napari_denoisplit.nn.blocks import Merge
from napari_denoisplit.nn.context import Context, divided, inner, stem_of
from napari_denoisplit.nn.families.family import Family
from napari_denoisplit.nn.likelihood import ChannelScale
from napari_denoisplit.nn.objective import Objective, Terms
from napari_denoisplit.nn.sampler import Level, NetworkFacts, Prediction, SplittingNetwork
from napari_denoisplit.settings import UNetSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_denoisplit.images.training.normalization import Normalization
    from napari_denoisplit.nn.objective import Batch
    from napari_denoisplit.nn.sampler import LatentNoise
    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.settings import LossSettings, MixSettings


class PlainUNet(SplittingNetwork):
    """Convolutions at each size on the way down and up, with what was found on the way down.

    Parameters
    ----------
    settings
        Shape of the network.
    """

    def __init__(self, settings: UNetSettings) -> None:
        super().__init__()
        self.settings: UNetSettings = settings
        n, levels = settings.n_filters, settings.n_levels
        # The coarsest maps are as many as those above it: both are joined on the way up.
        widths = [n * 2 ** min(level, levels - 1) for level in range(levels + 1)]
        self.stem = _convolutions(1, n, n)
        self.down = nn.ModuleList(_convolutions(a, b, b) for a, b in pairwise(widths))
        self.up = nn.ModuleList(
            _convolutions(2 * widths[level], widths[level], widths[max(level - 1, 0)])
            for level in reversed(range(levels))
        )
        self.output = nn.Conv2d(n, settings.n_channels, 1)
        self.context = None
        if settings.context is not None:
            ways = list(pairwise(widths))[: settings.context.scales - 1]
            self.context = Context(
                [nn.Sequential(*stem_of(a, 0.0), _convolutions(a, b, b)) for a, b in ways],
                settings.stem_reach,
                [Merge(b, 0.0) for _, b in ways],
            )

    def encode(self, x: Tensor, margin: int = 0) -> list[Tensor]:
        """Predict: the signal (B, C, Y, X) is all there is to keep.

        Parameters
        ----------
        x
            (B, 1, Y, X); Y and X without the margin are multiples of what the network divides.
        margin
            Pixels on each side that are seen as context alone.
        """
        surroundings = [] if self.context is None else self.context.of_image(x, margin)
        skips = [self.stem(inner(x, margin))]  # (B, H, Y, X)
        for level, down in enumerate(self.down):
            h = down(F.max_pool2d(skips[-1], 2))
            if self.context is not None and surroundings:
                h = self.context.merged(level, h, surroundings.pop(0))
            skips.append(h)
        h = skips.pop()
        for up, skip in zip(self.up, reversed(skips), strict=True):
            h = F.interpolate(h, scale_factor=2, mode="bilinear", align_corners=False)
            h = up(torch.cat([skip, h], dim=1))
        return [self.output(h).float()]

    def decode(self, features: Sequence[Tensor], noise: LatentNoise) -> Tensor:
        """Return the prediction: no sample differs from it."""
        del noise
        return features[0]

    def forward(self, x: Tensor, noise: LatentNoise | None = None) -> Prediction:
        """Predict an image of any size, (B, 1, Y, X), in training without its margin."""
        del noise
        margin = self.settings.margin if self.training else 0
        height, width = (n - 2 * margin for n in x.shape[-2:])
        (signal,) = self.encode(divided(x, 2**self.settings.n_levels, margin), margin)
        return Prediction(signal[..., :height, :width], None, [], [])


def _reach(settings: UNetSettings) -> int:
    """Follow the longest way: down to the coarsest size, and up again."""
    n_stems = 0 if settings.context is None else settings.context.scales - 1
    down, up = 2, 0  # two convolutions of each size
    for level in range(settings.n_levels):
        fine, coarse = 2**level, 2 ** (level + 1)
        down += 2 * coarse
        if level < n_stems:
            # A stem behind what halving adds, then the block of the merge.
            down = max(down, (settings.stem_reach + 1) * coarse - 1) + 2 * coarse
        up += coarse + 2 * fine  # a pixel of the coarser size where it is doubled
    return down + up


def _convolutions(inside: int, between: int, outside: int) -> nn.Sequential:
    """Two 3x3 convolutions, each with batch norm and ReLU."""
    layers: list[nn.Module] = []
    for a, b in ((inside, between), (between, outside)):
        layers += [nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
    return nn.Sequential(*layers)


class SquaredError(Objective):
    """Mean squared error of the channels in normalized units."""

    n_levels = 0

    def __init__(self, normalization: Normalization) -> None:
        super().__init__()
        self.scale = ChannelScale(normalization)

    def forward(self, network: Callable[..., Prediction], batch: Batch, step: int) -> Terms:
        """Error of a batch."""
        del step
        return self._terms(network(batch.superposition), batch.channels)

    def validate(
        self,
        network: Callable[..., Prediction],
        superposition: Tensor,
        channels: Tensor,
        noise: LatentNoise,
    ) -> tuple[Terms, Tensor]:
        """Error, and the prediction."""
        prediction = network(superposition, noise)
        return self._terms(prediction, channels), prediction.signal

    def _terms(self, prediction: Prediction, channels: Tensor) -> Terms:
        error = (prediction.signal - self.scale.normalized(channels)).square().mean()
        return Terms(error, error, error.new_zeros(0))


class UNetFamily(Family[UNetSettings]):
    """U-Nets, which predict without samples."""

    def network(self, settings: UNetSettings) -> SplittingNetwork:
        """Make a `PlainUNet`."""
        return PlainUNet(settings)

    def facts(self, settings: UNetSettings, dtype: torch.dtype) -> NetworkFacts:
        """See `Family`; the working memory is measured as the ladder's."""
        multiple = 2**settings.n_levels
        return NetworkFacts(
            n_channels=settings.n_channels,
            multiple=multiple,
            reach=_reach(settings),
            levels=(Level(0, 1),),
            working_bytes=settings.n_filters * (24 if dtype == torch.bfloat16 else 40),
            kept_bytes=4 * settings.n_channels,
        )

    def shaped(
        self, settings: UNetSettings, n_channels: int, loss: LossSettings, mix: MixSettings
    ) -> UNetSettings:
        """Refuse one channel, see there."""
        if n_channels < 2:
            raise TrainingError(
                "A U-Net trained on a single channel learns to return its input, noise included: "
                "use a ladder (preset 'fast' or 'large') with a noise model."
            )
        return super().shaped(settings, n_channels, loss, mix)

    def needs_noise_models(self, loss: LossSettings) -> bool:
        """Tell that it does not."""
        del loss
        return False

    def objective(
        self,
        settings: UNetSettings,
        loss: LossSettings,
        normalization: Normalization,
        noise_models: Sequence[NoiseModel],
    ) -> Objective:
        """Mean squared error, whatever loss a ladder would be trained with."""
        del settings, loss, noise_models
        return SquaredError(normalization)
