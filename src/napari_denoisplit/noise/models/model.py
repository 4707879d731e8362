"""What every noise model can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, runtime_checkable

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.models.gaussian_mixture import GaussianMixture
from napari_denoisplit.noise.models.histogram import HistogramNoise
from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch
    from torch import Tensor

    from napari_denoisplit.verdict import NoiseRecord


@runtime_checkable
class NoiseModel(Protocol):
    """Distribution of a noisy pixel given its signal, both in grey levels.

    Implementations are `torch.nn.Module`, so that they move with the network they train.
    """

    kind: ClassVar[str]
    """Name of the family, as it stands in model files."""

    @property
    def record(self) -> NoiseRecord:
        """Where the model comes from and whether to trust it."""
        ...

    def with_record(self, record: NoiseRecord) -> Self:
        """Return a copy of the model that carries another record."""
        ...

    @property
    def signal_range(self) -> tuple[float, float]:
        """Range of the signal that the model was made for."""
        ...

    def log_likelihood(self, observation: Tensor, signal: Tensor) -> Tensor:
        """Return log p(observation | signal) of each pixel, nats per grey level, float32."""
        ...

    def mean(self, signal: Tensor) -> Tensor:
        """Mean of the observation."""
        ...

    def variance(self, signal: Tensor) -> Tensor:
        """Variance of the observation."""
        ...

    def cdf(self, observation: Tensor, signal: Tensor) -> Tensor:
        """Probability of an observation at or below this one; shapes broadcast."""
        ...

    def quantiles(self, signal: Tensor, levels: Sequence[float] | Tensor) -> Tensor:
        """Grey levels of given cumulative probabilities, (len(levels), *signal.shape)."""
        ...

    def sample(self, signal: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw a noisy observation of each pixel."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values, `kind` among them."""
        ...


_FROM_DICT: dict[str, Callable[[Mapping[str, Any]], NoiseModel]] = {
    GaussianMixture.kind: GaussianMixture.from_dict,
    HistogramNoise.kind: HistogramNoise.from_dict,
    PoissonGaussian.kind: PoissonGaussian.from_dict,
}


def noise_model_from_dict(values: Mapping[str, Any]) -> NoiseModel:
    """Noise model from what its `to_dict` made.

    Raises
    ------
    NoiseModelError
        The kind is unknown, or a value is missing or is not what it should be.
    """
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in _FROM_DICT:
        raise NoiseModelError(
            f"Noise models of kind {kind!r} are unknown here; known: {', '.join(_FROM_DICT)}. A "
            "newer version of this package may read it."
        )
    return _FROM_DICT[kind](values)
