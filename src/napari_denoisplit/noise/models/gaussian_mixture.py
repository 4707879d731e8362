"""Gaussian-mixture noise model p(observation | signal)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
from torch import Tensor

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.models.base import PixelNoiseModel, as_floats, check_signal_range
from napari_denoisplit.noise.models.frozen_density import frozen_log_density
from napari_denoisplit.noise.models.mixture_density import (
    Coefficients,
    Moments,
    log_density,
    moments,
    published_log_density,
)
from napari_denoisplit.noise.models.records import record_from_values

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_LOG_VARIANCE = 80.0  # exp of more, summed over the coefficients, overflows float32


class GaussianMixture(PixelNoiseModel):
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
        self.register_buffer("weight", weight)
        self.register_buffer("min_signal", torch.tensor(float(min_signal)))
        self.register_buffer("max_signal", torch.tensor(float(max_signal)))
        self.register_buffer("min_sigma", torch.tensor(float(min_sigma)))

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

    def coefficients(self, dtype: torch.dtype = torch.float32) -> Coefficients:
        """Polynomials of the model, (n, K)."""
        return Coefficients.from_weight(
            self.weight, self.min_signal, self.max_signal, self.min_sigma, dtype
        )

    def log_likelihood(
        self, observation: Tensor, signal: Tensor, *, published: bool = False
    ) -> Tensor:
        """Return log p(observation | signal) of each pixel, nats.

        Finite for any finite input. Beyond 10 standard deviations it falls linearly, so that an
        outlier keeps pulling the signal towards it, without ever outweighing the rest.

        Parameters
        ----------
        observation, signal
            Grey levels, shapes that broadcast.
        published
            Evaluate the published formula instead, log(p + 1e-10) with polynomials that run on
            outside the signal range, for comparison with other programs.
        """
        observation, signal = as_floats(observation, signal)
        shape = signal.shape
        observation, signal = observation.reshape(-1), signal.reshape(-1)
        c = self.coefficients(signal.dtype).shaped(1)
        density = published_log_density if published else frozen_log_density
        if self.weight.requires_grad and not published:
            density = log_density
        return density(observation, signal, c).reshape(shape)

    def variance(self, signal: Tensor) -> Tensor:
        """Variance of the observation, squared grey levels, same shape as the signal."""
        m = self._moments(signal)
        return (m.log_weights.exp() * (m.variances + m.offsets**2)).sum(0)

    def cdf(self, observation: Tensor, signal: Tensor) -> Tensor:
        """Probability of an observation at or below this one; shapes broadcast.

        The exponential tails of the density hold less than 1e-22 and are left out.
        """
        observation, signal = as_floats(observation, signal)
        m = self._moments(signal)
        deviations = (observation - signal - m.offsets) * m.variances.rsqrt()
        below: Tensor = torch.special.ndtr(deviations)
        return (m.log_weights.exp() * below).sum(0)

    def sample(self, signal: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw a noisy observation of each pixel, float32."""
        m = self._moments(signal)
        bounds = m.log_weights.exp().cumsum(0)[:-1]
        device, dtype = signal.device, bounds.dtype
        uniform = torch.rand(signal.shape, generator=generator, device=device, dtype=dtype)
        normal = torch.randn(signal.shape, generator=generator, device=device, dtype=dtype)
        chosen = (uniform > bounds).sum(0, keepdim=True)
        offset = m.offsets.gather(0, chosen)[0]
        sigma = m.variances.gather(0, chosen)[0].sqrt()
        return signal + offset + sigma * normal

    def _moments(self, signal: Tensor) -> Moments:
        (signal,) = as_floats(signal)
        m = moments(signal, self.coefficients(signal.dtype).shaped(*(1,) * signal.ndim))
        return Moments(*(p.expand(self.n_gaussians, *signal.shape) for p in m))

    def _values(self) -> dict[str, Any]:
        return {
            "weight": self.weight.tolist(),
            "min_signal": float(self.min_signal),
            "max_signal": float(self.max_signal),
            "min_sigma": float(self.min_sigma),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Model from what `to_dict` made.

        Raises
        ------
        NoiseModelError
            A value is missing or is not what it should be.
        """
        try:
            model = cls(
                torch.as_tensor(values["weight"], dtype=torch.float32),
                float(values["min_signal"]),
                float(values["max_signal"]),
                float(values["min_sigma"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, NoiseModelError):
                raise
            raise NoiseModelError(
                f"These values do not describe a Gaussian-mixture noise model ({error!r}): they "
                "need weight, min_signal, max_signal, min_sigma, as numbers."
            ) from error
        return model.with_record(record_from_values(values))


def _check(weight: Tensor, low: float, high: float, min_sigma: float) -> None:
    """Raise unless the values make a usable model."""
    if weight.ndim != 2 or weight.shape[0] == 0 or weight.shape[0] % 3 or weight.shape[1] == 0:
        raise NoiseModelError(
            f"The weight of a Gaussian-mixture noise model has shape {tuple(weight.shape)}; it "
            "must be (3K, n): K rows each for means, variances and weights."
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
            "finite and not negative."
        )
