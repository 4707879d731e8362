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

The derivatives are made in the forward pass, by hand and in place: of the K components nothing is
kept for the backward pass, unless the polynomials themselves are fitted.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

if TYPE_CHECKING:
    from collections.abc import Iterator

TAIL = 10.0
"""Standard deviations beyond which the tails of a component are exponential."""
HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
_LEAST_VARIANCE = 1e-20  # 1 / sqrt of it, times any grey level, is still a float32
_CHUNK = 1 << 16  # signals at a time on a CPU, so that what is made of them stays in its cache
_LEAST_EXPONENT = -80.0  # exp of less is denormal or zero, and ten times as slow


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
        cls, dtype: torch.dtype, weight: Tensor, low: Tensor, high: Tensor, floor: Tensor
    ) -> Coefficients:
        """Coefficients of one model, or of C models of the same K and n.

        Parameters
        ----------
        dtype
            What to compute in.
        weight
            ([C,] 3K, n): means, log-coefficients of variances, log-weights.
        low, high
            Signal range, ([C]).
        floor
            Least variance, ([C]).
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


class Components(NamedTuple):
    """Parameters of the components at given signals, (K, ...)."""

    offsets: Tensor
    """Mean of each component minus the signal."""
    variances: Tensor
    weights: Tensor
    log_weights: Tensor
    """Less a constant at each signal: their exp adds up to `weight_sum`."""
    weight_sum: Tensor
    """(...)"""


def components(signal: Tensor, c: Coefficients) -> Components:
    """Parameters of every component at each signal."""
    return _components(_scaled(signal, c)[0], c)


def log_density(observation: Tensor, signal: Tensor, c: Coefficients) -> Tensor:
    """Return log p(observation | signal), differentiable once in both and in the polynomials.

    Parameters
    ----------
    observation, signal
        Same shape and dtype.
    c
        Polynomials shaped (n, K, 1, ...): the first axis of the signal is shared by all of them.
    """
    density: Tensor = _LogDensity.apply(observation, signal, *c)  # type: ignore[no-untyped-call]
    return density


class _LogDensity(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, observation: Tensor, signal: Tensor, *coefficients: Tensor) -> Tensor:
        """Log-density; keep its slopes for `backward`."""
        c = Coefficients(*coefficients)
        ctx.shape = c.means.shape
        wants_slopes, is_fitted = any(ctx.needs_input_grad), any(ctx.needs_input_grad[2:])
        results = [torch.empty_like(signal) for _ in range(3 if wants_slopes else 1)]
        slopes: tuple[Tensor, ...] = ()
        evaluate = _mixture if ctx.shape[1] > 1 else _single
        for rows in [slice(None)] if is_fitted else _chunks(signal):
            values, slopes = evaluate(observation[rows], signal[rows], c, wants_slopes)
            for result, value in zip(results, values, strict=True):
                result[rows] = value
        ctx.save_for_backward(*results[1:], *(slopes if is_fitted else ()))
        return results[0]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients in the order of the arguments of `forward`."""
        pull, in_signal, *of_fit = ctx.saved_tensors
        for_polynomials: list[Tensor | None] = [None] * 3
        if of_fit:
            t, *slopes = of_fit
            powers = [upstream * t**j for j in range(ctx.shape[0])]
            for_polynomials = [
                torch.stack([(slope * power).sum_to_size(ctx.shape[1:]) for power in powers])
                for slope in slopes
            ]
        return (
            -upstream * pull if ctx.needs_input_grad[0] else None,
            upstream * in_signal if ctx.needs_input_grad[1] else None,
            *for_polynomials,
            *(None,) * 3,
        )


