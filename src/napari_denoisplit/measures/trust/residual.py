"""What a split leaves unexplained: the input minus the superposition of its predicted structures.

Let x = S + n, where S is the superposition of the structures and n its noise, of variance V. If
the samples S^k are drawn from the true posterior p(S | x), then (x, S^k) has the same distribution
as (x, S), so that x - S^k is distributed as the noise itself: mean 0, variance V, white. This holds
over all images of the kind that the posterior was learned from, and needs no truth. For the mean of
the samples, m, the law of total variance gives instead

    E[(x - m)^2] = V - Var(S | x),

less than V, since a part of the noise is explained away; and its neighbours are correlated
negatively by what the samples' spread is correlated positively. Both figures are therefore taken
over the samples where there are some, and are then 1 and 0 whatever the spread.

Source: posterior predictive checks (Gelman, Meng & Stern 1996, Statistica Sinica 6, 733), applied
to the noise of every pixel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.giving_up import look

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

LAGS = (1, 2, 3)
"""Pixels. Structure that was not explained is wider than one pixel; noise is not."""
WINDOW = 16
"""Edge of the windows in which the mean residual is looked at, pixels."""
_FAR = 3.0  # standard deviations


@dataclass(frozen=True, slots=True)
class ResidualFigures:
    """Numbers of a residual in standard deviations of the noise."""

    n_pixels: int
    n_samples: int
    """Samples that were compared; 0 where it was their mean."""
    variance: float
    """Mean square; 1 if samples are true and the noise is what the noise models say. Of a mean
    of samples it is below 1."""
    outside: float
    """Share of pixels outside 3 standard deviations; 0.0027 for Gaussian noise."""
    correlation: tuple[float, ...]
    """Of pixels 1, 2 and 3 apart, mean of x and y; 0 for independent noise."""
    correlation_error: float
    """Standard error of each, if nothing were left unexplained."""
    bias: float
    """Root mean square of the mean residual in windows of 16 x 16 pixels, noise taken out; 0 if
    every window is explained."""
    bias_error: float
    """What is found where there is none, about: two standard errors of the square, as a root."""

    def beside(self, noise: ResidualFigures) -> ResidualFigures:
        """Return what goes beyond noise that is correlated by itself."""
        pairs = zip(self.correlation, noise.correlation, strict=True)
        bias = max(self.bias**2 - noise.bias**2, 0.0) ** 0.5
        return replace(self, correlation=tuple(a - b for a, b in pairs), bias=bias)


def standardized(observation: Floats, remixed: Floats, variance: Floats) -> Floats:
    """Residual in standard deviations of the noise, (observation - remixed) / sqrt(variance).

    Parameters
    ----------
    observation
        Superposition (..., Y, X), grey levels.
    remixed
        Superposition of the predicted structures, same shape.
    variance
        Of the noise of the superposition, squared grey levels, same shape; positive.
    """
    return np.asarray((observation - remixed) / np.sqrt(variance), dtype=np.float32)


def local_bias(residual: Floats, sigma: float = WINDOW / 4) -> Floats:
    """Smoothed residual (Y, X), scaled so that white noise keeps the standard deviation 1.

    A Gaussian window of spread `sigma` pixels averages 4 pi sigma^2 independent pixels.
    """
    from scipy.ndimage import gaussian_filter  # takes 0.2 s; only pictures need it

    smooth = gaussian_filter(residual, sigma, mode="reflect")
    return np.asarray(smooth * np.sqrt(4 * np.pi) * sigma, dtype=np.float32)


class ResidualSums:
    """Sums over samples and planes behind `ResidualFigures`.

    Parameters
    ----------
    of_mean
        Whether means of samples are compared, not samples.
    """

    def __init__(self, *, of_mean: bool = False) -> None:
        self._of_mean = of_mean
        self._n_samples = 0
        self._n_pixels = self._n_windows = 0
        self._pixels = self._squares = self._far = 0.0
        self._products = np.zeros(len(LAGS))
        self._pairs = np.zeros(len(LAGS))
        self._windows = self._window_squares = 0.0

    def add_plane(self, residuals: Iterable[Floats]) -> None:
        """Take in one plane: the residual (Y, X) of each of its samples, standardized."""
        n = 0
        for residual in residuals:
            if n == 0:
                self._n_pixels += residual.size
                self._n_windows += _windows(residual).size
            n += 1
            self._add(residual)
        self._n_samples = max(self._n_samples, n)

    def _add(self, z: Floats) -> None:
        self._pixels += z.size
        self._squares += float(np.vdot(z, z))
        self._far += float(np.count_nonzero(np.abs(z) > _FAR))
        for i, lag in enumerate(LAGS):
            for here, there in ((z[lag:], z[:-lag]), (z[:, lag:], z[:, :-lag])):
                self._products[i] += float(np.einsum("yx,yx->", here, there, dtype=np.float64))
                self._pairs[i] += here.size
        means = _windows(z)
        self._windows += means.size
        self._window_squares += float(np.vdot(means, means))

    @property
    def bias_square(self) -> float:
        """Square of the bias as it is estimated; negative by chance where there is none."""
        by_chance = self._squares / self._pixels / WINDOW**2
        return self._window_squares / self._windows - by_chance

    def figures(self) -> ResidualFigures:
        """Return the figures of all that was taken in.

        Raises
        ------
        ValueError
            Nothing was, or the planes are smaller than a window.
        """
        if not self._windows:
            raise ValueError(f"there is no plane of at least {WINDOW} x {WINDOW} pixels")
        variance = self._squares / self._pixels
        by_chance = variance / WINDOW**2
        # Samples of one plane share its noise: more samples are not more independent pixels.
        return ResidualFigures(
            n_pixels=self._n_pixels,
            n_samples=0 if self._of_mean else self._n_samples,
            variance=variance,
            outside=self._far / self._pixels,
            correlation=tuple((self._products / self._pairs / variance).tolist()),
            correlation_error=float((2 * self._n_pixels) ** -0.5),
            bias=float(np.sqrt(max(self.bias_square, 0.0))),
            bias_error=float(np.sqrt(2 * by_chance * np.sqrt(2 / self._n_windows))),
        )


def tile_figures(residuals: Sequence[Floats], signal: Floats, edge: int) -> NDArray[np.float64]:
    """Variance, covariance, squared bias, trend and contrast of every tile of a plane.

    Parameters
    ----------
    residuals
        Standardized residual (Y, X) of each sample.
    signal
        Superposition of the MMSE (Y, X) in standard deviations of the noise.
    edge
        Of a tile, pixels, a multiple of 32; tiles overlap by half. A plane that is narrower has
        no tile.

    Returns
    -------
    (N, 5): mean square; mean covariance at lags 1 to 3; mean square of window means without the
    part of the noise; logarithm of the mean square where it is bright over that where it is dark;
    variance of the signal.
    """
    rows, columns = ((n - edge) // (edge // 2) + 1 for n in residuals[0].shape)
    figures = []
    for row, column in np.ndindex(max(rows, 0), max(columns, 0)):
        look()
        y, x = row * edge // 2, column * edge // 2
        sums = ResidualSums()
        tile = (slice(y, y + edge), slice(x, x + edge))
        sums.add_plane(z[tile] for z in residuals)
        found = sums.figures()
        contrast = float(signal[tile].var(dtype=np.float64))
        trend = _trend([z[tile] for z in residuals], signal[tile])
        # The covariance: what is left of structure does not depend on how much noise there is.
        covariance = float(np.mean(found.correlation)) * found.variance
        figures.append((found.variance, covariance, sums.bias_square, trend, contrast))
    return np.array(figures).reshape(-1, 5)


def _trend(residuals: Sequence[Floats], signal: Floats) -> float:
    """How much larger the mean square is in the brightest quarter of a tile, as a logarithm.

    Noise that rises with the signal otherwise than the noise models say shows here alone. Squares
    are cut at those of 4 standard deviations: a hot pixel is no noise.
    """
    blocks = [_block_means(np.minimum(z * z, 16)) for z in residuals]
    squares, level = np.mean(blocks, axis=0), _block_means(signal)
    low, high = np.quantile(level, [0.25, 0.75])
    dark, bright = squares[level <= low].mean(), squares[level >= high].mean()
    return float(np.log(max(bright, 1e-6) / max(dark, 1e-6)))


def _block_means(image: Floats) -> Floats:
    """Means of blocks of 4 x 4 pixels of a tile."""
    rows, columns = (n // 4 for n in image.shape)
    return np.asarray(image.reshape(rows, 4, columns, 4).mean(axis=(1, 3)))


def _windows(z: Floats) -> Floats:
    """Means (Y / 16, X / 16) of whole windows; what is left over at the edges is left out."""
    rows, columns = (n // WINDOW for n in z.shape)
    cut = z[: rows * WINDOW, : columns * WINDOW]
    return np.asarray(cut.reshape(rows, WINDOW, columns, WINDOW).mean(axis=(1, 3)))
