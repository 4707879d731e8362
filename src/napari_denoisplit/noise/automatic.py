"""Choice of a noise model from whatever data there is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.images.noise_data import NoiseData
from napari_denoisplit.noise.estimation import estimate_noise
from napari_denoisplit.noise.fit_sample import FitSample
from napari_denoisplit.noise.fitting import fit
from napari_denoisplit.noise.gathering import gather
from napari_denoisplit.noise.gaussian_mixture import GaussianMixture
from napari_denoisplit.settings import NoiseFitSettings

if TYPE_CHECKING:
    from napari_denoisplit.noise.estimation import NoiseLine

__all__ = [
    "noise_model_from_image",
    "noise_model_from_line",
    "noise_model_from_pairs",
    "noise_model_from_repeats",
]

_N_GAUSSIANS = 3
_WORTH = 1e-3  # nats per pixel that more Gaussians must gain to be kept
_MOST_DISAGREEMENT = 1.5


def noise_model_from_pairs(signal: Any, observation: Any, *, seed: int = 0) -> GaussianMixture:
    """Fit a noise model to a clean image and its noisy version.

    One Gaussian whose variance is linear in the signal, or three where they describe held-out
    pixels better.

    Parameters
    ----------
    signal
        Clean image, grey levels; broadcasts to the observation.
    observation
        Noisy image in the same unit.
    seed
        Seed of the draw of pixels.

    Raises
    ------
    NoiseModelError
        See `fit_gaussian_mixture`.
    """
    return _best(signal, observation, math.inf, seed)


def noise_model_from_repeats(stack: Any, *, seed: int = 0) -> GaussianMixture:
    """Fit a noise model to repeated exposures of a static field.

    Lamps may drift, dyes bleach and the field move a little; see `gather`.

    Parameters
    ----------
    stack
        (T, Y, X), grey levels, T >= 2; numpy, or sliceable like it.
    seed
        Seed of the draw of pixels.

    Raises
    ------
    NoiseModelError
        The stack has another shape or a single repeat, or see `fit_gaussian_mixture`.
    """
    if stack.ndim != 3 or stack.shape[0] < 2:
        raise NoiseModelError(
            f"A stack of shape {tuple(stack.shape)} is no set of repeats: it must be (T, Y, X) "
            "with T at least 2. For a single image, estimate the noise from the image."
        )
    pairs = gather(NoiseData("repeats", stack), NoiseFitSettings(seed=seed))
    return _best(pairs.signal, pairs.observation, pairs.max_signal, seed)


def noise_model_from_image(image: Any) -> GaussianMixture:
    """Estimate a noise model from a noisy image alone.

    One Gaussian whose variance is linear in the signal; see `estimate_noise` for its limits.

    Parameters
    ----------
    image
        (..., Y, X) of one channel, grey levels.

    Raises
    ------
    NoiseModelError
        The image is too small, or holds no noise.
    """
    return noise_model_from_line(estimate_noise(image))


def noise_model_from_line(line: NoiseLine) -> GaussianMixture:
    """Make a noise model of one Gaussian whose variance is a straight line over the signal."""
    low, high = line.signal_range
    if line.gain > 0:  # the line begins where it leaves the least variance
        low = max(low, (line.least_variance - line.intercept) / line.gain)
    # Local means fall short of the brightest signal: leave the line room to go on.
    high = low + max(2.0 * (high - low), math.sqrt(line.least_variance), 1e-6 * abs(low))
    bottom, top = (float(v) for v in line.variance(np.array([low, high])))
    rise = max(top - bottom, 1e-12 * bottom)
    weight = torch.tensor([[0.0, 0.0], [math.log(bottom), math.log(rise)], [0.0, 0.0]])
    return GaussianMixture(weight, low, high, 0.5 * line.least_variance)


def _best(signal: Any, observation: Any, max_signal: float, seed: int) -> GaussianMixture:
    """One Gaussian, or several where they are better."""
    sample = FitSample.draw(signal, observation, max_signal=max_signal, seed=seed)
    single, several = (fit(sample, k) for k in (1, _N_GAUSSIANS))
    better = several.held_out_nll < single.held_out_nll - _WORTH
    return several.model if better and _agree(several.model, single.model) else single.model


def _agree(model: GaussianMixture, other: GaussianMixture) -> bool:
    """Whether two models tell about the same variance over the signal range.

    A mixture may describe the bulk of a few grey levels with spikes and the rest with a Gaussian
    that is far too wide; the single Gaussian cannot.
    """
    signal = torch.linspace(*other.signal_range, 65)
    ratio = model.variance(signal) / other.variance(signal)
    return bool(((ratio > 1 / _MOST_DISAGREEMENT) & (ratio < _MOST_DISAGREEMENT)).all())
