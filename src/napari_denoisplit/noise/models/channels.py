"""Noise models of all channels of an image, evaluated together."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.models.gaussian_mixture import GaussianMixture
from napari_denoisplit.noise.models.mixture_density import Coefficients, log_density

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.noise.models.noise_model import NoiseModel


class NoiseModels(nn.Module):
    """One noise model per channel.

    They may be of different kinds. Where all are Gaussian mixtures with the same K and n, they are
    evaluated at once.

    Raises
    ------
    NoiseModelError
        There is no model.
    """

    def __init__(self, models: Sequence[NoiseModel]) -> None:
        super().__init__()
        if not models:
            raise NoiseModelError("No noise models were given: give one for each channel.")
        self.models = nn.ModuleList(models)

    def __len__(self) -> int:
        """Return the number of channels."""
        return len(self.models)

    def __getitem__(self, channel: int) -> NoiseModel:
        """Return the noise model of one channel."""
        return cast("NoiseModel", self.models[channel])

    def log_likelihood(self, observation: Tensor, signal: Tensor) -> Tensor:
        """Return log p(observation | signal) of each pixel, nats; see `log_likelihood_of_images`.

        Parameters
        ----------
        observation, signal
            (B, C, Y, X), grey levels.

        Raises
        ------
        NoiseModelError
            The number of channels is not that of the models, or the shapes differ.
        """
        if observation.shape != signal.shape or signal.ndim != 4 or signal.shape[1] != len(self):
            raise NoiseModelError(
                f"{len(self)} noise models need observation and signal of shape "
                f"(B, {len(self)}, Y, X); got {tuple(observation.shape)} and "
                f"{tuple(signal.shape)}."
            )
        together = self._together()
        if together is not None:
            return log_density(observation.float(), signal.float(), together)
        channels = [
            self[channel].log_likelihood_of_images(observation[:, channel], signal[:, channel])
            for channel in range(len(self))
        ]
        return torch.stack(channels, dim=1)

    def forward(self, observation: Tensor, signal: Tensor) -> Tensor:
        """Return `log_likelihood(observation, signal)`."""
        return self.log_likelihood(observation, signal)

    def _together(self) -> Coefficients | None:
        """Coefficients of all channels, polynomials (n, K, 1, C, 1, 1); None if they differ."""
        mixtures = [m for m in self.models if isinstance(m, GaussianMixture)]
        if len(mixtures) < len(self) or len({tuple(m.weight.shape) for m in mixtures}) > 1:
            return None
        values = (torch.stack([getattr(m, name) for m in mixtures]) for name in mixtures[0].needs)
        return Coefficients.from_weight(torch.float32, *values).shaped(1, len(self), 1, 1)