def _chunks(signal: Tensor) -> Iterator[slice]:
    """Rows of the first axis to take at a time."""
    step = max(len(signal), 1)
    if signal.device.type == "cpu" and signal.numel():
        step = max(_CHUNK * len(signal) // signal.numel(), 1)
    return (slice(start, start + step) for start in range(0, len(signal), step))


def _sum(x: Tensor) -> Tensor:
    """Sum over K; faster than `sum(0)` for the few components of a noise model."""
    return reduce(torch.add, x.unbind(0))


def _polynomial(coefficients: Tensor, t: Tensor) -> Tensor:
    """Sum of coefficients[j] * t^j by Horner's rule, (n, K, ...) and (...) -> (K, ...), fresh."""
    if len(coefficients) == 1:
        return coefficients[0].expand(-1, *t.shape).clone()
    value = coefficients[-1]
    for coefficient in coefficients[:-1].flip(0).unbind(0):
        value = (value * t).add_(coefficient)
    return value


def _slope(coefficients: Tensor, t: Tensor) -> Tensor:
    """Differentiate the polynomial with respect to t; broadcasts to (K, ...)."""
    degree = len(coefficients) - 1
    value = degree * coefficients[degree]
    for j in range(degree - 1, 0, -1):
        value = value * t + j * coefficients[j]
    return value


def _scaled(signal: Tensor, c: Coefficients) -> tuple[Tensor, Tensor]:
    """Return t in [0, 1], and 1 / span inside the signal range, 0 outside."""
    unclamped = (signal - c.low).div_(c.span)
    t = unclamped.clamp(0.0, 1.0)
    # Arithmetic in place of comparisons: those are several times slower on a CPU.
    inside = unclamped.sub_(t).abs_().sign_().neg_().add_(1.0).div_(c.span)
    return t, inside


def _components(t: Tensor, c: Coefficients) -> Components:
    variances = _polynomial(c.variances, t)
    torch.maximum(variances, c.floor, out=variances)
    logits = _polynomial(c.logits, t)
    logits.sub_(logits.amax(0))
    weights = logits.exp()
    weight_sum = _sum(weights)
    weights = weights / weight_sum
    offsets = _polynomial(c.means, t)
    offsets.sub_(_sum(weights * offsets))
    return Components(offsets, variances, weights, logits, weight_sum)


def _mixture(
    observation: Tensor, signal: Tensor, c: Coefficients, wants_slopes: bool
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Log-density and, if wanted, its slopes.

    With z_k = (x - mean_k) / sigma_k, h its value clamped to the tails and r_k = p(k | x, s), let
    pull = sum_k r_k h_k / sigma_k. The slopes in what the polynomials give at t are

        m_k:         r_k h_k / sigma_k - a_k pull
        variance_k:  r_k (h_k z_k - 1) / (2 variance_k), 0 at the least variance
        logit_k:     r_k - a_k - a_k (mean_k - s) pull

    and the slope in s is pull plus the sum of each times the slope of its polynomial.

    Returns
    -------
    (log-density, pull, slope in s), (...) each, and (t, slopes in m_k, variance_k, logit_k), the
    latter (K, ...); without slopes the log-density alone.
    """
    t, inside = _scaled(signal, c)
    m = _components(t, c)
    unfloored = (m.variances - c.floor).sign_() if wants_slopes else m.variances
    inverse_sigmas = m.variances.rsqrt_()
    deviations = torch.sub(observation - signal, m.offsets).mul_(inverse_sigmas)
    clamped = deviations.clamp(-TAIL, TAIL)
    exponents = m.log_weights.sub_(torch.add(deviations, clamped, alpha=-0.5).mul_(clamped))
    largest = exponents.amax(0)
    joint = exponents.sub_(largest).clamp_(min=_LEAST_EXPONENT).exp_().mul_(inverse_sigmas)
    joint_sum = _sum(joint)
    density = torch.div(joint_sum, m.weight_sum).log_().add_(largest).sub_(HALF_LOG_2PI)
    if not wants_slopes:
        return (density,), ()
    responsibilities = joint.div_(joint_sum)
    scaled = responsibilities * inverse_sigmas
    in_mean = scaled * clamped
    pull = _sum(in_mean)
    in_mean.addcmul_(m.weights, pull, value=-1.0)
    in_variance = clamped.mul_(deviations).sub_(1.0).mul_(0.5)
    in_variance.mul_(scaled).mul_(inverse_sigmas).mul_(unfloored)
    in_logit = responsibilities.sub_(m.weights)
    in_logit.addcmul_(m.offsets.mul_(m.weights), pull, value=-1.0)
    drifts = in_mean * _slope(c.means, t)
    drifts.addcmul_(in_variance, _slope(c.variances, t))
    drifts.addcmul_(in_logit, _slope(c.logits, t))
    in_signal = torch.addcmul(pull, _sum(drifts), inside)
    return (density, pull, in_signal), (t, in_mean, in_variance, in_logit)


def _single(
    observation: Tensor, signal: Tensor, c: Coefficients, wants_slopes: bool
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """As `_mixture`, of one Gaussian, whose mean is the signal: twice as fast."""
    t, inside = _scaled(signal, c)
    variance = torch.maximum(_polynomial(c.variances, t), c.floor)
    unfloored = (variance - c.floor).sign_() if wants_slopes else variance
    inverse_sigma = variance.rsqrt_()
    deviation = (observation - signal) * inverse_sigma
    clamped = deviation.clamp(-TAIL, TAIL)
    exponent = torch.add(deviation, clamped, alpha=-0.5).mul_(clamped)
    density = inverse_sigma.log().sub_(exponent).sub_(HALF_LOG_2PI)
    if not wants_slopes:
        return (density[0],), ()
    pull = clamped * inverse_sigma
    in_variance = deviation.mul_(clamped).sub_(1.0).mul_(0.5)
    in_variance.mul_(inverse_sigma).mul_(inverse_sigma).mul_(unfloored)
    in_signal = torch.addcmul(pull, in_variance * _slope(c.variances, t), inside)
    nothing = torch.zeros_like(c.means[0])  # neither the mean nor the weight counts
    return (density[0], pull[0], in_signal[0]), (t, nothing, in_variance, nothing)
