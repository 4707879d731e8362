"""Fit of a Poisson-Gaussian noise model to pairs of signal and observation.

The variance of the noise over the signal is a straight line: its slope is the gain, its intercept
read_noise^2 - gain * offset. The line is drawn first, robustly, through the variances that pixels
show. One number is left open, which says where on the line the light begins: only the form of the
noise of dim pixels tells it, and it is found by maximum likelihood. All three numbers by likelihood
would trade variance for form where a detector does not count photons one by one: analog
photomultipliers would get two and a half times the variance that they have.

Where the form does not tell (the likelihood gains less than `WORTH` nats per pixel), the read noise
is the smallest that fits: none, with the offset where the variance ends, or, if the line has
variance left at grey level 0, an offset of 0 (or the darkest signal, if that is negative) and the
read noise that explains the rest.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_denoisplit.noise.models.poisson_gaussian import LEAST_SPREAD, PoissonGaussian
from napari_denoisplit.noise.models.saddlepoint import (
    LEAST_COUNT,
    SaddlepointTables,
    log_density,
    saddlepoint,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_denoisplit.noise.fitting.sample import FitSample
    from napari_denoisplit.noise.pairs.line import NoiseLine

WORTH = 3e-4
"""Nats per pixel that a read noise of its own must gain: few fits gain as much by chance."""
_LEAST_RISE = 1e-3  # of the variance, over the range of the signal: less tells no gain
_TOLERANCE = 0.01  # of the read noise that is possible
_HOPELESS = 1e6  # nats: numbers at which nothing is finite


def poisson_gaussian_on_line(line: NoiseLine, sample: FitSample) -> PoissonGaussian:
    """Fit offset and read noise to a sample of pairs, given the line that the variance follows."""
    low, high = line.signal_range
    high = max(high, low + 1e-6 * max(abs(low), 1.0))
    # A line without rise: photons too many to see one by one.
    gain = max(line.gain, _LEAST_RISE * float(np.median(line.variances)) / (high - low))
    middle = 0.5 * (low + high)
    rest = line.gain * middle + line.intercept - gain * middle
    dark = float(line.signals.min())
    nll = _likelihood(sample.thinned(), math.sqrt(line.least_variance))

    def offset_at(read_noise: float) -> float:
        """Return the offset that keeps the variance in the middle."""
        return min((read_noise**2 - rest) / gain, dark)

    # Where the darkest pixels are, there may be no light left; below, the line ends at no noise.
    most = math.sqrt(max(rest + gain * dark, line.least_variance))
    least = math.sqrt(min(max(rest + gain * min(0.0, dark), 0.0), most**2))
    if rest + gain * dark < line.least_variance:
        least = most
    smallest = nll(gain, offset_at(least), least)
    read_noise, best = _minimum(lambda r: nll(gain, offset_at(r), r), least, most)
    if not best < smallest - WORTH:
        read_noise = least
    return PoissonGaussian(gain, offset_at(read_noise), read_noise, low, high)


def _likelihood(sample: FitSample, scale: float) -> Callable[[float, float, float], float]:
    """Mean negative log-likelihood of the pairs as a function of gain, offset, read noise."""
    signal, observation = torch.from_numpy(sample.signal), torch.from_numpy(sample.observation)

    def nll(gain: float, offset: float, read_noise: float) -> float:
        """Nats per pixel."""
        spread = max(read_noise / gain, LEAST_SPREAD) ** 2
        tables = SaddlepointTables.make(spread, with_cdf=False)
        count = ((signal - offset) / gain).clamp(min=LEAST_COUNT)
        v = torch.tensor(spread, dtype=torch.float64)
        solved = saddlepoint((observation - signal) / gain, count, v)
        density = log_density(count, v, solved) - tables.log_norm_at(count)[0]
        value = math.log(gain) - float(density.mean())
        return value if math.isfinite(value) else _HOPELESS + math.log(scale)

    return nll


def _minimum(function: Callable[[float], float], low: float, high: float) -> tuple[float, float]:
    """Where a function of one number is least between two ends, and its value there."""
    from scipy.optimize import minimize_scalar  # takes 0.2 s; only fits need it

    if not low < high:
        return low, function(low)
    with torch.no_grad():
        found = minimize_scalar(
            function,
            bounds=(low, high),
            method="bounded",
            options={"xatol": _TOLERANCE * (high - low)},
        )
    return min((float(found.x), float(found.fun)), (high, function(high)), key=lambda p: p[1])
