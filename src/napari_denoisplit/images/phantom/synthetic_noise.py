"""Synthetic camera noise on clean channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.errors import REPLACE, ImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def add_noise(
    channels: NDArray[np.floating | np.integer],
    *,
    poisson: float = 0.0,
    gaussian: float = 1.0,
    sigma: float | None = None,
    seed: int,
) -> NDArray[np.float32]:
    """Clean channels as a camera would give them: shot noise, then Gaussian read noise.

    The shot noise is ``Poisson(x / poisson) * poisson``: the mean stays, and the variance is
    `poisson` times the signal. The Gaussian noise has the same spread in every channel,
    `noise_sigma` of the channels with their shot noise. The superposition of the noisy channels
    is then a noisy superposition, as in training.

    Parameters
    ----------
    channels
        (C, Y, X) or (N, C, Y, X) clean grey levels.
    poisson
        Grey levels of one photon; 0 adds no shot noise. The published experiments use 1000 on
        16-bit images of thousands of grey levels; 1 to 10 suits dimmer ones.
    gaussian
        Spread of the Gaussian noise as a multiple of the standard deviation of the input; the
        published levels are 1, 1.5, 2 and 4.
    sigma
        The spread in grey levels, in place of `gaussian`. The papers have one for a whole task:
        ``noise_sigma`` of all its clean channels, without shot noise.
    seed
        Same seed, same noise.

    Raises
    ------
    ImageError
        A level is negative, a level or pixel is not finite, the axes do not fit, or shot noise is
        asked for where the signal is negative.

    Notes
    -----
    Source: denoiSplit (Ashesh & Jug 2024, arXiv:2403.11854), section 4 and supplement S.2.
    """
    _check(channels, poisson=poisson, gaussian=gaussian, sigma=sigma or 0.0)
    rng = np.random.default_rng(seed)
    signal = np.asarray(channels, dtype=np.float32)
    if poisson > 0:
        signal = _shot_noise(signal, poisson, rng)
    noise = rng.standard_normal(signal.shape, dtype=np.float32)
    noise *= np.float32(noise_sigma(signal, gaussian) if sigma is None else sigma)
    noise += signal
    return noise


def noise_sigma(channels: NDArray[np.floating | np.integer], gaussian: float) -> float:
    """Spread of the Gaussian noise in grey levels: `gaussian` times the input's own.

    The input is what the network sees, the average of the channels; its standard deviation is
    taken over all its pixels. It is below that of the pooled channels, because structures that
    do not coincide average out.

    Parameters
    ----------
    channels
        (C, Y, X) or (N, C, Y, X) without Gaussian noise.
    gaussian
        Multiple of the standard deviation.
    """
    _check(channels, gaussian=gaussian)
    superposition = np.mean(channels, axis=-3, dtype=np.float64)
    return float(gaussian * superposition.std())


def _shot_noise(
    signal: NDArray[np.float32], photon: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    if signal.min() < 0:
        raise ImageError(
            f"The darkest pixel is {signal.min():g}: shot noise needs a signal of 0 or more. "
            "Take away less background first."
        )
    return np.asarray(rng.poisson(signal / photon) * photon, dtype=np.float32)


def _check(channels: NDArray[np.floating | np.integer], **levels: float) -> None:
    if channels.ndim not in (3, 4) or channels.size == 0:
        raise ImageError(
            f"Channels of shape {channels.shape} cannot be used: give (C, Y, X) or (N, C, Y, X)."
        )
    if not np.isfinite(channels).all():
        raise ImageError(f"The channels hold pixels that are NaN or infinite. {REPLACE}")
    for name, level in levels.items():
        if not 0 <= level < np.inf:
            raise ImageError(f"The noise level {name} is {level}: give 0 or more.")
