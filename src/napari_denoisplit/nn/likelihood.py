"""Likelihood of the noisy channels given the predicted signal.

Letters: B batch, C channels, Y, X pixels. Both likelihoods return nats per normalized unit, so
that their values can be compared: a density per grey level differs by log(std) only.
"""

from __future__ import annotations

from math import log, pi
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.images.training.normalization import Normalization
    from napari_denoisplit.nn.sampler import Prediction
    from napari_denoisplit.noise.models.noise_model import NoiseModel

LOGVAR_MIN = -5.0


class ChannelScale(nn.Module):
    """Channels in image units to normalized units and back, (B, C, Y, X)."""

    mean: Tensor
    std: Tensor

    def __init__(self, normalization: Normalization) -> None:
        super().__init__()
        shape = (1, -1, 1, 1)
        self.register_buffer("mean", torch.tensor(normalization.channel_means).reshape(shape))
        self.register_buffer("std", torch.tensor(normalization.channel_stds).reshape(shape))

    def normalized(self, channels: Tensor) -> Tensor:
        """Take channels to normalized units."""
        return (channels - self.mean) / self.std

    def in_image_units(self, signal: Tensor) -> Tensor:
        """Take a signal back to image units."""
        return torch.addcmul(self.mean, signal, self.std)


class NoiseModelLikelihood(nn.Module):
    """p(noisy channel | signal) by one pixel noise model per channel.

    Source: denoiSplit, equations 5 and 6. Noise models are made for image units, so the signal is
    taken there first.
    """

    def __init__(self, noise_models: Sequence[NoiseModel], normalization: Normalization) -> None:
        super().__init__()
        from napari_denoisplit.noise.models.channels import NoiseModels

        self.noise_models = NoiseModels(list(noise_models))
        self.scale = ChannelScale(normalization)
        self._log_std = sum(map(log, normalization.channel_stds)) / len(noise_models)

    def forward(
        self, prediction: Prediction, channels: Tensor, factors: Tensor | None = None
    ) -> Tensor:
        """Average the negative log-likelihood over batch, channels and pixels: a scalar, nats.

        `channels` is (B, C, Y, X) in image units. Where they were multiplied by `factors`, their
        noise is that of the channels as they were recorded, for which the noise models are:
        p(a x | a s) = p(x | s) / a, whose last part does not depend on the network and is left out.
        """
        signal = self.scale.in_image_units(prediction.signal)
        if factors is not None:
            signal, channels = signal / factors, channels / factors
        log_likelihood = self.noise_models.log_likelihood(channels, signal)
        return -log_likelihood.mean() - self._log_std


class GaussianLikelihood(nn.Module):
    """p(noisy channel | prediction) as a normal density with a predicted variance per pixel.

    The log-variance is at least -5, as in the published altered muSplit and muSplit.
    """

    def __init__(self, normalization: Normalization) -> None:
        super().__init__()
        self.scale = ChannelScale(normalization)

    def forward(
        self, prediction: Prediction, channels: Tensor, factors: Tensor | None = None
    ) -> Tensor:
        """Average the negative log-likelihood: a scalar, nats; channels in image units."""
        del factors  # the predicted variance is that of the channels as they are
        if prediction.logvar is None:
            raise ValueError("The Gaussian likelihood needs a network with predict_logvar=True.")
        # Clipped as published: below the bound the log-variance has no gradient, but -5 is far
        # below the noise of images that need denoising.
        logvar = prediction.logvar.clamp(min=LOGVAR_MIN)
        error = self.scale.normalized(channels) - prediction.signal
        return 0.5 * (error.square() * (-logvar).exp() + logvar + log(2 * pi)).mean()
