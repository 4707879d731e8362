"""Noise of a single image, with pairs to judge it by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.noise.pairs.estimation import examine_noise
from napari_denoisplit.noise.pairs.value import Pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["pairs_of_single_image"]

_NOTE = (
    "The noise was estimated from the image alone, on its flattest places: its variance is taken "
    "to be a straight line over the signal."
)


def pairs_of_single_image(
    image: Any, max_pixels: int, *, mask: NDArray[np.bool_] | None = None, seed: int = 0
) -> Pairs:
    """Estimate the noise of an image, and give pairs of local mean and deviation from it.

    Parameters
    ----------
    image
        (..., Y, X) of one channel, numpy or sliceable like it.
    max_pixels
        How many pixels to read.
    mask
        (Y, X), True where pixels are used.
    seed
        Seed of the order of the pairs.

    Raises
    ------
    NoiseModelError
        See `estimate_noise`.
    """
    found = examine_noise(image, max_pixels, mask)
    order = np.random.default_rng(seed).permutation(len(found.signal))
    s = found.signal[order].astype(np.float32)
    notes = [_NOTE]
    if np.isfinite(found.saturation):
        notes.append(
            f"The detector saturates at {found.saturation:g} grey levels; pixels there and around "
            "are left out."
        )
    return Pairs(
        source="single",
        signal=s,
        observation=s + found.noise[order].astype(np.float32),
        line=found.line,
        neighbour_correlation=found.neighbour_correlation,
        max_signal=found.saturation,
        signal_range=(float(s.min()), float(s.max())),
        observed_range=found.observed_range,
        notes=tuple(notes),
    )
