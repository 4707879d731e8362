"""Noise of a single image: pairs to judge it by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.noise.estimation import estimate_noise, flat_samples
from napari_denoisplit.noise.pairs import Pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["pairs_of_single_image"]


def pairs_of_single_image(
    image: Any, max_pixels: int, *, mask: NDArray[np.bool_] | None = None, seed: int = 0
) -> Pairs:
    """Estimate the noise of an image, and give pairs of local mean and deviation from it.

    Raises
    ------
    NoiseModelError
        See `estimate_noise`.
    """
    line = estimate_noise(image)
    signal, residual, observed = flat_samples(image)
    order = np.random.default_rng(seed).permutation(len(signal))
    s = signal[order].astype(np.float32)
    x = (signal + residual)[order].astype(np.float32)
    return Pairs(
        source="single",
        signal=s,
        observation=x,
        line=line,
        neighbour_correlation=(0.0, 0.0, 0.0),
        signal_range=(float(s.min()), float(s.max())),
        observed_range=observed,
    )
