"""Poisson-Gaussian noise of a camera, estimated from noisy images alone.

variance(s) = gain * s + intercept, with s the signal in grey levels. The noise is what is left by
a filter that lets only the finest detail through (a product of second differences, which takes out
any locally linear structure). Pixels are sorted into bins by the smoothed image, and only those
where it is flattest for its brightness are used. For white noise smoothed image and residual are
independent, so that choosing flat places does not bias the noise found there. The signal of a bin
is the mean of the pixels themselves, weighted as they enter the residual: on a peak the smoothed
image would be too dark, and the variance seem to rise too steeply.

Sources: Immerkaer 1996 (doi 10.1006/cviu.1996.0060) for the filter, Foi et al. 2008
(doi 10.1109/TIP.2008.2001399) for the noise model.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.giving_up import look
from napari_denoisplit.images.windows import spread_windows
from napari_denoisplit.noise.pairs.line import NoiseLine
from napari_denoisplit.noise.pairs.neighbour_correlation import neighbour_correlation
from napari_denoisplit.noise.pairs.rounding import grey_step
from napari_denoisplit.noise.pairs.scaling import mean_of_neighbours
from napari_denoisplit.noise.pairs.spread import (
    SECOND_DIFFERENCE,
    check_spread,
    clipped_levels,
    trimmed_variance,
)
from napari_denoisplit.noise.pairs.windows import read_window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_MOST_PIXELS = 4_000_000  # they tell gain and offset to about a percent, in a second or two
_SMALLEST_EDGE = 32
_BORDER = 6  # reach of the smoothing: no pixel is judged by what was padded
_SMOOTH = 2.0  # pixels
_FLATTEST = 0.25
_LEAST_COUNT = 100
_ROUNDING = 1e-9  # of the largest variance
_MOST_BINS = 20
_NEIGHBOURS = 3.0  # overlapping filters: so many pixels tell as much as one independent one
_WIDE_DIFFERENCE = np.array([1.0, 0, -2.0, 0, 1.0], dtype=np.float32) / np.float32(np.sqrt(6.0))


@dataclass(frozen=True, slots=True, eq=False)
class NoiseEstimate:
    """What an image tells about its noise."""

    line: NoiseLine
    signal: Floats
    """(N,), local mean of flat pixels, grey levels."""
    noise: Floats
    """(N,), what is left of them without the mean of their neighbours, with the variance of the
    noise."""
    neighbour_correlation: tuple[float, float, float]
    """Of the noise of pixels 1 to 3 apart."""
    observed_range: tuple[float, float]
    """Range of grey levels, 0.01 % cut off at both ends."""
    saturation: float
    """Grey level at which pixels are clipped; infinite if none are."""
    step: float
    """Between grey levels; 0 if they are continuous."""


def estimate_noise(
    image: Any, max_pixels: int = _MOST_PIXELS, mask: NDArray[np.bool_] | None = None
) -> NoiseEstimate:
    """Estimate the noise of an image from the image itself.

    Clipped pixels are left out. Noise that is correlated between neighbouring pixels (resampled,
    smoothed or compressed images) is underestimated.

    Parameters
    ----------
    image
        (..., Y, X) of one channel, numpy or sliceable like it; large ones are sampled.
    max_pixels
        How many pixels to read.
    mask
        (Y, X), True where pixels are used.

    Raises
    ------
    NoiseModelError
        The image is too small, or holds no noise.
    """
    samples, observed, saturation, step = _samples(image, max_pixels, mask)
    bins = _bins(samples)
    if not bins or not any(b.variance > 0 for b in bins):
        raise NoiseModelError(
            "This image shows no noise: its flat parts have one value each. Was it denoised or "
            "thresholded? Use the raw image, or give a noise model."
        )
    largest = max(b.variance for b in bins)
    # What rounding leaves of flat pixels is no noise.
    bins = [b for b in bins if b.variance > _ROUNDING * largest]
    check_spread(largest**0.5, max(map(abs, observed)))
    signals, variances, counts = (
        np.array(column, dtype=np.float64)
        for column in zip(*((b.signal, b.variance, len(b.flattest)) for b in bins), strict=True)
    )
    extent = (float(np.quantile(samples.smooth, 1e-3)), float(samples.smooth.max()))
    # Noise and smoothed image are independent, where noise is; the mean of the taps is not.
    local = [
        samples.smooth[b.flattest] - samples.smooth[b.flattest].mean() + b.signal for b in bins
    ]
    return NoiseEstimate(
        NoiseLine.through(signals, variances, counts / _NEIGHBOURS, extent, step),
        np.concatenate(local),
        np.concatenate([_noise(samples.deviation[b.flattest], b.variance) for b in bins]),
        neighbour_correlation(samples.residual, samples.wide, [b.flattest for b in bins]),
        observed,
        saturation,
        step,
    )


def correlation_of_neighbours(
    image: Any, max_pixels: int = _MOST_PIXELS
) -> tuple[float, float, float] | None:
    """Estimate the correlation of the noise of pixels 1 to 3 apart from the image itself.

    Parameters
    ----------
    image
        (..., Y, X) of one channel, numpy or sliceable like it.
    max_pixels
        How many pixels to read.

    Returns
    -------
    None if the image is too small, or holds no noise.
    """
    try:
        return estimate_noise(image, max_pixels).neighbour_correlation
    except NoiseModelError:
        return None


def _noise(deviation: Floats, variance: float) -> Floats:
    """Deviations (N,) from the neighbours' mean, with the mean and the variance of the noise."""
    centred = deviation - deviation.mean()
    return np.asarray(centred * np.sqrt(variance / max(float(centred.var()), 1e-300)))


