"""Gaussian-mixture noise model p(observation | signal)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
from torch import Tensor

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.models.mixture_density import (
    Coefficients,
    Components,
    components,
    log_density,
)
from napari_denoisplit.noise.models.noise_model import NoiseModel, as_floats, check_signal_range

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_LOG_VARIANCE = 80.0  # exp of more, summed over the coefficients, overflows float32


class GaussianMixture(NoiseModel):
    """Mixture of K Gaussians whose parameters are polynomials of the signal.

    Everything is in the unit of the image (grey levels) and computed in float32, whatever the
    precision around it; float64 input is computed in float64. The mean of the observation is the
    signal, exactly and everywhere. Outside `signal_range` weights and variances stay what they
    are at its ends. The equations stand in `mixture_density`.

    Parameters
    ----------
    weight
        (3K, n): K rows of mean coefficients, K of log-coefficients of the variance, K of
        log-weight coefficients; column j multiplies t^j.
    min_signal, max_signal
        Range of the signal that t = 0..1 stands for, grey levels.
    min_sigma
        Least variance, squared grey levels (a variance in spite of its name, which is that of the
        published files).

    Raises
    ------
    NoiseModelError
        The weight has another shape, something is not finite, or the range is empty.

    Notes
    -----
    Source: Prakash et al. 2020, Fully unsupervised probabilistic Noise2Void (arXiv:1911.12291);
    denoiSplit uses one such model per channel (arXiv:2403.11854).
    """

    kind: ClassVar[str] = "gaussian_mixture"
    needs: ClassVar[tuple[str, ...]] = ("weight", "min_signal", "max_signal", "min_sigma")
    weight: Tensor
    min_signal: Tensor
    max_signal: Tensor
    min_sigma: Tensor

    def __init__(
        self, weight: Tensor, min_signal: float, max_signal: float, min_sigma: float
    ) -> None:
        super().__init__()
        weight = torch.as_tensor(weight).detach().to(torch.float32).clone()
        _check(weight, min_signal, max_signal, min_sigma)
        numbers = (torch.tensor(float(n)) for n in (min_signal, max_signal, min_sigma))
        for name, value in zip(self.needs, (weight, *numbers), strict=True):
            self.register_buffer(name, value)

    @property
    def n_gaussians(self) -> int:
        """Number of components, K."""
        return len(self.weight) // 3

    @property
    def n_coefficients(self) -> int:
        """Coefficients of each polynomial, n."""
        return self.weight.shape[1]

    @property
    def signal_range(self) -> tuple[float, float]:
        """Range of the signal that the model was fitted on, grey levels."""
        return float(self.min_signal), float(self.max_signal)

    def extra_repr(self) -> str:
        """Return what `repr` shows."""
        low, high = self.signal_range
        return (
            f"{self.n_gaussians} Gaussians, {self.n_coefficients} coefficients, {low:g}..{high:g}"
        )

    def log_likelihood(self, observation: Tensor, signal: Tensor) -> Tensor:
        """Return log p(observation | signal) of each pixel, nats.

        Finite for any finite input. Beyond 10 standard deviations it falls linearly, so that an
        outlier keeps pulling the signal towards it, without ever outweighing the rest.

        Parameters
        ----------
        observation, signal
            Grey levels, shapes that broadcast.
        """
        observation, signal = as_floats(observation, signal)
        c = self._coefficients(signal.dtype).shaped(1)
        return log_density(observation.reshape(-1), signal.reshape(-1), c).reshape(signal.shape)

    def variance(self, signal: Tensor) -> Tensor:
        """Variance of the observation, squared grey levels, same shape as the signal."""
        m = self._components(signal)
        return (m.weights * (m.variances + m.offsets**2)).sum(0)

    def cdf(self, observation: Tensor, signal: Tensor) -> Tensor:
        """Probability of an observation at or below this one; shapes broadcast.

        The exponential tails of the density hold less than 1e-22 and are left out.
        """
        observation, signal = as_floats(observation, signal)
        m = self._components(signal)
        deviations = (observation - signal - m.offsets) * m.variances.rsqrt()
        below: Tensor = torch.special.ndtr(deviations)
        return (m.weights * below).sum(0)

    def sample(self, signal: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw a noisy observation of each pixel, float32."""
        m = self._components(signal)
        bounds = m.weights.cumsum(0)[:-1]
        device, dtype = signal.device, bounds.dtype
        uniform = torch.rand(signal.shape, generator=generator, device=device, dtype=dtype)
        normal = torch.randn(signal.shape, generator=generator, device=device, dtype=dtype)
        chosen = (uniform > bounds).sum(0, keepdim=True)
        offset = m.offsets.gather(0, chosen)[0]
        sigma = m.variances.gather(0, chosen)[0].sqrt()
        return signal + offset + sigma * normal

    def _coefficients(self, dtype: torch.dtype) -> Coefficients:
        values = (getattr(self, name) for name in self.needs)
        return Coefficients.from_weight(dtype, *values)

    def _components(self, signal: Tensor) -> Components:
        (signal,) = as_floats(signal)
        return components(signal, self._coefficients(signal.dtype).shaped(*(1,) * signal.ndim))

    def _values(self) -> dict[str, Any]:
        return {name: getattr(self, name).tolist() for name in self.needs}

    @classmethod
    def _from_values(cls, values: Mapping[str, Any]) -> Self:
        weight, *numbers = (values[name] for name in cls.needs)
        return cls(torch.as_tensor(weight, dtype=torch.float32), *map(float, numbers))


def _check(weight: Tensor, low: float, high: float, min_sigma: float) -> None:
    """Raise unless the values make a usable model."""
    if weight.ndim != 2 or weight.shape[0] == 0 or weight.shape[0] % 3 or weight.shape[1] == 0:
        raise NoiseModelError(
            f"The weight of a Gaussian-mixture noise model has shape {tuple(weight.shape)}; it "
            "must be (3K, n): K rows each for means, variances and weights. Fit the model anew."
        )
    if not bool(torch.isfinite(weight).all()) or float(weight.abs().max()) > 1e30:
        raise NoiseModelError(
            "The weight of this noise model holds NaN or infinite values: fit the model anew."
        )
    k = len(weight) // 3
    if float(weight[k : 2 * k].max()) > _MOST_LOG_VARIANCE:
        raise NoiseModelError(
            f"A log-variance of this noise model is {float(weight[k : 2 * k].max()):g}; more than "
            f"{_MOST_LOG_VARIANCE:g} cannot be computed: fit the model anew."
        )
    check_signal_range(low, high)
    if not (math.isfinite(min_sigma) and min_sigma >= 0):
        raise NoiseModelError(
            f"The least variance (min_sigma) of this noise model is {min_sigma:g}; it must be "
            "finite and not negative. Fit the model anew."
        )
