"""Log-density of a Gaussian mixture whose parameters are polynomials of the signal.

Letters: K components, n coefficients, x observation, s signal, t = signal scaled to [0, 1].

    mean_k(s)     = s + m_k(t) - sum_l a_l(t) m_l(t)      so that E[x | s] = s exactly
    variance_k(s) = max(sum_j exp(W[K + k, j]) t^j, min_sigma)
    a_k(s)        = softmax over k of sum_j W[2K + k, j] t^j

Source: PN2V / DivNoising Gaussian-mixture noise model (Prakash et al. 2020, arXiv:1911.12291;
arXiv:2006.06072). Two things differ from the published class, on purpose:

- t is clamped to [0, 1]. Polynomials run away outside the range they were fitted on; here weights
  and variances stay what they are at its ends, while the mean goes on following the signal.
- Each Gaussian has exponential tails beyond `TAIL` standard deviations, where it holds less than
  1e-22 of its mass: the density is the same to float32 where there is data, and the pull of an
  outlier on the signal stays TAIL / sigma, neither zero (as with the published log(p + 1e-10),
  which is flat beyond 5 or 6 sigma) nor growing without bound (as with the bare Gaussian).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

TAIL = 10.0
"""Standard deviations beyond which the tails of a component are exponential."""
HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
_LEAST_VARIANCE = 1e-20  # 1 / sqrt of it, times any grey level, is still a float32
_PUBLISHED_TOLERANCE = 1e-10


class Coefficients(NamedTuple):
    """Polynomials ready for evaluation; they broadcast to K times the shape of the signal."""

    means: Tensor
    """(n, K, ...), grey levels."""
    variances: Tensor
    """(n, K, ...), positive, squared grey levels."""
    logits: Tensor
    """(n, K, ...), log-weights before softmax."""
    low: Tensor
    """Signal at t = 0."""
    span: Tensor
    """Signal at t = 1 minus signal at t = 0."""
    floor: Tensor
    """Least variance."""

    @classmethod
    def from_weight(
        cls, weight: Tensor, low: Tensor, high: Tensor, floor: Tensor, dtype: torch.dtype
    ) -> Coefficients:
        """Coefficients of one model, or of C models of the same K and n.

        Parameters
        ----------
        weight
            ([C,] 3K, n): means, log-coefficients of variances, log-weights.
        low, high
            Signal range, ([C]).
        floor
            Least variance, ([C]).
        dtype
            What to compute in.
        """
        rows = weight.to(dtype).movedim((-1, -2), (0, 1))  # ([C,] 3K, n) -> (n, 3K[, C])
        means, log_variances, logits = rows.chunk(3, dim=1)
        low, high = low.to(dtype), high.to(dtype)
        least = floor.to(dtype).clamp(min=_LEAST_VARIANCE)
        return cls(means, log_variances.exp(), logits, low, high - low, least)

    def shaped(self, *axes: int) -> Coefficients:
        """Reshape the axes after n and K, so that they broadcast to a signal.

        ``shaped(1, C, 1, 1)`` is for a signal (B, C, Y, X), ``shaped(1)`` for a flat one.
        """
        shape = (*self.means.shape[:2], *axes)
        polynomials = (p.reshape(shape) for p in (self.means, self.variances, self.logits))
        return Coefficients(*polynomials, *(p.reshape(axes) for p in self[3:]))


class Moments(NamedTuple):
    """Parameters of the components at given signals, each (K, ...)."""

    offsets: Tensor
    """Mean of each component minus the signal."""
    variances: Tensor
    log_weights: Tensor


def polynomial(coefficients: Tensor, t: Tensor) -> Tensor:
    """Sum of coefficients[j] * t^j by Horner's rule, (n, K, ...) and (...) -> (K, ...)."""
    value = coefficients[-1]
    for coefficient in coefficients[:-1].flip(0).unbind(0):
        value = value * t + coefficient
    return value


def slope(coefficients: Tensor, t: Tensor) -> Tensor:
    """Differentiate the polynomial with respect to t; a constant is left unexpanded."""
    if len(coefficients) == 1:
        return torch.zeros_like(coefficients[0])
    powers = torch.arange(1, len(coefficients), device=t.device, dtype=t.dtype)
    powers = powers.reshape(-1, *(1,) * (coefficients.ndim - 1))
    return polynomial(coefficients[1:] * powers, t)


def moments(signal: Tensor, c: Coefficients, *, clamp: bool = True) -> Moments:
    """Parameters of every component at each signal."""
    t = (signal - c.low) / c.span
    if clamp:
        t = t.clamp(0.0, 1.0)
    variances = torch.maximum(polynomial(c.variances, t), c.floor)
    log_weights = polynomial(c.logits, t).log_softmax(0)
    means = polynomial(c.means, t)
    offsets = means - (log_weights.exp() * means).sum(0)
    return Moments(offsets, variances, log_weights)


def log_density(observation: Tensor, signal: Tensor, c: Coefficients) -> Tensor:
    """Return log p(observation | signal), differentiable in every argument."""
    m = moments(signal, c)
    deviations = (observation - signal - m.offsets) * m.variances.rsqrt()
    pulls = deviations.clamp(-TAIL, TAIL)
    exponents = -pulls * (deviations - 0.5 * pulls)
    return torch.logsumexp(m.log_weights + exponents - 0.5 * m.variances.log(), 0) - HALF_LOG_2PI


def published_log_density(observation: Tensor, signal: Tensor, c: Coefficients) -> Tensor:
    """log(p + 1e-10) of the published class: bare Gaussians, polynomials left to extrapolate."""
    m = moments(signal, c, clamp=False)
    squares = (observation - signal - m.offsets) ** 2 / m.variances
    densities = (m.log_weights - 0.5 * (squares + m.variances.log()) - HALF_LOG_2PI).exp()
    return (densities.sum(0) + _PUBLISHED_TOLERANCE).log()
