"""Predicted structures put together again as the superposition was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_denoisplit.settings import MixSettings

    Floats = NDArray[np.float32]

_PIXELS = 200_000


def mixing_weights(mix: MixSettings, observation: Floats, mmse: Floats) -> tuple[float, ...]:
    """Weight of each structure in an image, as far as the model leaves it open.

    A model that was trained with one way of mixing knows it. One that was trained with a range of
    factors predicts structures whatever their factor; those that explain the image best, by least
    squares within the range, are taken.

    Parameters
    ----------
    mix
        How the model's superpositions were made.
    observation
        (Y, X), grey levels.
    mmse
        (C, Y, X), grey levels.
    """
    weights = np.asarray(mix.channel_weights(len(mmse)))
    if mix.alpha_low == mix.alpha_high:
        return tuple((mix.alpha_low * weights).tolist())
    from scipy.optimize import lsq_linear  # takes 0.3 s; few models need it

    step = max(1, int(np.ceil(observation.size / _PIXELS)))
    predicted = mmse.reshape(len(mmse), -1)[:, ::step].T.astype(np.float64)  # (N, C)
    bounds = (mix.alpha_low * weights, mix.alpha_high * weights)
    found = lsq_linear(predicted, observation.ravel()[::step], bounds)
    return tuple(map(float, found.x))
