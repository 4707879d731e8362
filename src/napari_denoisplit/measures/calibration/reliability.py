"""How true a sigma is: predicted against actual error, bin by bin, and interval by interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.curves import ReliabilityCurve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_denoisplit.measures.calibration.fit import ErrorPixels
    from napari_denoisplit.settings import Binning

    Floating = NDArray[np.floating]

INTERVALS = {"50": 0.67449, "68": 0.99446, "90": 1.64485, "95": 1.95996}
"""Nominal percent of an interval, and its half-width in sigmas of a Gaussian."""
SMALLEST_BIN = 20
"""Pixels: bins of equal width with fewer are left out of the diagram."""


def reliability(
    pixels: ErrorPixels, sigma: Floating, *, n_bins: int = 30, binning: Binning = "equal_count"
) -> ReliabilityCurve:
    """Root mean square error against root mean variance, in bins of sigma.

        RMV(j) = sqrt(mean of sigma^2),  RMSE(j) = sqrt(mean of (target - MMSE)^2)

    over the pixels of bin j; from noisy targets the part of the noise is taken out of the RMSE,
    which then is 0 where nothing is left.

    Parameters
    ----------
    pixels
        With their residuals.
    sigma
        (N,), of the same pixels, as predicted.
    n_bins
        Bins, sorted by sigma; fewer where each would hold fewer than 20 pixels.
    binning
        Bins of equally many pixels, as published, or equally wide.

    Notes
    -----
    Source: denoiSplit (Ashesh & Jug 2024, arXiv:2403.11854), section 4.4; Levi et al. 2022
    (doi 10.3390/s22155540).
    """
    order = np.argsort(sigma, kind="stable")
    n_bins = max(1, min(n_bins, len(order) // SMALLEST_BIN))
    if binning == "equal_count":
        parts = np.array_split(order, n_bins)
    else:
        edges = np.linspace(sigma.min(), sigma.max(), n_bins + 1)[1:-1]
        parts = np.split(order, np.searchsorted(sigma[order], edges, side="right"))
    parts = [part for part in parts if len(part) >= SMALLEST_BIN]
    error = pixels.squared_error
    means = np.array([error[part].mean() for part in parts])
    chance = np.array([error[part].std() / len(part) ** 0.5 for part in parts])
    return ReliabilityCurve(
        rmv=np.sqrt([(sigma[part] ** 2).mean() for part in parts]),
        squared_error=means,
        chance=chance,
        counts=np.array([len(part) for part in parts]),
    )


def coverage(pixels: ErrorPixels, sigma: Floating) -> dict[str, float]:
    """Share of targets within intervals around the MMSE that are nominally of 50 ... 95 percent.

    The intervals are those of a Gaussian. Around noisy targets they are widened by the noise, so
    that they tell of sigma only where it is not small beside the noise.
    """
    width = np.sqrt(np.maximum(sigma**2 + pixels.noise, 0.0))
    return {
        name: float((np.abs(pixels.residual) <= half * width).mean())
        for name, half in INTERVALS.items()
    }
