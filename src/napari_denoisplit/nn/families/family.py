"""What a family of networks brings: its network, its loss, and how it samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, TypeVar

from napari_denoisplit.nn.sampler import PlainSampler
from napari_denoisplit.settings import NetworkSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from napari_denoisplit.images.training.normalization import Normalization
    from napari_denoisplit.nn.compute import Compute
    from napari_denoisplit.nn.objective import Objective
    from napari_denoisplit.nn.sampler import NetworkFacts, Sampler, SplittingNetwork
    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.settings import LossSettings, MixSettings

S = TypeVar("S", bound=NetworkSettings)


class Family(ABC, Generic[S]):
    """A family; `families` knows them all by the kind in their settings."""

    most_restarts = 0
    """Times that a training begins anew whose latents go unused, before its KL is annealed; 0 lets
    it go on."""

    @abstractmethod
    def network(self, settings: S) -> SplittingNetwork:
        """Make a network with random weights."""

    @abstractmethod
    def facts(self, settings: S, dtype: torch.dtype) -> NetworkFacts:
        """Say what a network of this shape needs while it samples in this precision."""

    def sampler(self, network: SplittingNetwork, facts: NetworkFacts, compute: Compute) -> Sampler:
        """Make a sampler of a trained network on the device; a faster one where there is any."""
        return PlainSampler(network, facts, compute)

    def shaped(self, settings: S, n_channels: int, loss: LossSettings, mix: MixSettings) -> S:
        """Return the shape for so many channels that a loss and a mixing range ask for."""
        del loss, mix  # most predict the same whatever they are trained for
        return settings.model_copy(update={"n_channels": n_channels})

    @abstractmethod
    def needs_noise_models(self, loss: LossSettings) -> bool:
        """Whether training asks for a noise model of each channel."""

    @abstractmethod
    def objective(
        self,
        settings: S,
        loss: LossSettings,
        normalization: Normalization,
        noise_models: Sequence[NoiseModel],
    ) -> Objective:
        """Make what the network is trained for; noise models as far as they are asked for."""
