"""What a camera does to an image that a network hardly minds, mended before the image is judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.measures.trust.likeness import EDGE, noise_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.float32]

SPECK = 6.0
"""Standard deviations of the noise from its neighbours that make a pixel a speck."""
_CLIPPED = 0.01  # share of the pixels at the least grey level that is worth mending
_NEAR = 0.25  # standard deviations of the noise above it within which there are fewer others
_LIKELY = 0.12  # chance that noise makes a pixel so dark, beside how many around it are
_RUN = 33  # pixels in a row that noise does not cut off one and all: a border, or beside a mosaic
_PASSES = 6  # until mean and noise of what was cut off do not change any more
_SMOOTHING = 3.0  # pixels, of the mean around a clipped pixel
_WIDE = 4.0  # pixels: what is wider may be structure
_SHARED = 2.0  # times the variance of a mean of independent places
_REGULAR = 0.4  # share of the power at one frequency that no noise has
_HIGH = 1.5  # standard deviations that the highest line exceeds its expectation by, if it is noise
WEAK = 0.4
"""Standard deviation of stripes, in that of the noise, up to which they do no harm: at 0.3
they cost 0.4 dB, at 0.5 up to 1.2."""
_SEED = 20261130


def without_specks(tiles: Pixels, noise: float) -> Pixels:
    """Replace hot and dead pixels of tiles (N, Y, X) by the median of their neighbourhood.

    A network hardly minds them, but they hide how alike the rest is.
    """
    from scipy.ndimage import median_filter  # takes 0.2 s; only this needs it

    usual = median_filter(tiles, size=(1, 3, 3), mode="nearest")
    return np.where(np.abs(tiles - usual) > SPECK * noise, usual, tiles)


def clipped(pixels: Pixels, noise: float) -> NDArray[np.bool_] | None:
    """Find pixels that were darker than the least grey level; None where there are hardly any.

    More pixels have that grey level than lie close above it, and it is noise that brings them there
    from those around them. Where grey levels come in large steps, as photons do, it is nothing
    unusual. Borders, and what lies beside a mosaic, are not among them; nor are dead pixels below.

    Parameters
    ----------
    pixels
        (..., Y, X)
    noise
        Standard deviation of their noise.
    """
    least = np.quantile(pixels, _CLIPPED, method="lower")
    at_least = pixels == least
    if at_least.mean() < _CLIPPED / 2:  # there may be dead pixels below
        return None
    above = pixels[pixels > least]
    if not above.size or above.min() - least > _NEAR * noise:
        return None
    from scipy.ndimage import binary_opening, gaussian_filter  # takes 0.2 s; only this needs it
    from scipy.special import ndtr  # likewise

    single = (1,) * (pixels.ndim - 2)
    for run in ((_RUN, 1), (1, _RUN)):
        at_least &= ~binary_opening(at_least, np.ones((*single, *run), bool))
    near = above < least + _NEAR * noise
    if at_least.mean() < _CLIPPED / 2 or at_least.sum() <= 1.5 * near.sum():
        return None
    width = (*(0 for _ in single), _SMOOTHING, _SMOOTHING)
    share = 1 - gaussian_filter((~at_least).astype(np.float32), width)[at_least]
    brightness = gaussian_filter(np.where(at_least, 0, pixels - least), width)[at_least]
    chance = ndtr(-brightness / np.maximum(1 - share, 1e-6) / noise)
    return at_least if chance[share < 1].sum() > _LIKELY * share.sum() else None


def filled(pixels: Pixels, where: NDArray[np.bool_], mean: Pixels, noise: Pixels) -> Pixels:
    """Give clipped pixels the noise that was cut off, always the same.

    Parameters
    ----------
    pixels
        (..., Y, X)
    where
        Those that were clipped, all at the same grey level.
    mean, noise
        Expected grey levels, and standard deviation of the noise, of the clipped pixels, (N,).
    """
    from scipy.special import ndtr, ndtri  # takes 0.2 s; only this needs it

    below = ndtr((pixels[where] - mean) / noise)
    chance = np.random.default_rng(_SEED).random(len(mean))
    found = pixels.copy()
    found[where] = mean + noise * ndtri(np.maximum(chance * below, np.finfo(np.float32).tiny))
    return found


def unclipped(tiles: Pixels) -> Pixels:
    """Give clipped pixels of tiles (N, Y, X) the noise that was cut off.

    Mean and noise around them are found together with it: that of the bright places alone is known
    at first.
    """
    from scipy.ndimage import gaussian_filter  # takes 0.2 s; only this needs it

    where = clipped(tiles, noise_of(tiles)) if tiles.size else None
    if where is None:
        return tiles
    found = tiles
    for _ in range(_PASSES):
        mean = gaussian_filter(found, (0, _SMOOTHING, _SMOOTHING), mode="nearest")[where]
        noise = np.full(len(mean), noise_of(found), np.float32)
        found = filled(tiles, where, mean, noise)
    return found


def without_stripes(tiles: Pixels, places: NDArray[np.intp], noise: float) -> Pixels:
    """Take weak stripes out of tiles (N, Y, X): rows, or columns, that are brighter all along.

    Parameters
    ----------
    tiles
        Of one or several planes.
    places
        (N, 3), plane, first row and first column of each.
    noise
        Standard deviation of their noise.

    Returns
    -------
    `tiles` themselves where there are no stripes.
    """
    found = tiles
    for along, kept in ((2, [0, 1]), (1, [0, 2])):
        same = places[:, kept]
        for place in np.unique(same, axis=0):
            here = (same == place).all(axis=1)
            stripes = _stripes(found[here].mean(axis=along), noise)
            if stripes is not None:
                found = found.copy() if found is tiles else found
                found[here] -= np.expand_dims(stripes, along - 1)
    return found


def plane_without_stripes(plane: Pixels, noise: float) -> Pixels:
    """Take weak stripes out of a plane (Y, X); parameters as of `without_stripes`."""
    for axis in (1, 0):
        n = plane.shape[axis] // EDGE
        pieces = np.array_split(plane, n, axis=axis) if n > 1 else []
        means = np.array([piece.mean(axis=axis) for piece in pieces])
        stripes = _stripes(means, noise) if pieces else None
        if stripes is not None:
            plane = plane - np.expand_dims(stripes, axis)
    return plane


def _stripes(lines: Pixels, noise: float) -> Pixels | None:
    """Find what lines share, from their means at several places of each, (places, lines)."""
    from scipy.ndimage import gaussian_filter1d  # takes 0.2 s; only this needs it

    sharp = lines - gaussian_filter1d(lines, _WIDE, axis=1, mode="nearest")
    shared: Pixels = sharp.mean(axis=0)
    by_chance, n = sharp.var() / len(sharp), shared.size
    if len(sharp) < 2 or shared.var() <= _SHARED * by_chance or shared.std() > WEAK * noise:
        return None
    # Single lines, and those that come at even distances, are structure.
    power = np.abs(np.fft.rfft(shared)[1:]) ** 2
    is_high = np.abs(shared).max() > (np.sqrt(2 * np.log(n)) + _HIGH) * shared.std()
    return None if is_high or power.max() > _REGULAR * power.sum() else shared
