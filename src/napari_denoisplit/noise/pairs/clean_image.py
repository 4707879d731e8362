"""Noise from a clean image of the same field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.images.windows import spread_windows
from napari_denoisplit.noise.pairs.pairs import Field
from napari_denoisplit.noise.pairs.registration import shift_between
from napari_denoisplit.noise.pairs.scaling import Reference
from napari_denoisplit.noise.pairs.spread import SECOND_DIFFERENCE, clipped_levels
from napari_denoisplit.noise.pairs.windows import read_window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_OFF = 0.5  # pixels worth a note
_SCALED = 0.02  # of the scale, worth a note
_NOISY = 0.1  # of the variance, worth a note
_REACH = 5  # pixels around a clipped one whose mean is pulled towards it


def fields_of_pairs(
    observation: Any,
    signal: Any,
    max_pixels: int,
    mask: NDArray[np.bool_] | None = None,
    *,
    rescale: bool,
) -> tuple[list[Field], list[str]]:
    """Read windows of an image and of its clean version.

    Parameters
    ----------
    observation
        (..., Y, X), numpy or sliceable like it.
    signal
        The same shape, or its last axes.
    max_pixels
        How many pixels to read.
    mask
        (Y, X), True where pixels are used.
    rescale
        Bring the signal to the scale of the observation, window by window: exposures differ.

    Returns
    -------
    The windows, and what was found on the way, in sentences.
    """
    fields, slopes, shares, shifts = [], [], [], []
    for window in spread_windows(observation.shape, max_pixels, mask=mask):
        x = read_window(observation, window)
        s = read_window(signal, window[-len(signal.shape) :])
        usable = np.isfinite(x) & np.isfinite(s)
        if mask is not None:
            usable &= mask[window[-2:]]
        if rescale and usable.any():
            filled, clean = (np.where(usable, a, np.median(a[usable])) for a in (x, s))
            fit = Reference(clean, usable & ~_near_clipped(filled))
            slope, _, s = fit.followed_by(filled)
            shares.append(_noise_share(s, filled, usable))
            slopes.append(slope)
            shifts.append(shift_between(clean, filled))
        fields.append(Field(s[None], x[None], x[None], usable))
    return fields, [*_scale_notes(slopes), *_share_notes(shares), *_shift_notes(shifts)]


def _near_clipped(x: Floats) -> NDArray[np.bool_]:
    """Pixels (Y, X) near clipped ones, where the scale would seem too small."""
    from scipy import ndimage  # takes 0.2 s; only fits need it

    low, high = clipped_levels(x)
    clipped = (x <= low) | (x >= high)
    near = np.asarray(ndimage.maximum_filter(clipped, 2 * _REACH + 1), dtype=bool)
    return near if near.mean() < 0.5 else clipped


def _scale_notes(slopes: list[float]) -> list[str]:
    """Say by how much the clean image was scaled."""
    factor = float(np.median(slopes)) if slopes else 1.0
    if abs(factor - 1) < _SCALED:
        return []
    return [f"The clean image was multiplied by {factor:.3g} to match the noisy one."]


def _noise_share(clean: Floats, noisy: Floats, usable: NDArray[np.bool_]) -> float:
    """Variance of the clean image's own noise beside that of the noisy one."""
    from scipy import ndimage  # takes 0.2 s; only fits need it

    seen = []
    for image in (clean, noisy):
        fine = ndimage.correlate(image, np.outer(SECOND_DIFFERENCE, SECOND_DIFFERENCE))
        seen.append(float(np.median(fine[usable] ** 2)))
    return seen[0] / seen[1] if seen[1] > 0 else 0.0


def _share_notes(shares: list[float]) -> list[str]:
    """Say if the clean image is not clean."""
    share = float(np.median(shares)) if shares else 0.0
    if share < _NOISY:
        return []
    return [
        f"The clean image is noisy itself: its variance is about {share:.0%} of that of the noisy "
        "one, and counts as noise. Average more exposures, or give them as repeats."
    ]


def _shift_notes(shifts: list[tuple[float, float] | None]) -> list[str]:
    """Say if the images do not lie on each other."""
    told = [shift for shift in shifts if shift is not None]
    if not told:
        return []
    dy, dx = (float(v) for v in np.median(told, axis=0))
    if max(abs(dy), abs(dx)) < _OFF:
        return []
    return [
        f"The noisy image lies {dy:+.1f} pixels in y and {dx:+.1f} in x from the clean one: align "
        "them first, or edges will count as noise."
    ]
