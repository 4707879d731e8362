"""Noise of a superposition, from the noise models of its channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.giving_up import look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.noise.models.noise_model import NoiseModel

    Floats = NDArray[np.float32]

_ROWS = 256  # at a time: a mixture keeps several numbers for each pixel
_LEAST = 1e-12


def superposed_variance(
    models: Sequence[NoiseModel], weights: Sequence[float], signal: Floats
) -> Floats:
    """Variance of the noise of x = sum over c of weight_c * channel_c.

    The noise of one channel is independent of that of another, so that the variances add up with
    the squares of the weights: V = sum over c of weight_c^2 v_c(signal_c). Where v_c is linear, as
    for Poisson-Gaussian noise, V at the mean of posterior samples is the mean of V at the samples.

    Parameters
    ----------
    models
        One for each channel.
    weights
        Weight of each channel in the superposition.
    signal
        (C, Y, X), grey levels.

    Returns
    -------
    (Y, X), squared grey levels, positive.

    Raises
    ------
    NoiseModelError
        The number of models or weights is not that of the channels.
    """
    _check(models, weights, signal)
    total = np.zeros(signal.shape[1:], np.float32)
    for model, weight, channel in zip(models, weights, signal, strict=True):
        for top in range(0, len(channel), _ROWS):
            look()
            rows = slice(top, top + _ROWS)
            with torch.no_grad():
                variance = model.variance(torch.from_numpy(np.ascontiguousarray(channel[rows])))
            total[rows] += np.float32(weight**2) * variance.numpy()
    return np.maximum(total, np.float32(_LEAST))


def superposed_noise(
    models: Sequence[NoiseModel], weights: Sequence[float], signal: Floats, seed: int
) -> Floats:
    """Draw the noise of a superposition, (Y, X) grey levels with mean 0, as the models have it.

    Parameters
    ----------
    models, weights, signal
        As of `superposed_variance`.
    seed
        Same seed, same noise.
    """
    _check(models, weights, signal)
    generator = torch.Generator().manual_seed(seed)
    total = np.zeros(signal.shape[1:], np.float32)
    for model, weight, channel in zip(models, weights, signal, strict=True):
        for top in range(0, len(channel), _ROWS):
            look()
            rows = slice(top, top + _ROWS)
            clean = torch.from_numpy(np.ascontiguousarray(channel[rows]))
            with torch.no_grad():
                noise = model.sample(clean, generator) - model.mean(clean)
            total[rows] += np.float32(weight) * noise.numpy()
    return total


def _check(models: Sequence[NoiseModel], weights: Sequence[float], signal: Floats) -> None:
    if not len(models) == len(weights) == len(signal):
        raise NoiseModelError(
            f"{len(models)} noise models and {len(weights)} mixing weights do not fit "
            f"{len(signal)} channels: give one of each for every channel."
        )
