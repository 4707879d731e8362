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
from napari_denoisplit.noise.clipping import clipped_levels
from napari_denoisplit.noise.neighbours import neighbour_correlation
from napari_denoisplit.noise.windows import spread_windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["NoiseEstimate", "NoiseLine", "estimate_noise", "examine_noise"]

_MOST_PIXELS = 4_000_000  # they tell gain and offset to about a percent, in a second or two
_SMALLEST_EDGE = 32
_BORDER = 6  # reach of the smoothing: no pixel is judged by what was padded
_FLATTEST = 0.25
_LEAST_COUNT = 100
_MOST_BINS = 20
_TRIM = 4.0  # a squared residual counts for at most so many standard deviations, squared
_TRIMMED_MEAN = 0.999881  # mean of min(z^2, _TRIM^2) for normal z
_MODEL_ERROR = 0.05  # bins are not trusted to better than this, however many pixels they hold
_NEIGHBOURS = 3.0  # overlapping filters: so many pixels tell as much as one independent one
_SECOND_DIFFERENCE = np.array([1.0, -2.0, 1.0], dtype=np.float32) / np.float32(np.sqrt(6.0))
_WIDE_DIFFERENCE = np.array([1.0, 0, -2.0, 0, 1.0], dtype=np.float32) / np.float32(np.sqrt(6.0))


@dataclass(frozen=True, slots=True, eq=False)
class NoiseLine:
    """Variance of the noise as a straight line over the signal."""

    gain: float
    """Rise of the variance with the signal, grey levels; not negative."""
    intercept: float
    """Variance that the line has at signal 0, squared grey levels; negative above an offset."""
    least_variance: float
    """Half of the least variance seen: the line is not followed below."""
    signal_range: tuple[float, float]
    """Darkest and brightest local mean."""
    signals: Floats
    """Mean signal of each bin of pixels behind the line, grey levels."""
    variances: Floats
    """Variance of the noise in each bin, squared grey levels."""

    def variance(self, signal: Floats) -> Floats:
        """Variance of the noise at each signal."""
        return np.maximum(self.gain * signal + self.intercept, self.least_variance)


@dataclass(frozen=True, slots=True, eq=False)
class NoiseEstimate:
    """What an image tells about its noise."""

    line: NoiseLine
    signal: Floats
    """(N,), local mean of flat pixels, grey levels."""
    noise: Floats
    """(N,), their deviation from it, with the standard deviation of the noise."""
    neighbour_correlation: tuple[float, float, float]
    """Of the noise of pixels 1 to 3 apart."""
    observed_range: tuple[float, float]
    """Range of grey levels, 0.01 % cut off at both ends."""
    saturation: float
    """Grey level at which pixels are clipped; infinite if none are."""


def estimate_noise(image: Any) -> NoiseLine:
    """Estimate the noise of an image from the image itself.

    Clipped pixels are left out. Noise that is correlated between neighbouring pixels (resampled,
    smoothed or compressed images) is underestimated.

    Parameters
    ----------
    image
        (..., Y, X) of one channel, numpy or sliceable like it; large ones are sampled.

    Raises
    ------
    NoiseModelError
        The image is too small, or holds no noise.
    """
    return examine_noise(image).line


def examine_noise(
    image: Any, max_pixels: int = _MOST_PIXELS, mask: NDArray[np.bool_] | None = None
) -> NoiseEstimate:
    """Estimate the noise of an image as `estimate_noise`, and tell what it is based on.

    Parameters
    ----------
    image
        (..., Y, X) of one channel, numpy or sliceable like it.
    max_pixels
        How many pixels to read.
    mask
        (Y, X), True where pixels are used.

    Raises
    ------
    NoiseModelError
        The image is too small, or holds no noise.
    """
    samples, observed, saturation = _samples(image, max_pixels, mask)
    bins = _bins(samples)
    if not bins or not any(b.variance > 0 for b in bins):
        raise NoiseModelError(
            "No noise can be measured in this image: its flat parts are all of one value. Was it "
            "denoised or thresholded? Use the raw image, or give a noise model."
        )
    bins = [b for b in bins if b.variance > 0]
    signals, variances, counts = (
        np.array(column, dtype=np.float64)
        for column in zip(*((b.signal, b.variance, len(b.flattest)) for b in bins), strict=True)
    )
    gain, intercept = _line(signals, variances, counts)
    extent = (float(np.quantile(samples.smooth, 1e-3)), float(samples.smooth.max()))
    # Noise and smoothed image are independent, where noise is; the mean of the taps is not.
    local = [
        samples.smooth[b.flattest] - samples.smooth[b.flattest].mean() + b.signal for b in bins
    ]
    flat = np.concatenate([b.flattest for b in bins])
    return NoiseEstimate(
        NoiseLine(gain, intercept, 0.5 * float(variances.min()), extent, signals, variances),
        np.concatenate(local),
        samples.residual[flat],
        neighbour_correlation(samples.residual, samples.wide, [b.flattest for b in bins]),
        observed,
        saturation,
    )


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
    roughness: Floats


class _Bin(NamedTuple):
    """Pixels of about the same brightness."""

    signal: float
    variance: float
    flattest: NDArray[np.int64]
    """Indices of the samples that it was measured on, by rising roughness."""


