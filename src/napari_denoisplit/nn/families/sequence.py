"""The family of two networks in sequence: one denoises, the other splits what is left.

The first takes the mean of its latents in place of samples. So it has one answer at each place
whatever tile shows it, and what is encoded does not depend on the sample; the samples are those of
the second.

Letters: B batch, C channels, Y, X pixels.
"""

from __future__ import annotations

from math import lcm
from typing import TYPE_CHECKING, Any, NoReturn

import torch
from torch import Tensor

from napari_denoisplit.errors import TrainingError
from napari_denoisplit.nn.families.family import Family
from napari_denoisplit.nn.sampler import NetworkFacts, SplittingNetwork
from napari_denoisplit.settings import SequenceSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from napari_denoisplit.images.training.normalization import Normalization
    from napari_denoisplit.nn.compute import Compute
    from napari_denoisplit.nn.fast.field_of_view import Window
    from napari_denoisplit.nn.sampler import LatentNoise, PlacedNoise, Sampler
    from napari_denoisplit.settings import LossSettings

_ONE_BY_ONE = (
    "Two networks in sequence are trained one after the other: choose the method 'hdn_musplit'."
)


_UNSURE_OF = (
    "The uncertainty (sigma) tells of the second network alone: what the denoiser before it got "
    "wrong no possible answer knows, only a calibration with images of known structures"
)


class SequenceNetwork(SplittingNetwork):
    """A network that splits what another has denoised.

    Parameters
    ----------
    settings
        Of both.
    denoiser, splitter
        Networks of these shapes.
    """

    settings: SequenceSettings
    between: Tensor
    """Factor and summand that bring what the first predicts to what the second sees."""

    def __init__(
        self, settings: SequenceSettings, denoiser: SplittingNetwork, splitter: SplittingNetwork
    ) -> None:
        super().__init__()
        self.settings = settings
        self.denoiser, self.splitter = denoiser, splitter
        self.register_buffer("between", torch.tensor([1.0, 0.0]))

    @classmethod
    def of(
        cls,
        denoiser: SplittingNetwork,
        splitter: SplittingNetwork,
        made: Normalization,
        seen: Normalization,
    ) -> SequenceNetwork:
        """Join trained networks, given the statistics of the first model and of the second."""
        settings = SequenceSettings(
            n_channels=splitter.settings.n_channels,
            denoiser=denoiser.settings,
            splitter=splitter.settings,
        )
        network = cls(settings, denoiser, splitter)
        (mean,), (std,) = made.channel_means, made.channel_stds
        between = [std / seen.input_std, (mean - seen.input_mean) / seen.input_std]
        device = next(splitter.parameters()).device
        network.between = torch.tensor(between, device=device)
        return network.eval()

    def encode(self, x: Tensor) -> list[Tensor]:
        """See `SplittingNetwork`."""
        denoised = self.denoiser.decode(self.denoiser.encode(x), _still(x.device))
        return self.splitter.encode(denoised * self.between[0] + self.between[1])

    def decode(self, features: Sequence[Tensor], noise: LatentNoise) -> Tensor:
        """See `SplittingNetwork`."""
        return self.splitter.decode(features, noise)

    def from_prior(self, noise: LatentNoise, height: int, width: int) -> Tensor:
        """See `SplittingNetwork`: structures as the second has learned them."""
        return self.splitter.from_prior(noise, height, width)


class SequenceSampler:
    """A sampler of what another makes of the image.

    Parameters
    ----------
    denoiser, splitter
        Of both networks.
    between
        See `SequenceNetwork`.
    facts
        Of both together.
    """

    def __init__(
        self, denoiser: Sampler, splitter: Sampler, between: Tensor, facts: NetworkFacts
    ) -> None:
        self.facts, self.device = facts, splitter.device
        self._denoiser, self._splitter = denoiser, splitter
        self._factor, self._summand = between.tolist()

    def encode(self, x: Tensor) -> list[Tensor]:
        """See `Sampler`."""
        denoised = self._denoiser.decode(self._denoiser.encode(x), _still(self.device))
        return self._splitter.encode(denoised * self._factor + self._summand)

    def decode(
        self, prepared: Sequence[Tensor], noise: PlacedNoise, wanted: Window | None = None
    ) -> Tensor:
        """See `Sampler`."""
        return self._splitter.decode(prepared, noise, wanted)


def _still(device: torch.device) -> Callable[..., Tensor]:
    """Return latent noise that is zero: it leaves the mean of the latents."""
    return lambda level, shape, *corner: torch.zeros(shape, device=device)


class SequenceFamily(Family[SequenceSettings]):
    """Networks of other families, one after the other.

    Parameters
    ----------
    families
        By kind; those of the networks themselves.
    """

    def __init__(self, families: Mapping[str, Family[Any]]) -> None:
        self._families = families

    def network(self, settings: SequenceSettings) -> SplittingNetwork:
        """Make both with random weights."""
        denoiser, splitter = (
            self._of(part).network(part) for part in (settings.denoiser, settings.splitter)
        )
        return SequenceNetwork(settings, denoiser, splitter)

    def facts(self, settings: SequenceSettings, dtype: torch.dtype) -> NetworkFacts:
        """See `Family`: the first is done with its memory when the second begins."""
        first, second = (
            self._of(part).facts(part, dtype) for part in (settings.denoiser, settings.splitter)
        )
        return NetworkFacts(
            n_channels=second.n_channels,
            multiple=lcm(first.multiple, second.multiple),
            reach=first.reach + second.reach,
            levels=second.levels,
            working_bytes=max(first.working_bytes, second.working_bytes),
            kept_bytes=second.kept_bytes,
            least_context=second.least_context,
            encodes_far=True,
            unsure_of=_UNSURE_OF,
        )

    def sampler(self, network: SplittingNetwork, facts: NetworkFacts, compute: Compute) -> Sampler:
        """Take the samplers of both."""
        if not isinstance(network, SequenceNetwork):
            raise TypeError(f"{type(network).__name__} is no sequence")
        denoiser, splitter = (
            self._of(part.settings).sampler(
                part, self._of(part.settings).facts(part.settings, compute.dtype), compute
            )
            for part in (network.denoiser, network.splitter)
        )
        return SequenceSampler(denoiser, splitter, network.between, facts)

    def shaped(self, *_: object) -> NoReturn:
        """Refuse: they are trained one by one."""
        raise TrainingError(_ONE_BY_ONE)

    def needs_noise_models(self, loss: LossSettings) -> NoReturn:
        """Refuse, as `shaped`."""
        del loss
        raise TrainingError(_ONE_BY_ONE)

    def objective(self, *_: object) -> NoReturn:
        """Refuse, as `shaped`."""
        raise TrainingError(_ONE_BY_ONE)

    def _of(self, settings: Any) -> Family[Any]:
        return self._families[settings.kind]
