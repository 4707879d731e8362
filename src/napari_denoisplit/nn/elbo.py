"""Evidence lower bound as a loss: reconstruction + beta * KL.

Source: denoiSplit (arXiv:2403.11854), equations 2-6; muSplit for the averaged KL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from napari_denoisplit.nn.ladder import Prediction
    from napari_denoisplit.settings import LossSettings


class ElboTerms(NamedTuple):
    """Parts of the loss as scalars that carry gradients."""

    reconstruction: Tensor
    """Mean over batch, channels and pixels of the negative log-likelihood, nats."""
    kl_per_level: Tensor
    """(L,) what each level adds to the KL term before beta, finest level first."""

    def loss(self, beta: float) -> Tensor:
        """Add beta times the KL of all levels to the reconstruction."""
        return self.reconstruction + beta * self.kl_per_level.sum()


def kl_terms(prediction: Prediction, loss: LossSettings, n_pixels: int) -> Tensor:
    """Reduce the KL of each level to what enters the loss, (L,), finest first.

    'sum' divides the sum over a level's entries by the pixels of the patch, for coarse levels
    too; 'mean' divides by the level's entries and the number of levels. Free bits hold back
    each sample and level by itself, on its total nats for 'sum' and on its mean for 'mean'.
    """
    kl = torch.stack(prediction.kl_per_level)  # (L, B) nats
    if loss.kl == "sum":
        return kl.clamp(min=loss.free_bits).mean(dim=1) / n_pixels
    entries = kl.new_tensor(prediction.latents_per_level)[:, None]
    return (kl / entries).clamp(min=loss.free_bits).mean(dim=1) / len(kl)


def elbo(
    prediction: Prediction,
    channels: Tensor,
    likelihood: Callable[[Prediction, Tensor], Tensor],
    loss: LossSettings,
) -> ElboTerms:
    """Compute both parts of the loss for one batch.

    The reconstruction is a mean over the C channels while the KL is divided by the pixels alone,
    as in the published objective: beside the ELBO of the paper's equation 2 its KL weighs C times.

    Parameters
    ----------
    prediction
        Training pass of the network.
    channels
        Noisy channels (B, C, Y, X), image units.
    likelihood
        `NoiseModelLikelihood` or `GaussianLikelihood`.
    loss
        Form of the KL and free bits.
    """
    n_pixels = channels.shape[-2] * channels.shape[-1]
    return ElboTerms(likelihood(prediction, channels), kl_terms(prediction, loss, n_pixels))
