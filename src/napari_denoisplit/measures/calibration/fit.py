"""From the spread of posterior samples to their error: a factor, or a monotone map.

Letters: N pixels of one channel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, get_args

import numpy as np

from napari_denoisplit.calibration_record import ChannelCalibration
from napari_denoisplit.errors import CalibrationError
from napari_denoisplit.settings import CalibrationMethod

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

N_KNOTS = 50
"""Knots of the monotone map, of equally many pixels each."""
ROUNDS = 100
LEAST_PIXELS = 1000
LEAST_WEIGHT = 0.05
"""Variance of a residual counts as no less than this share of its noise, in weights only."""
HIDDEN = 2.0
"""An error is hidden by the noise if it is no larger than so many of its standard errors."""
CERTAIN_SHARE = 1 / 3
"""Share of the pixels, those of least spread, where the residual is taken to be noise."""
MOST_NOISE = 1.05
"""Of what the noise model says; a larger residual is an error."""
MOST_ERROR = 0.1
"""Of the noise variance, that the squared spread may have where it is taken for granted."""


@dataclass(frozen=True, slots=True, eq=False)
class ErrorPixels:
    """Predictions of one channel beside a target, pixel by pixel, grey levels.

    Raises
    ------
    CalibrationError
        There are too few pixels.
    """

    spread: Floats
    """(N,), standard deviation of the samples."""
    residual: Floats
    """(N,), target - MMSE."""
    noise: Floats
    """(N,), what the noise of the target adds to the mean of residual^2; 0 for a clean one. Where
    the noise is in the input, too, this is less than its variance, and can be negative."""

    def __post_init__(self) -> None:
        if len(self.spread) < LEAST_PIXELS:
            raise CalibrationError(
                f"{len(self.spread)} pixels are too few for a calibration: give images with at "
                f"least {LEAST_PIXELS} in the part to fit to and in the part to report on."
            )

    @property
    def squared_error(self) -> Floats:
        """(N,), residual^2 less the part of the noise: right on average, at a pixel even negative.

        For targets whose noise is in the input this is Stein's unbiased risk estimate
        (Stein 1981, doi 10.1214/aos/1176345632).
        """
        return self.residual**2 - self.noise

    @property
    def is_clean(self) -> bool:
        """Whether the target has no noise."""
        return not self.noise.any()

    def scaled(self, noise: float) -> Self:
        """Return the same pixels with their noise times a factor."""
        return replace(self, noise=self.noise * noise)


def fit_channel(pixels: ErrorPixels, method: CalibrationMethod) -> ChannelCalibration:
    """Calibrate one channel; a map comes with the variance factor as its summary.

    Raises
    ------
    CalibrationError
        The noise hides the error, or every sample is alike.
    """
    factor = (likelihood_factor if method == "likelihood" else variance_factor)(pixels)
    if method != "map":
        return ChannelCalibration(factor=factor, method=method)
    knots = ([float(f"{value:.6g}") for value in side] for side in monotone_map(pixels))
    spread, sigma = map(tuple, knots)
    return ChannelCalibration(factor=factor, method=method, spread=spread, sigma=sigma)


def fit_every_way(fit: ErrorPixels, wanted: str) -> dict[CalibrationMethod, ChannelCalibration]:
    """Fit in every way; the factor by variance and the way that is wanted must succeed.

    Raises
    ------
    CalibrationError
        One of these two fails: the noise hides the error, or every sample is alike.
    """
    fitted: dict[CalibrationMethod, ChannelCalibration] = {}
    for way in get_args(CalibrationMethod):
        try:
            fitted[way] = fit_channel(fit, way)
        except CalibrationError:
            if way in ("variance", wanted):
                raise
    return fitted


def likelihood_factor(pixels: ErrorPixels) -> float:
    """Factor alpha under which residuals ~ N(0, alpha^2 spread^2 + noise) are most likely.

    Without noise this is the closed form alpha^2 = mean(residual^2 / spread^2), with noise
    the maximum is found by Fisher scoring, whose every step is a weighted least-squares fit of
    residual^2 - noise to spread^2.

    Raises
    ------
    CalibrationError
        The noise hides the error, or every sample is alike.

    Notes
    -----
    Source: denoiSplit (Ashesh & Jug 2024, arXiv:2403.11854), section 4.4, after Levi et al. 2022
    (doi 10.3390/s22155540), with the noise of the target added.
    """
    s2, error = pixels.spread**2, pixels.squared_error
    _check_spread(s2)
    used = s2 > 0
    s2, error, noise = s2[used], error[used], pixels.noise[used]
    squared = max(error.sum() / s2.sum(), 1e-6)
    for _ in range(ROUNDS):
        variance = np.maximum(squared * s2 + noise, LEAST_WEIGHT * np.abs(noise))
        variance = np.maximum(variance, 1e-9 * s2)
        weight = s2 / variance**2
        before, squared = squared, float((weight * error).sum() / (weight * s2).sum())
        if squared <= 0:
            raise _hidden()
        if abs(squared - before) < 1e-9 * squared:
            break
    return float(np.sqrt(squared))


def variance_factor(pixels: ErrorPixels) -> float:
    """Factor with which mean squared error and mean variance agree over all pixels.

    Raises
    ------
    CalibrationError
        The noise hides the error, or every sample is alike.
    """
    s2 = pixels.spread**2
    _check_spread(s2)
    squared = float(pixels.squared_error.mean() / s2.mean())
    if squared <= 0:
        raise _hidden()
    return float(np.sqrt(squared))


def noise_scale(pixels: ErrorPixels) -> float:
    """How much noise there is relative to what the noise model says, 1 if it is right.

    Where the prediction is most certain, the third of the pixels with the least spread, its error
    is a small part of the residual and the rest must be noise: a noise model that is off by a few
    percent would otherwise be mistaken for an error, or hide one. Where the spread is not small
    beside the noise, nothing can be said, and 1 is returned; so it is where the residual is clearly
    larger than the noise, as it is of a model that is certain and wrong.
    """
    lowest = pixels.spread <= np.quantile(pixels.spread, CERTAIN_SHARE)
    noise, s2 = pixels.noise[lowest].mean(), (pixels.spread[lowest] ** 2).mean()
    if noise <= 0 or s2 > MOST_ERROR * noise:
        return 1.0
    scale = float(((pixels.residual[lowest] ** 2).mean() - s2) / noise)
    return scale if scale <= MOST_NOISE else 1.0


def monotone_map(pixels: ErrorPixels) -> tuple[Floats, Floats]:
    """Knots of the rising curve from spread to root mean square error that fits best.

    The pixels are sorted by spread into bins of equal count, and the squared error is fitted by
    isotonic regression. Where the noise of the target hides an error, `variance_factor` stands.

    Returns
    -------
    spread, sigma
        (M,) each, M at most 50, positive; the first rises strictly, the second does not fall.

    Raises
    ------
    CalibrationError
        Every sample is alike, or the noise hides the error everywhere.

    Notes
    -----
    Source: Zadrozny & Elkan 2002 (doi 10.1145/775047.775151) for classifiers; here for variances.
    """
    from scipy.optimize import isotonic_regression  # takes 0.2 s; only a map needs it

    _check_spread(pixels.spread)
    order = np.argsort(pixels.spread, kind="stable")
    parts = np.array_split(order, N_KNOTS)
    error = pixels.squared_error
    s2 = np.array([(pixels.spread[part] ** 2).mean() for part in parts])
    mean = np.array([error[part].mean() for part in parts])
    # The largest error of a bin's mean that chance makes; the weights are even for clean targets.
    chance = np.array([error[part].std() / len(part) ** 0.5 for part in parts])
    weights = np.ones(len(parts)) if pixels.is_clean else 1 / np.maximum(chance, 1e-30) ** 2
    fitted = isotonic_regression(mean, weights=weights)
    squared = np.asarray(fitted.x)
    if not pixels.is_clean:
        blocks = np.add.reduceat(weights, fitted.blocks[:-1])
        limit = HIDDEN * np.repeat(blocks**-0.5, np.diff(fitted.blocks))
        squared = np.where(squared > limit, squared, variance_factor(pixels) ** 2 * s2)
    squared = np.maximum.accumulate(np.maximum(squared, 1e-6 * s2))
    rising = np.concatenate([[True], np.diff(s2) > 1e-9 * s2[1:]]) & (s2 > 0)
    return np.sqrt(s2[rising]), np.sqrt(squared[rising])


def _check_spread(spread: Floats) -> None:
    if not spread.any():
        raise CalibrationError(
            "All samples are alike, their spread is 0 everywhere: the model has nothing to "
            "calibrate. Check that it was trained with a positive weight of the KL term."
        )


def _hidden() -> CalibrationError:
    return CalibrationError(
        "The noise of the targets hides the error of the prediction: their residual is no larger "
        "than the noise model expects. Check the noise models, use more images, or give clean "
        "images of some fields (clean)."
    )