def _samples(
    image: Any, max_pixels: int, mask: NDArray[np.bool_] | None
) -> tuple[_Samples, tuple[float, float], float]:
    """Take samples from all windows; tell the range of grey levels and where it is clipped."""
    shape = tuple(int(n) for n in image.shape)
    if len(shape) < 2 or min(shape[-2:]) < _SMALLEST_EDGE:
        raise NoiseModelError(
            f"An image of shape {shape} is too small to estimate its noise: it takes at least "
            f"{_SMALLEST_EDGE} x {_SMALLEST_EDGE} pixels."
        )
    windows = spread_windows(shape, max_pixels, mask=mask)
    tiles = [np.asarray(image[window], dtype=np.float32) for window in windows]
    inside = [None if mask is None else mask[window[-2:]] for window in windows]
    values = np.concatenate([t[np.isfinite(t)] for t in tiles])
    low, high = clipped_levels(values)
    parts = [_tile_samples(t, m, low, high) for t, m in zip(tiles, inside, strict=True)]
    samples = _Samples(*(np.concatenate(p) for p in zip(*parts, strict=True)))
    if len(samples.signal) < _LEAST_COUNT:
        raise NoiseModelError(
            "Almost every pixel of this image is clipped or not a number, or the region of "
            "interest is too small: no noise can be measured. Use an image with a shorter exposure "
            "or a larger region, or give a noise model."
        )
    ends = np.quantile(values, (1e-4, 1 - 1e-4))
    return samples, (float(ends[0]), float(ends[1])), high


def _tile_samples(
    tile: NDArray[np.float32], inside: NDArray[np.bool_] | None, low: float, high: float
) -> _Samples:
    """Take samples from one window."""
    from scipy import ndimage  # takes 0.2 s; only estimates need it

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
        residual = ndimage.correlate1d(residual, _SECOND_DIFFERENCE, axis=axis)
        wide = ndimage.correlate1d(wide, _WIDE_DIFFERENCE, axis=axis)
        signal = ndimage.correlate1d(signal, _SECOND_DIFFERENCE**2, axis=axis)
    smooth = ndimage.gaussian_filter(tile, 2.0, truncate=3.0)
    step_y, step_x = np.gradient(smooth)
    bulge = (smooth - ndimage.gaussian_filter(tile, 4.0, truncate=3.0)) / 4.0
    roughness = step_y**2 + step_x**2 + bulge**2
    inner = (slice(_BORDER, -_BORDER),) * 2
    kept = usable[inner]
    maps = (residual, wide, signal, smooth, roughness)
    return _Samples(*(a[inner][kept].astype(np.float64) for a in maps))


def _bins(samples: _Samples) -> list[_Bin]:
    """Signal and variance of the noise, in bins of the smoothed image."""
    smooth, roughness = samples.smooth, samples.roughness
    n_bins = int(np.clip(len(smooth) // (4 * _LEAST_COUNT), 1, _MOST_BINS))
    # Equal counts describe the background well, equal widths the few bright pixels: take both.
    margin = 5e-4 if n_bins > 1 else 0.0
    shares = np.quantile(smooth, np.linspace(margin, 1 - margin, n_bins + 1))
    edges = np.unique(np.concatenate([shares, np.linspace(shares[0], shares[-1], n_bins + 1)]))
    order = np.argsort(smooth, kind="stable")
    bounds = np.searchsorted(smooth[order], edges)
    bins = []
    for start, stop in pairwise(bounds):
        members = order[start:stop]
        count = max(int(_FLATTEST * len(members)), _LEAST_COUNT)
        if len(members) < 2 * _LEAST_COUNT:
            continue
        flattest = members[np.argsort(roughness[members])[:count]]
        variance = _trimmed_variance(samples.residual[flattest])
        bins.append(_Bin(float(samples.signal[flattest].mean()), variance, flattest))
    return bins


def _trimmed_variance(residual: Floats) -> float:
    """Variance of zero-mean normal values of which a few are outliers."""
    squares = residual**2
    variance = float(np.median(squares)) / 0.4549 or float(squares.mean())
    for _ in range(20):
        variance = float(np.minimum(squares, _TRIM**2 * variance).mean()) / _TRIMMED_MEAN
    return variance


def _line(signals: Floats, variances: Floats, counts: Floats) -> tuple[float, float]:
    """Gain and intercept of a robust line through the bins, gain not negative."""
    trust = 1.0 / (2.0 * _NEIGHBOURS / counts + _MODEL_ERROR**2)
    fitted = variances
    doubt = np.ones_like(variances)
    design = np.stack([signals, np.ones_like(signals)], axis=1)
    floor = 0.2 * float(variances.min())
    gain, intercept = 0.0, float(np.average(variances, weights=trust / variances**2))
    if len(signals) < 3 or np.ptp(signals) == 0:
        return gain, intercept
    for _ in range(30):
        root = np.sqrt(trust * doubt) / fitted
        solution = np.linalg.lstsq(design * root[:, None], variances * root, rcond=None)[0]
        fitted = np.maximum(design @ solution, floor)
        # Tukey's biweight on relative errors: bins on structure stand far above the line.
        relative = (variances - fitted) / fitted
        scale = 4.685 * max(1.4826 * float(np.median(np.abs(relative))), 0.02)
        doubt = np.clip(1.0 - (relative / scale) ** 2, 0.0, 1.0) ** 2
    gain, intercept = (float(value) for value in solution)
    if gain <= 0.0:
        return 0.0, float(np.average(variances, weights=trust * doubt))
    return gain, intercept
