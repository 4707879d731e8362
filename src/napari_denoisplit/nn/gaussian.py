"""Diagonal Gaussians over latents: the map from network output to variance, samples, KL."""

from __future__ import annotations

from typing import Literal, NamedTuple, Self

import torch
from torch import Tensor

LOGVAR_MAX = 20.0
VARIANCE_MIN = 1e-6


class Gaussian(NamedTuple):
    """Mean and variance of independent normal variables, float32."""

    mean: Tensor
    variance: Tensor

    @classmethod
    def from_features(
        cls, features: Tensor, variance: Literal["exp_linear", "exp"] = "exp_linear"
    ) -> Self:
        """Read mean and log-variance from the two halves of the channel axis.

        Always in float32: in half precision 1e-6 is lost beside 1.

        Parameters
        ----------
        features
            (B, 2Z, Y, X) in any precision.
        variance
            'exp_linear' is exp(lv) below lv = 0 and 1 + lv above, so that a large output cannot
            overflow, and 1e-6 more; 'exp' is exp(lv).
        """
        mean, logvar = features.float().chunk(2, dim=1)  # (B, Z, Y, X) each
        if variance == "exp":
            return cls(mean, logvar.exp())
        logvar = logvar.clamp(max=LOGVAR_MAX)
        return cls(mean, logvar.clamp(max=0).exp() + logvar.clamp(min=0) + VARIANCE_MIN)

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
