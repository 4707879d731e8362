"""Weights and offset by which the channels make up what was recorded of them together.

Least squares on noisy channels finds weights that are too small: by half where noise and signal
have the same variance. The mean of a pixel's four neighbours shows the same structure with noise of
its own, so that covariances with it hold signal alone. With z the neighbours' means of channels c,

    w = Cov(z, c)^-1 Cov(z, x).

Source: instrumental variables for errors in variables (Reiersol 1941, Econometrica 9, 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.settings import MixSettings

    Floats = NDArray[np.float32]

_LEAST_CORRELATION = 0.2  # of smoothed images; other fields have about 0
_MOST_PIXELS = 4_000_000  # in all: 6 numbers are known far better than needed


def recorded_mix(
    fields: Sequence[Floats],
    superpositions: Sequence[Floats],
    masks: Sequence[NDArray[np.bool_]],
    mix: MixSettings,
    names: Sequence[str],
) -> MixSettings:
    """Measure how the recorded superpositions are mixed of their channels.

    Parameters
    ----------
    fields
        (C, Y, X) each, the channels.
    superpositions
        (Y, X) each, recorded of the same fields.
    masks
        (Y, X) each, pixels to measure.
    mix
        Weights that it states are kept, and only the offset is measured.
    names
        Of the channels, for messages.

    Raises
    ------
    ImageError
        The superpositions do not show the fields of the channels, or not one of the structures.
    """
    mean, covariance = _moments(fields, superpositions, masks)
    n = len(names)
    c, z = slice(n), slice(n + 1, 2 * n + 1)  # channels and their neighbours; x and its own follow
    if mix.weights is None:
        weights = np.linalg.lstsq(covariance[z, c], covariance[z, n])[0]
    else:
        weights = np.asarray(mix.weights)
    explained = float(weights @ covariance[z, z] @ weights) * float(covariance[-1, -1])
    correlation = float(weights @ covariance[z, -1]) / max(explained, 1e-300) ** 0.5
    listed = ", ".join(f"{name} {weight:.3g}" for name, weight in zip(names, weights, strict=True))
    if correlation < _LEAST_CORRELATION:
        raise ImageError(
            f"The recorded superpositions do not show what the channels show (correlation "
            f"{correlation:.2f}): give them in the order of the channels' images, registered to "
            "them, or train without them."
        )
    if weights.min() <= 0:
        raise ImageError(
            f"{names[int(weights.argmin())]} is not seen in the recorded superpositions (weights "
            f"measured: {listed}): give superpositions that show all structures, or state the "
            "weights."
        )
    offset = float(mean[n] - weights @ mean[c])
    return mix.model_copy(update={"weights": tuple(weights.tolist()), "offset": offset})


def _moments(
    fields: Sequence[Floats], superpositions: Sequence[Floats], masks: Sequence[NDArray[np.bool_]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and covariance of channels, superposition, and the neighbours' means of both."""
    step = max(1, sum(x.size for x in superpositions) // _MOST_PIXELS)
    pixels = []
    for field, x, mask in zip(fields, superpositions, masks, strict=True):
        planes = np.concatenate([field, x[None]]).astype(np.float64)
        around = planes[:, :-2, 1:-1] + planes[:, 2:, 1:-1]
        around += planes[:, 1:-1, :-2] + planes[:, 1:-1, 2:]
        both = np.concatenate([planes[:, 1:-1, 1:-1], around / 4])
        pixels.append(both[:, mask[1:-1, 1:-1]][:, ::step])
    together = np.concatenate(pixels, axis=1)
    return together.mean(axis=1), np.cov(together)
