"""The family of networks that see an image enlarged, for recordings of larger pixels.

The image is enlarged twice, linearly; each pixel of the result is the mean of the 2 x 2 that the
network predicts for it. So structures are as large to the network as those it was trained on.

Letters: B batch, C channels, Y, X pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NoReturn

import torch.nn.functional as F
from torch import Tensor

from napari_denoisplit.errors import JobError, TrainingError
from napari_denoisplit.nn.families.family import Family
from napari_denoisplit.nn.fast.field_of_view import Window
from napari_denoisplit.nn.sampler import Level, NetworkFacts, SplittingNetwork
from napari_denoisplit.settings import NetworkSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from napari_denoisplit.nn.compute import Compute
    from napari_denoisplit.nn.sampler import LatentNoise, PlacedNoise, Sampler
    from napari_denoisplit.settings import LossSettings

_NOT_TRAINED = "A network that sees images enlarged only splits: train the network itself."


class MagnifiedSettings(NetworkSettings):
    """Shape of the network that sees the image enlarged."""

    kind: Literal["magnified"] = "magnified"
    network: NetworkSettings


class MagnifiedNetwork(SplittingNetwork):
    """A network that sees its images enlarged.

    Parameters
    ----------
    network
        As it was trained.
    """

    settings: MagnifiedSettings

    def __init__(self, network: SplittingNetwork) -> None:
        super().__init__()
        self.network = network
        inner = network.settings
        self.settings = MagnifiedSettings(n_channels=inner.n_channels, network=inner)

    def example(self, multiple: int) -> Tensor:
        """See `SplittingNetwork`."""
        return _reduced(self.network.example(2 * multiple))

    def encode(self, x: Tensor) -> list[Tensor]:
        """See `SplittingNetwork`."""
        return self.network.encode(enlarged(x))

    def decode(self, features: Sequence[Tensor], noise: LatentNoise) -> Tensor:
        """See `SplittingNetwork`."""
        return _reduced(self.network.decode(features, noise))


class MagnifiedSampler:
    """A sampler that sees its images enlarged.

    Parameters
    ----------
    sampler
        Of the network as it was trained.
    facts
        Of what it is to the images.
    """

    def __init__(self, sampler: Sampler, facts: NetworkFacts) -> None:
        self.facts, self.device = facts, sampler.device
        self._sampler = sampler

    def encode(self, x: Tensor) -> list[Tensor]:
        """See `Sampler`."""
        return self._sampler.encode(enlarged(x))

    def decode(
        self, prepared: Sequence[Tensor], noise: PlacedNoise, wanted: Window | None = None
    ) -> Tensor:
        """See `Sampler`."""
        if wanted is not None:
            (top, bottom), (left, right) = wanted
            wanted = Window((2 * top, 2 * bottom), (2 * left, 2 * right))
        return _reduced(self._sampler.decode(prepared, noise, wanted))


class MagnifiedFamily(Family[MagnifiedSettings]):
    """Networks of other families, for images of larger pixels than they were trained on.

    Parameters
    ----------
    families
        By kind; those of the networks themselves.
    """

    def __init__(self, families: Mapping[str, Family[Any]]) -> None:
        self._families = families

    def network(self, settings: MagnifiedSettings) -> SplittingNetwork:
        """Make the network itself with random weights, and let it see images enlarged."""
        return MagnifiedNetwork(self._of(settings).network(settings.network))

    def facts(self, settings: MagnifiedSettings, dtype: torch.dtype) -> NetworkFacts:
        """See `Family`: four pixels of the network are one of the image."""
        inner = self._of(settings).facts(settings.network, dtype)
        if not can_be_enlarged(inner):
            raise JobError(
                f"This network ({settings.network.in_words}) cannot see images enlarged: leave the "
                "magnification out, and take images with pixels of the size that it knows."
            )
        return NetworkFacts(
            n_channels=inner.n_channels,
            multiple=inner.multiple // 2,
            reach=inner.reach // 2 + 1,  # a pixel is enlarged by its neighbours
            levels=tuple(Level(level.n_latents, level.shrink // 2) for level in inner.levels),
            working_bytes=4 * inner.working_bytes,
            kept_bytes=4 * inner.kept_bytes,
            encodes_far=inner.encodes_far,
        )

    def sampler(self, network: SplittingNetwork, facts: NetworkFacts, compute: Compute) -> Sampler:
        """Take the sampler of the network itself."""
        if not isinstance(network, MagnifiedNetwork):
            raise TypeError(f"{type(network).__name__} does not see its images enlarged")
        settings, inner = network.settings, network.network
        itself = self._of(settings).facts(settings.network, compute.dtype)
        return MagnifiedSampler(self._of(settings).sampler(inner, itself, compute), facts)

    def needs_noise_models(self, loss: LossSettings) -> bool:
        """Refuse: nothing of it is trained."""
        del loss
        raise TrainingError(_NOT_TRAINED)

    def objective(self, *_: object) -> NoReturn:
        """Refuse: nothing of it is trained."""
        raise TrainingError(_NOT_TRAINED)

    def _of(self, settings: MagnifiedSettings) -> Family[Any]:
        return self._families[settings.network.kind]


def can_be_enlarged(facts: NetworkFacts) -> bool:
    """Whether what a network encodes has places among the pixels of an image half as large."""
    return facts.least_context == 0 and all(level.shrink % 2 == 0 for level in facts.levels)


def enlarged(x: Tensor) -> Tensor:
    """Twice as many pixels along Y and X of (B, 1, Y, X)."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _reduced(signal: Tensor) -> Tensor:
    """Mean of each 2 x 2 pixels of (B, C, Y, X)."""
    return F.avg_pool2d(signal, 2)