class _Samples(NamedTuple):
    """What is known of each usable pixel, (N,)."""

    residual: Floats
    """Noise, with the standard deviation it has in the image."""
    wide: Floats
    """The same, measured on pixels that lie two apart."""
    signal: Floats
    """Mean of the pixels that the residual is made of, with the same weights."""
    smooth: Floats
    """Mean over a wider neighbourhood."""
    deviation: Floats
    """Pixel less the mean of its neighbours: the form of the noise, and some structure."""
    roughness: Floats


class _Bin(NamedTuple):
    """Pixels of about the same brightness."""

    signal: float
    variance: float
    flattest: NDArray[np.int64]
    """Indices of the samples that it was measured on, by rising roughness."""


def _samples(
    image: Any, max_pixels: int, mask: NDArray[np.bool_] | None
) -> tuple[_Samples, tuple[float, float], float, float]:
    """Take samples from all windows; tell range, clipping and step of the grey levels."""
    shape = tuple(int(n) for n in image.shape)
    if len(shape) < 2 or min(shape[-2:]) < _SMALLEST_EDGE:
        raise NoiseModelError(
            f"An image of shape {shape} is too small to estimate its noise: give at least "
            f"{_SMALLEST_EDGE} x {_SMALLEST_EDGE} pixels."
        )
    windows = spread_windows(shape, max_pixels, mask=mask)
    tiles = [read_window(image, window) for window in windows]
    inside = [None if mask is None else mask[window[-2:]] for window in windows]
    values = np.concatenate([t[np.isfinite(t)] for t in tiles])
    low, high = clipped_levels(values)
    parts = [_tile_samples(t, m, low, high) for t, m in zip(tiles, inside, strict=True)]
    samples = _Samples(*(np.concatenate(p) for p in zip(*parts, strict=True)))
    if len(samples.signal) < _LEAST_COUNT:
        raise NoiseModelError(
            "Too few pixels tell the noise of this image: the others are clipped, not a number or "
            "outside the region of interest. Use an image with a shorter exposure or a larger "
            "region, or give a noise model."
        )
    ends = np.quantile(values, (1e-4, 1 - 1e-4))
    return samples, (float(ends[0]), float(ends[1])), high, grey_step(values)


def _tile_samples(
    tile: NDArray[np.float32], inside: NDArray[np.bool_] | None, low: float, high: float
) -> _Samples:
    """Take samples from one window."""
    from scipy import ndimage  # takes 0.2 s; only estimates need it

    look()
    usable = np.isfinite(tile) & (tile > low) & (tile < high)
    if not usable.all():
        tile = np.where(np.isfinite(tile), tile, np.float32(0))
        # Near a clipped pixel the noise is cut off too, and the mean is pulled towards it.
        share = ndimage.uniform_filter(usable.astype(np.float32), size=7)
        usable = ndimage.binary_erosion(usable, np.ones((3, 3), dtype=bool)) & (share > 0.8)
    if inside is not None:
        usable &= inside
    residual = wide = signal = tile
    for axis in (0, 1):
        residual = ndimage.correlate1d(residual, SECOND_DIFFERENCE, axis=axis)
        wide = ndimage.correlate1d(wide, _WIDE_DIFFERENCE, axis=axis)
        signal = ndimage.correlate1d(signal, SECOND_DIFFERENCE**2, axis=axis)
    smooth = ndimage.gaussian_filter(tile, _SMOOTH, truncate=3.0)
    step_y, step_x = np.gradient(smooth)
    bulge = (smooth - ndimage.gaussian_filter(tile, 4.0, truncate=3.0)) / 4.0
    roughness = step_y**2 + step_x**2 + bulge**2
    inner = (slice(_BORDER, -_BORDER),) * 2
    kept = usable[inner]
    deviation = tile - mean_of_neighbours(tile, _SMOOTH)
    maps = (residual, wide, signal, smooth, deviation, roughness)
    return _Samples(*(a[inner][kept].astype(np.float64) for a in maps))


def _bins(samples: _Samples) -> list[_Bin]:
    """Signal and variance of the noise, in bins of the smoothed image."""
    look()
    smooth, roughness = samples.smooth, samples.roughness
    n_bins = int(np.clip(len(smooth) // (4 * _LEAST_COUNT), 1, _MOST_BINS))
    # Equal counts describe the background well, equal widths the few bright pixels: take both.
    margin = 5e-4 if n_bins > 1 else 0.0
    shares = np.quantile(smooth, np.linspace(margin, 1 - margin, n_bins + 1))
    edges = np.unique(np.concatenate([shares, np.linspace(shares[0], shares[-1], n_bins + 1)]))
    look()
    order = np.argsort(smooth, kind="stable")
    bounds = np.searchsorted(smooth[order], edges)
    bins = []
    for start, stop in pairwise(bounds):
        look()
        members = order[start:stop]
        count = max(int(_FLATTEST * len(members)), _LEAST_COUNT)
        if len(members) < 2 * _LEAST_COUNT:
            continue
        flattest = members[np.argsort(roughness[members])[:count]]
        variance = trimmed_variance(samples.residual[flattest])
        bins.append(_Bin(float(samples.signal[flattest].mean()), variance, flattest))
    return bins
