"""The noise model p(observation | signal) of a pixel: what every kind can do."""

from __future__ import annotations

import copy
import math
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
from torch import Tensor, nn

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.verdict import NoiseRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_HALVINGS = 48  # from the widest bracket (100 sigma at a level of 1e-4) to 1e-12 sigma
_LEAST_LEVEL = 1e-12


class NoiseModel(nn.Module):
    """Distribution of a noisy pixel given its signal, both in grey levels.

    A kind of noise model says its density, its moments and its cumulative distribution; the rest
    follows from them. Numbers that a model is made of are buffers, so that they move with the
    network that is trained under the model.
    """

    kind: ClassVar[str]
    """Name of the family, as it stands in model files."""
    needs: ClassVar[tuple[str, ...]]
    """Names of the values that `from_dict` takes."""
    along_both: bool = True
    """Whether the noise is alike along x and y, so that images may be turned by 90 degrees."""
    record: NoiseRecord
    """Where the model comes from and whether to trust it."""

    def __init__(self) -> None:
        super().__init__()
        self.record = NoiseRecord()

    def with_record(self, record: NoiseRecord) -> Self:
        """Return a copy of the model that carries another record."""
        other = copy.deepcopy(self)
        other.record = record
        return other

    @property
    @abstractmethod
    def signal_range(self) -> tuple[float, float]:
        """Range of the signal that the model was made for, grey levels."""

    @abstractmethod
    def log_likelihood(self, observation: Tensor, signal: Tensor) -> Tensor:
        """Return log p(observation | signal) of each pixel, nats per grey level."""

    def forward(self, observation: Tensor, signal: Tensor) -> Tensor:
        """Return `log_likelihood(observation, signal)`."""
        return self.log_likelihood(observation, signal)

    def log_likelihood_of_images(self, observation: Tensor, signal: Tensor) -> Tensor:
        """Return log p of each pixel of images (..., Y, X), nats per grey level.

        Their mean is that of the images: where noise goes on from pixel to pixel, each is taken
        given those before it.
        """
        return self.log_likelihood(observation, signal)

    def unforeseen(self, z: Tensor) -> Tensor:
        """Take from noise (..., Y, X), in standard deviations, what neighbours foretell of it."""
        return z

    def coloured(self, white: Tensor) -> Tensor:
        """Make white noise (..., Y, X) of unit variance as correlated as this noise is."""
        return white

    def mean(self, signal: Tensor) -> Tensor:
        """Mean of the observation: the signal itself."""
        return signal

    @abstractmethod
    def variance(self, signal: Tensor) -> Tensor:
        """Variance of the observation, squared grey levels, same shape as the signal."""

    @abstractmethod
    def cdf(self, observation: Tensor, signal: Tensor) -> Tensor:
        """Probability of an observation at or below this one; shapes broadcast."""

    @abstractmethod
    def sample(self, signal: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw a noisy observation of each pixel."""

    def quantiles(self, signal: Tensor, levels: Sequence[float] | Tensor) -> Tensor:
        """Grey levels below which the observation lies with given probabilities.

        Parameters
        ----------
        signal
            Any shape, grey levels.
        levels
            L probabilities, each above 0 and below 1.

        Returns
        -------
        (L, *signal.shape), in the precision of the signal.

        Raises
        ------
        NoiseModelError
            A level is not a probability inside (0, 1).
        """
        (signal,) = as_floats(signal)
        p = torch.as_tensor(levels, dtype=torch.float64).to(signal.device)
        if not bool(((p >= _LEAST_LEVEL) & (p <= 1 - _LEAST_LEVEL)).all()):
            raise NoiseModelError(
                f"Quantile levels must be above 0 and below 1; got {p.flatten().tolist()}."
            )
        p = p.reshape(-1, *(1,) * signal.ndim)
        with torch.no_grad():
            s = signal.double().expand(len(p), *signal.shape)
            mean, sigma = self.mean(s), self.variance(s).sqrt()
            # Cantelli's inequality: no distribution with these moments lies further out.
            low = mean - sigma * (1 + ((1 - p) / p).sqrt())
            high = mean + sigma * (1 + (p / (1 - p)).sqrt())
            for _ in range(_HALVINGS):
                middle = 0.5 * (low + high)
                below = self.cdf(middle, s) < p
                low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return (0.5 * (low + high)).to(signal.dtype)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values; `from_dict` gives back the same model, bit for bit."""
        record = self.record.to_values()
        return {"kind": self.kind, **self._values()} | ({"record": record} if record else {})

    @abstractmethod
    def _values(self) -> dict[str, Any]:
        """Numbers of the model as plain JSON values."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Model from what `to_dict` made.

        Raises
        ------
        NoiseModelError
            A value is missing or is not what it should be.
        """
        try:
            model = cls._from_values(values)
        except NoiseModelError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise NoiseModelError(
                f"A noise model of kind {cls.kind!r} cannot be made of these values ({error!r}): "
                f"it needs {', '.join(cls.needs)}, as numbers."
            ) from error
        model.record = NoiseRecord.of_values(values)
        return model

    @classmethod
    @abstractmethod
    def _from_values(cls, values: Mapping[str, Any]) -> Self:
        """Model from what `_values` gave."""


def as_floats(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Tensors broadcast together in float32, or in float64 where one of them is."""
    dtype = torch.float64 if any(t.dtype == torch.float64 for t in tensors) else torch.float32
    shape = torch.broadcast_shapes(*(t.shape for t in tensors))  # type: ignore[no-untyped-call]
    return tuple(t.to(dtype).expand(shape) for t in tensors)


def check_signal_range(low: float, high: float) -> None:
    """Raise unless the range of a signal can be one."""
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise NoiseModelError(
            f"The signal range of this noise model is {low:g}..{high:g}: it must be finite and "
            "rise. Fit the model anew."
        )
