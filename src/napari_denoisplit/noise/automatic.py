"""Choice of a noise model from whatever data there is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.clipping import unsaturated_signal
from napari_denoisplit.noise.estimation import estimate_noise
from napari_denoisplit.noise.fit_sample import FitSample
from napari_denoisplit.noise.fitting import fit
from napari_denoisplit.noise.gaussian_mixture import GaussianMixture

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
_MOST_REPEATS = 64
_MANY_REPEATS = 16
_MOST_PIXELS = 1 << 26  # 256 MiB of float32
_LEAST_STRUCTURE = 10.0  # times the noise: less tells no scale between two repeats


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

    Each repeat is brought to the brightness of the mean first, since lamps drift and dyes bleach.
    The mean of T repeats holds 1/T of the noise of each; the fit makes up for it.

    Parameters
    ----------
    stack
        (T, Y, X), grey levels, T >= 2.
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
    from scipy import ndimage  # takes 0.2 s; only fits need it

    raw = _cropped(stack)
    if not np.isfinite(raw).all():
        raise NoiseModelError(
            "The repeats hold NaN or infinite pixels: crop the stack to where all are numbers."
        )
    repeats = _rescaled(raw)
    mean = repeats.mean(axis=0)
    limit = unsaturated_signal(np.broadcast_to(mean, raw.shape), raw)
    n = len(repeats)
    # The variance of (repeat - mean) is 1 - 1/T of that of a repeat.
    noise = (repeats - mean) * np.float32(math.sqrt(n / (n - 1)))
    if n < _MANY_REPEATS:
        # Where the mean of a few repeats is high, its own noise was high, not the signal: the
        # variance would seem to rise too little. A slight blur takes that noise away.
        mean = ndimage.gaussian_filter(mean, 1.0)
    return _best(mean, mean + noise, limit, seed)


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


def _cropped(stack: Any) -> NDArray[np.float32]:
    """At most so many repeats, and their middle, as the memory allows."""
    n, height, width = stack.shape
    chosen = np.unique(np.linspace(0, n - 1, min(n, _MOST_REPEATS)).round().astype(int))
    rows = min(height, max(_MOST_PIXELS // (len(chosen) * width), 1))
    top = (height - rows) // 2
    return np.stack([np.asarray(stack[int(t), top : top + rows], dtype=np.float32) for t in chosen])


def _rescaled(repeats: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every repeat brought to the brightness and contrast of their mean."""
    from scipy import ndimage  # takes 0.2 s; only fits need it

    mean = repeats.mean(axis=0)
    smooth = ndimage.gaussian_filter(mean, 2.0)
    centred = smooth - smooth.mean()
    spread = float(np.mean(centred**2))
    rescaled = np.empty_like(repeats)
    for index, repeat in enumerate(repeats):
        blurred = ndimage.gaussian_filter(repeat, 2.0)
        scale = float(np.mean((blurred - blurred.mean()) * centred)) / spread if spread else 1.0
        rest = float(np.var(blurred - blurred.mean() - scale * centred))
        if spread < _LEAST_STRUCTURE * rest or scale <= 0:
            scale = 1.0
        rescaled[index] = (repeat - repeat.mean()) / scale + mean.mean()
    return rescaled
