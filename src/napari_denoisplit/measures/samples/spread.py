"""Running mean and spread of kept posterior samples, also of those drawn in mirrored pairs.

Letters: n samples, of which M pairs have mirrored noise, S the sum of squared deviations from the
mean of all, Q that of squared differences within pairs.

Two samples with mirrored noise differ more than independent ones: their mean lies nearer to the
MMSE, and the plain variance S / (n - 1) is too large for it, by n / (n - 1) where a pair's
deviations cancel altogether. The variance of a sample, derived in `sampling.moments`, is

    v = (n S - Q) / (n (n - 1) - 2 M),

and v = a + b of two parts that are independent for Gaussian samples: a = Q / 4 M within pairs, with
M degrees of freedom, and b, the variance of the pairs' means, with M - 1. The mean of all samples
has the variance b / M. By Satterthwaite (1946, Biometrics Bulletin 2, 110), with w = a / v,
v has about 1 / (w^2 / M + (1 - w)^2 / (M - 1)) degrees of freedom.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEVEL = 0.95
"""Probability of the intervals that are shown."""
_FEWEST = 3  # samples; the spread of two says next to nothing
_FEWEST_PAIRS = 2  # tell a pair's own spread from that between pairs


class SampleSpread:
    """Mean and unbiased variance of samples that come one after the other, number by number.

    Parameters
    ----------
    mirrored
        Whether every second sample has the mirrored noise of the one before it.
    """

    def __init__(self, *, mirrored: bool = False) -> None:
        self.n = 0
        self.mean: Floats = np.zeros(())
        self._mirrored = mirrored
        self._squares: Floats = np.zeros(())
        self._pair_squares: Floats = np.zeros(())
        self._first_of_pair: Floats = np.zeros(())

    def add(self, sample: NDArray[np.floating]) -> None:
        """Take in one more sample, of the shape of the others."""
        values = np.asarray(sample, np.float64)
        delta = values - self.mean
        self.n += 1
        self.mean = self.mean + delta / self.n
        self._squares = self._squares + delta * (values - self.mean)
        if self._mirrored and self.n % 2:
            self._first_of_pair = values
        elif self._mirrored:
            self._pair_squares = self._pair_squares + (values - self._first_of_pair) ** 2

    @property
    def variance(self) -> Floats:
        """Of a sample, without bias; 0 of a single one, and too small of a single pair."""
        n, pairs = self.n, self._n_pairs
        independent = n * (n - 1) - 2 * pairs
        if independent == 0:
            return self._squares / 2
        return np.maximum((n * self._squares - self._pair_squares) / independent, 0.0)

    @property
    def within(self) -> Floats | None:
        """Share of the variance that lies within pairs, 0 to 1; None of independent samples.

        One half where mirroring changes nothing, 1 where a pair's deviations cancel.
        """
        if not self._mirrored:
            return None
        if self._n_pairs == 0:
            return np.ones_like(self._squares)
        share = self._pair_squares / (4 * self._n_pairs) / np.maximum(self.variance, 1e-300)
        return np.clip(share, 0.0, 1.0)

    @property
    def _n_pairs(self) -> int:
        return self.n // 2 if self._mirrored else 0


def half_width(
    sigma: NDArray[np.floating] | float,
    n_samples: int,
    level: float = LEVEL,
    *,
    within: NDArray[np.floating] | float | None = None,
) -> Floats:
    """Half of the interval in which the truth lies with a probability of `level`.

    That of a further draw from a normal distribution of which n are known: Student's t quantile
    with n - 1 degrees of freedom times sigma * sqrt(1 + 1/n). With few samples it is wide because
    mean and sigma themselves are uncertain; infinite for fewer than 3.

    Parameters
    ----------
    sigma
        Standard deviation of a sample, any shape.
    n_samples
        Samples behind it and behind the mean.
    level
        Probability.
    within
        Of samples in mirrored pairs: `SampleSpread.within`. The mean is then more certain and sigma
        less; infinite for fewer than 2 pairs.
    """
    # Not at the top: scipy.special takes 0.1 s, and a window opens without it.
    from scipy.special import stdtrit

    spread = np.asarray(sigma, np.float64)
    pairs = n_samples // 2
    if n_samples < _FEWEST or (within is not None and pairs < _FEWEST_PAIRS):
        return np.where(spread > 0, np.inf, 0.0)
    if within is None:
        freedom, of_mean = np.asarray(n_samples - 1.0), np.asarray(1 / n_samples)
    else:
        share = np.asarray(within, np.float64)
        freedom = 1 / (share**2 / pairs + (1 - share) ** 2 / (pairs - 1))
        of_mean = (1 - share) / pairs
    return np.asarray(stdtrit(freedom, 0.5 + level / 2) * spread * np.sqrt(1 + of_mean))
