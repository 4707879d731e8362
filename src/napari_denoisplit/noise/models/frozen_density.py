"""Log-density of a frozen Gaussian mixture, with its slope in closed form.

The same density as `mixture_density.log_density`, for training a network under a noise model that
stays fixed: the derivative with respect to signal and observation is made in the forward pass, by
hand and in place, so nothing is kept of the K components and the backward pass is one product.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from napari_denoisplit.noise.models.mixture_density import HALF_LOG_2PI, TAIL, Coefficients, slope

_CHUNK = 1 << 16  # signals at a time on a CPU, so that what is made of them stays in its cache
_LEAST_EXPONENT = -80.0  # exp of less is denormal or zero, and ten times as slow


def frozen_log_density(observation: Tensor, signal: Tensor, c: Coefficients) -> Tensor:
    """Return log p(observation | signal), differentiable once in both, not in the coefficients.

    Parameters
    ----------
    observation, signal
        Same shape and dtype.
    c
        Polynomials shaped (n, K, 1, ...): the first axis of the signal is shared by all of them.
    """
    density: Tensor = _FrozenDensity.apply(observation, signal, *c)  # type: ignore[no-untyped-call]
    return density


class _FrozenDensity(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, observation: Tensor, signal: Tensor, *coefficients: Tensor) -> Tensor:
        c = Coefficients(*coefficients)
        evaluate = _mixture if c.means.shape[1] > 1 else _single
        wants_slope = any(ctx.needs_input_grad[:2])
        density = torch.empty_like(signal)
        slopes = (torch.empty_like(signal), torch.empty_like(signal)) if wants_slope else None
        step = _rows(signal)
        for start in range(0, len(signal), step):
            rows = slice(start, start + step)
            value, pull, drift = evaluate(observation[rows], signal[rows], c, wants_slope)
            density[rows] = value
            if slopes is not None:
                slopes[0][rows] = pull
                torch.add(pull, drift, out=slopes[1][rows])
        if slopes is not None:
            ctx.save_for_backward(*slopes)
        return density

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        pull, slope_of_signal = ctx.saved_tensors
        for_observation = -upstream * pull if ctx.needs_input_grad[0] else None
        for_signal = upstream * slope_of_signal if ctx.needs_input_grad[1] else None
        return for_observation, for_signal, *(None,) * len(Coefficients._fields)


def _rows(signal: Tensor) -> int:
    """Rows of the first axis to take at a time."""
    if signal.device.type != "cpu" or signal.numel() == 0:
        return max(len(signal), 1)
    return max(_CHUNK * len(signal) // signal.numel(), 1)


def _sum(x: Tensor) -> Tensor:
    """Sum over K; faster than `sum(0)` for the few components of a noise model."""
    return reduce(torch.add, x.unbind(0))


def _polynomial(coefficients: Tensor, t: Tensor) -> Tensor:
    """As `mixture_density.polynomial`, always a fresh tensor of K times the shape of t."""
    if len(coefficients) == 1:
        return coefficients[0].expand(-1, *t.shape).clone()
    value = coefficients[-1]
    for coefficient in coefficients[:-1].flip(0).unbind(0):
        value = (value * t).add_(coefficient)
    return value


def _scaled(signal: Tensor, c: Coefficients) -> tuple[Tensor, Tensor]:
    """Return t in [0, 1], and 1 / span inside the signal range, 0 outside."""
    unclamped = (signal - c.low).div_(c.span)
    t = unclamped.clamp(0.0, 1.0)
    # Arithmetic in place of comparisons: those are several times slower on a CPU.
    inside = unclamped.sub_(t).abs_().sign_().neg_().add_(1.0).div_(c.span)
    return t, inside


def _single(
    observation: Tensor, signal: Tensor, c: Coefficients, wants_slope: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Density of one Gaussian, its pull on the mean, and the rest of the slope."""
    t, inside = _scaled(signal, c)
    variance = _polynomial(c.variances, t)[0]
    variance = torch.maximum(variance, c.floor)
    unfloored = (variance - c.floor).sign_() if wants_slope else variance
    inverse_sigma = variance.rsqrt_()
    deviation = (observation - signal).mul_(inverse_sigma)
    clamped = deviation.clamp(-TAIL, TAIL)
    exponent = torch.add(deviation, clamped, alpha=-0.5).mul_(clamped)
    density = inverse_sigma.log().sub_(exponent).sub_(HALF_LOG_2PI)
    if not wants_slope:
        return density, density, density
    pull = clamped * inverse_sigma
    drift = deviation.mul_(clamped).sub_(1.0).mul_(inverse_sigma).mul_(inverse_sigma)
    drift.mul_(unfloored).mul_(slope(c.variances, t)[0]).mul_(inside.mul_(0.5))
    return density, pull, drift


def _mixture(
    observation: Tensor, signal: Tensor, c: Coefficients, wants_slope: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Density of the mixture, its pull on the mean, and the rest of the slope.

    With z_k = (x - mean_k) / sigma_k, h its value clamped to the tails, r_k = p(k | x, s):
    pull = sum_k r_k h_k / sigma_k, and the slope in s is pull * d mean_k/ds +
    r_k (h_k z_k - 1) / (2 variance_k) d variance_k/ds + (r_k - a_k) d logit_k/ds, summed over k.
    """
    t, inside = _scaled(signal, c)
    variances = _polynomial(c.variances, t)
    torch.maximum(variances, c.floor, out=variances)
    unfloored = (variances - c.floor).sign_() if wants_slope else variances
    inverse_sigmas = variances.rsqrt_()
    logits = _polynomial(c.logits, t)
    logits.sub_(logits.amax(0))
    weights = logits.exp()
    weight_sum = _sum(weights)
    weights.div_(weight_sum)
    offsets = _polynomial(c.means, t)
    offsets.sub_(_sum(weights * offsets))
    deviations = torch.sub(observation - signal, offsets).mul_(inverse_sigmas)
    clamped = deviations.clamp(-TAIL, TAIL)
    exponents = logits.sub_(torch.add(deviations, clamped, alpha=-0.5).mul_(clamped))
    largest = exponents.amax(0)
    joint = exponents.sub_(largest).clamp_(min=_LEAST_EXPONENT).exp_().mul_(inverse_sigmas)
    joint_sum = _sum(joint)
    density = torch.div(joint_sum, weight_sum).log_().add_(largest).sub_(HALF_LOG_2PI)
    if not wants_slope:
        return density, density, density

    responsibilities = joint.div_(joint_sum)
    scaled = responsibilities * inverse_sigmas
    pulls = scaled * clamped
    pull = _sum(pulls)
    mean_slope, logit_slope = slope(c.means, t), slope(c.logits, t)
    drifts = clamped.mul_(deviations).sub_(1.0).mul_(scaled).mul_(inverse_sigmas)
    drifts.mul_(slope(c.variances, t) * 0.5).mul_(unfloored)
    drifts.add_(pulls.mul_(mean_slope)).add_(responsibilities.sub_(weights).mul_(logit_slope))
    offset_slope = _sum(offsets.mul_(logit_slope).add_(mean_slope).mul_(weights))
    drift = _sum(drifts).addcmul_(pull, offset_slope, value=-1.0).mul_(inside)
    return density, pull, drift
