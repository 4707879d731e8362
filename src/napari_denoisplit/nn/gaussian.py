"""Diagonal Gaussians over latents: the map from network output to variance, samples, KL."""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
from torch import Tensor

LOGVAR_MAX = 20.0
VARIANCE_MIN = 1e-6


class Gaussian(NamedTuple):
    """Mean and variance of independent normal variables, float32."""

    mean: Tensor
    variance: Tensor

    @classmethod
    def from_features(cls, features: Tensor) -> Self:
        """Read mean and log-variance from the two halves of the channel axis.

        The variance is exp(lv) below lv = 0 and 1 + lv above, so that a large output cannot
        overflow; at least 1e-6. Always in float32: in half precision 1e-6 is lost beside 1.

        Parameters
        ----------
        features
            (B, 2Z, Y, X) in any precision.
        """
        mean, logvar = features.float().chunk(2, dim=1)  # (B, Z, Y, X) each
        logvar = logvar.clamp(max=LOGVAR_MAX)
        variance = logvar.clamp(max=0).exp() + logvar.clamp(min=0) + VARIANCE_MIN
        return cls(mean, variance)

    def sample(self, noise: Tensor) -> Tensor:
        """Return mean + std * noise, the reparameterized sample for standard normal noise."""
        return torch.addcmul(self.mean, self.variance.sqrt(), noise)


def gaussian_kl(q: Gaussian, p: Gaussian) -> Tensor:
    """Elementwise KL(q || p) in nats, in closed form; same shape as q.

    The published code estimates it from one sample; the closed form has the same expectation
    and no sampling noise in its gradient.
    """
    ratio = q.variance / p.variance
    return 0.5 * (ratio - 1 - ratio.log() + (q.mean - p.mean).square() / p.variance)
