"""Sigma from the spread of posterior samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_denoisplit.calibration_record import CalibrationRecord, ChannelCalibration

    Floats = NDArray[np.floating]


def sigma_of(spread: Floats, calibration: CalibrationRecord | None) -> Floats:
    """Calibrate the spread of every channel; without a calibration it is returned as it is.

    Parameters
    ----------
    spread
        (C, ...), standard deviation of the samples, grey levels.
    calibration
        Of the model that drew them, one entry per channel.

    Returns
    -------
    (C, ...), grey levels.
    """
    if calibration is None:
        return spread
    sigma = np.empty_like(spread)
    for c, channel in enumerate(calibration.channels):
        sigma[c] = mapped(spread[c], channel)
    return sigma


def mapped(spread: NDArray[np.floating], channel: ChannelCalibration) -> NDArray[np.floating]:
    """Calibrate the spread of one channel, any shape, by its map or else by its factor."""
    if not channel.spread:
        return spread * spread.dtype.type(channel.factor)
    # From the origin, and on beyond the last knot with the last ratio: a far larger spread than
    # any that was seen must not have the same sigma.
    knots, values = (0.0, *channel.spread), (0.0, *channel.sigma)
    inside = np.interp(spread, knots, values)
    beyond = np.maximum(spread / knots[-1], 1.0)
    return np.asarray(inside * beyond, dtype=spread.dtype)
