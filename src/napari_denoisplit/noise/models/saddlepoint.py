"""Density of a Poisson count plus Gaussian noise, by the saddlepoint approximation.

Letters, in units of one photon: y = count + normal(0, v), l the mean count, d = y - l, t the
saddlepoint, m = l e^t what y says of the count, V = m + v the curvature there.

    l (e^t - 1) + v t = d                                               (the saddlepoint equation)
    log p(y) = l (e^t - 1) + v t^2 / 2 - t y - log(2 pi V) / 2 + c - log Z(l)
    c = m / (8 V^2) - 5 m^2 / (24 V^3)                                  (second order)

Z(l) is the integral of what stands before it, made once for a given v; so the density integrates to
1. The equation has one root and is convex. It is solved through Wright's omega function,
w + log w = z, whose solution gives t for any y, then polished by Newton's method on t itself, where
no digits are lost for large counts. Beyond `TAIL` standard deviations of the read noise below,
the tail is exponential: the pull of a dark outlier on the signal stays bounded.

Sources: Snyder, Helstrom, Lanterman, Faisal & White 1995, J. Opt. Soc. Am. A 12, 272, for the
saddlepoint of this density; Daniels 1954 (doi 10.1214/aoms/1177728652) for the second order;
Lawrence, Corless & Jeffrey 2012 (doi 10.1145/2168773.2168779) for the omega function.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from napari_denoisplit.noise.models.mixture_density import HALF_LOG_2PI, TAIL

LEAST_COUNT = 0.01
"""Photons that the dark holds: for fewer the slope of the density grows without bound."""
_MOST_COUNT = 1e4  # the integral differs from 1 by less than 1e-6 beyond
_N_COUNTS = 129
_ROOTS = 9.0  # signed roots that the tables span: 1e-18 of the mass lies outside
_N_ROOTS = 361
_N_ROOTS_OF_NORM = 49
_HALVINGS = 36
_NEAR = 0.3  # below it a series keeps the digits that differences lose


class Saddlepoint(NamedTuple):
    """Solution of the saddlepoint equation, each of the shape of the observation."""

    t: Tensor
    m: Tensor
    """l e^t"""
    excess: Tensor
    """What of d lies in the exponential tail; 0 elsewhere."""


def saddlepoint(d: Tensor, count: Tensor, v: Tensor) -> Saddlepoint:
    """Solve for t, given the deviation from the mean, the mean count and the variance v."""
    y = d + count
    z = (y + v * (count / v).log()) / v
    # Start of omega(z): exact at both ends, within a third between.
    small = z.clamp(max=1.5).exp()
    w = torch.where(z > 1.5, z - z.clamp(min=1.0).log(), small / (1.0 + 0.63 * small))
    tiny = torch.finfo(w.dtype).tiny
    w = w.clamp(min=tiny)
    for _ in range(2):  # fourth order
        r = z - w - w.log()
        q = (1.0 + w) * (1.0 + w + r * (2.0 / 3.0))
        w = (w * (1.0 + r / (1.0 + w) * (q - 0.5 * r) / (q - r))).clamp(min=tiny)
    # From the omega function's logarithm; where it underflows, m is 0 and t is y / v.
    t = torch.where(z > -50.0, (w * (v / count)).log(), y / v)
    lowest = -TAIL * v.rsqrt()
    t = torch.maximum(t, lowest)
    for _ in range(2):
        rise = count * t.expm1()
        t = torch.maximum(t - (rise + v * t - d) / (rise + count + v), lowest)
    rise = count * t.expm1()
    excess = torch.where(t > lowest, torch.zeros_like(d), d - rise - v * t).clamp(max=0.0)
    return Saddlepoint(t, rise + count, excess)


def log_density(count: Tensor, v: Tensor, s: Saddlepoint) -> Tensor:
    """Return log p(y) before normalization, nats per photon."""
    curvature = s.m + v
    correction = s.m * (0.125 - (5.0 / 24.0) * s.m / curvature) / curvature.square()
    exponent = _exponent(count, v, s.t) - s.t * s.excess
    return exponent - 0.5 * curvature.log() - HALF_LOG_2PI + correction


def slopes(count: Tensor, v: Tensor, s: Saddlepoint) -> tuple[Tensor, Tensor]:
    """Slope of `log_density` in d at constant count, and in the count at constant d.

    By the implicit derivatives of the saddlepoint equation: dm/dd = m / V, and
    dm/dl = e^t (v + l) / V at constant d; what stands in the exponent is stationary in t.
    """
    curvature = s.m + v
    inverse = curvature.reciprocal()
    share = s.m * inverse
    bend = inverse * (-0.5 + inverse * (0.125 + share * (0.625 * share - 2.0 / 3.0)))
    growth = s.m / count  # e^t
    tail = s.excess < 0
    moved_by_d = torch.where(tail, torch.zeros_like(share), share)
    moved_by_count = growth * torch.where(tail, torch.ones_like(share), (v + count) * inverse)
    return bend * moved_by_d - s.t, growth - 1.0 - s.t + bend * moved_by_count


def signed_root(count: Tensor, v: Tensor, s: Saddlepoint) -> Tensor:
    """Deviation in standard normal terms: -w^2 / 2 is the exponent, with the sign of t."""
    exponent = _exponent(count, v, s.t) - s.t * s.excess
    return s.t.sign() * (-2.0 * exponent).clamp(min=0.0).sqrt()


def _exponent(count: Tensor, v: Tensor, t: Tensor) -> Tensor:
    """Exponent on the saddlepoint, without loss of digits near t = 0."""
    series = -t.square() * (
        1 / 2 + t * (1 / 3 + t * (1 / 8 + t * (1 / 30 + t * (1 / 144 + t / 840))))
    )
    direct = t.expm1() * (1.0 - t) - t
    return count * torch.where(t.abs() < _NEAR, series, direct) - 0.5 * v * t.square()


class SaddlepointTables(NamedTuple):
    """Integrals of the density for one v, over even steps of the logarithm of the count."""

    log_norm: Tensor
    """(N,), log Z."""
    excess_cdf: Tensor
    """(N, R), cumulative distribution minus that of a standard normal, over the signed root."""

    @classmethod
    def make(cls, v: float, *, with_cdf: bool = True) -> SaddlepointTables:
        """Integrate numerically, float64 on the CPU."""
        n_counts = _N_COUNTS if with_cdf else _N_COUNTS // 2 + 1
        steps = torch.linspace(0, 1, n_counts, dtype=torch.float64)
        count = (LEAST_COUNT * (_MOST_COUNT / LEAST_COUNT) ** steps)[:, None]
        variance = torch.tensor(v, dtype=torch.float64)
        # Over the whole line of a smooth bell, a coarse sum is exact; parts of it take more.
        n_roots = _N_ROOTS if with_cdf else _N_ROOTS_OF_NORM
        roots = torch.linspace(-_ROOTS, _ROOTS, n_roots, dtype=torch.float64)
        t = _t_of_root(roots, count, variance)
        s = Saddlepoint(t, count * t.exp(), torch.zeros_like(t))
        # dy = V dt and w dw = t V dt, since the slope of the exponent in t is -t V.
        jacobian = torch.where(roots.abs() > 1e-6, roots / t, (count + variance).sqrt())
        density = log_density(count, variance, s).exp() * jacobian
        total = torch.trapezoid(density, roots, dim=1)
        normal = (-0.5 * roots.square() - HALF_LOG_2PI).exp()
        excess = torch.cumulative_trapezoid(density / total[:, None] - normal, roots, dim=1)
        return cls(total.log(), torch.cat([torch.zeros_like(count), excess], dim=1))

    def log_norm_at(self, count: Tensor) -> tuple[Tensor, Tensor]:
        """Return log Z, linear between the entries, and its slope in the count."""
        position, index, step = _place(count, len(self.log_norm))
        table = self.log_norm.to(count)
        low, high = table[index], table[index + 1]
        inside = (count < _MOST_COUNT).to(count.dtype)
        return torch.lerp(low, high, position - index), inside * (high - low) / (step * count)

    def cdf(self, root: Tensor, count: Tensor) -> Tensor:
        """Cumulative distribution at a signed root."""
        position, row, _ = _place(count, len(self.log_norm))
        n = self.excess_cdf.shape[1]
        place = ((root / _ROOTS + 1.0) * (0.5 * (n - 1))).clamp(0, n - 1)
        column = place.long().clamp(max=n - 2)
        table = self.excess_cdf.to(root).reshape(-1)
        flat = row * n + column
        along, across = place - column, position - row
        low = torch.lerp(table[flat], table[flat + 1], along)
        high = torch.lerp(table[flat + n], table[flat + n + 1], along)
        # Beyond the tables only the skewness is left, which falls with the root of the count.
        excess = torch.lerp(low, high, across) * (_MOST_COUNT / count).clamp(max=1.0).sqrt()
        normal: Tensor = torch.special.ndtr(root)
        return (normal + excess).clamp(0.0, 1.0)


def _place(count: Tensor, n_counts: int) -> tuple[Tensor, Tensor, float]:
    """Place of a count in the tables, the entry below it, and the step of the logarithm."""
    step = math.log(_MOST_COUNT / LEAST_COUNT) / (n_counts - 1)
    position = ((count / LEAST_COUNT).log() / step).clamp(0, n_counts - 1)
    return position, position.long().clamp(max=n_counts - 2), step


def _t_of_root(roots: Tensor, count: Tensor, v: Tensor) -> Tensor:
    """Saddlepoint at which the signed root has given values, (N, R), by bisection."""
    bound = _ROOTS / math.sqrt(float(v))
    low = torch.full((len(count), len(roots)), -bound, dtype=torch.float64)
    # e^20 times the least count is beyond any signed root in the tables.
    high = torch.full_like(low, min(bound, 20.0))
    zero = torch.zeros_like(low)
    for _ in range(_HALVINGS):
        t = 0.5 * (low + high)
        below = signed_root(count, v, Saddlepoint(t, t, zero)) < roots
        low, high = torch.where(below, t, low), torch.where(below, high, t)
    return 0.5 * (low + high)
