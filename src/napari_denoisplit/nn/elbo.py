"""Evidence lower bound as a loss: reconstruction + beta * KL.

Source: denoiSplit (arXiv:2403.11854), equations 2-6; muSplit for the averaged KL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_denoisplit.nn.objective import Objective, Terms

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from napari_denoisplit.nn.objective import Batch
    from napari_denoisplit.nn.sampler import LatentNoise, Prediction
    from napari_denoisplit.settings import LossSettings

VALIDATION_SAMPLES = 2


def kl_terms(prediction: Prediction, loss: LossSettings, n_pixels: int) -> Tensor:
    """Reduce the KL of each level to what enters the loss, (L,), finest first.

    'sum' divides the sum over a level's entries by the pixels of the patch, for coarse levels
    too; 'mean' divides by the level's entries and the number of levels. Free bits hold back
    each sample and level by itself, on its total nats for 'sum' and on its mean for 'mean'.
    """
    if not prediction.kl_per_level:  # an autoencoder
        return prediction.signal.new_zeros(0)
    kl = torch.stack(prediction.kl_per_level)  # (L, B) nats
    if loss.kl == "sum":
        return kl.clamp(min=loss.free_bits).mean(dim=1) / n_pixels
    entries = kl.new_tensor(prediction.latents_per_level)[:, None]
    return (kl / entries).clamp(min=loss.free_bits).mean(dim=1) / len(kl)


class ElboObjective(Objective):
    """Evidence lower bound of a network with latents.

    The reconstruction is a mean over the C channels while the KL is divided by the pixels alone,
    as in the published objective: beside the ELBO of the paper's equation 2 its KL weighs C times.

    Parameters
    ----------
    likelihood
        `NoiseModelLikelihood` or `GaussianLikelihood`.
    loss
        Form of the KL, free bits, beta and its warm-up.
    n_levels
        Levels of the network.
    """

    def __init__(self, likelihood: nn.Module, loss: LossSettings, n_levels: int) -> None:
        super().__init__()
        self.likelihood = likelihood
        self.n_levels = n_levels
        self._loss = loss

    def beta(self, step: int) -> float:
        """Weight of the KL at a step; it rises over the warm-up."""
        warmup = self._loss.warmup_steps
        return self._loss.beta * (min(1.0, step / warmup) if warmup else 1.0)

    def forward(self, network: Callable[..., Prediction], batch: Batch, step: int) -> Terms:
        """Loss of one posterior sample."""
        prediction = network(batch.superposition, None, batch.factors)
        return self._terms(prediction, batch.channels, self.beta(step), batch.factors)

    def validate(
        self,
        network: Callable[..., Prediction],
        superposition: Tensor,
        channels: Tensor,
        noise: LatentNoise,
    ) -> tuple[Terms, Tensor]:
        """Loss of the first of two samples, and the mean of both."""
        predictions = [network(superposition, noise) for _ in range(VALIDATION_SAMPLES)]
        signal = torch.stack([p.signal for p in predictions]).mean(dim=0)
        return self._terms(predictions[0], channels, self._loss.beta), signal

    def _terms(
        self,
        prediction: Prediction,
        channels: Tensor,
        beta: float,
        factors: Tensor | None = None,
    ) -> Terms:
        reconstruction = self.likelihood(prediction, channels, factors)
        kl = kl_terms(prediction, self._loss, channels.shape[-2] * channels.shape[-1])
        return Terms(reconstruction + beta * kl.sum(), reconstruction, kl)
