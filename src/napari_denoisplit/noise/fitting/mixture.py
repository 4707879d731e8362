"""Fit of a Gaussian-mixture noise model to pairs of signal and observation.

Maximum likelihood by L-BFGS, from a start that already has the right variance for every signal.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.fitting.sample import FitSample
from napari_denoisplit.noise.models.gaussian_mixture import GaussianMixture
from napari_denoisplit.noise.models.mixture_density import Coefficients, log_density

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_BINS = 50
_ROUNDS = 15
_STEPS_PER_ROUND = 10
_LEAST_GAIN = 1e-4  # nats per pixel and round; less is not worth another round
_SHRINKAGE = 1e-5  # holds coefficients that the data leave open, such as a vanishing weight


def fit_gaussian_mixture(
    signal: Any,
    observation: Any,
    n_gaussians: int = 3,
    n_coefficients: int = 2,
    *,
    min_sigma: float | None = None,
    max_signal: float = math.inf,
    seed: int = 0,
) -> GaussianMixture:
    """Fit a noise model to pairs of signal and observation.

    Parameters
    ----------
    signal
        Noise-free image, grey levels; broadcasts to the observation, so that one mean image
        (Y, X) goes with a stack of repeats (T, Y, X).
    observation
        Noisy image in the same unit. Pairs with a value that is not finite are left out.
    n_gaussians
        Gaussians of the mixture, K.
    n_coefficients
        Coefficients of each polynomial, n; 2 is a variance that is linear in the signal.
    min_sigma
        Least variance, squared grey levels; None: a hundredth of the least that is seen.
    max_signal
        Leave out pairs above. Signals whose observations are clipped are left out in any case.
    seed
        Seed of the draw of pairs; the fit is the same for the same seed.

    Raises
    ------
    NoiseModelError
        There are too few pairs, the signal is of one value, or there is no noise.
    """
    sample = FitSample.draw(signal, observation, max_signal=max_signal, seed=seed)
    *_, (model, _) = fit_rounds(sample, n_gaussians, n_coefficients, min_sigma=min_sigma)
    return model


def fit_rounds(
    sample: FitSample, n_gaussians: int, n_coefficients: int, *, min_sigma: float | None = None
) -> Iterator[tuple[GaussianMixture, float]]:
    """Fit as `fit_gaussian_mixture` to a sample at hand.

    Yields
    ------
    Before and after each round of steps: the best model so far, and the mean negative
    log-likelihood of the held-out pairs now, nats; half of them are drawn evenly from the pixels,
    half evenly from the range of the signal.
    """
    if n_gaussians < 1 or n_coefficients < 1:
        raise NoiseModelError(
            f"A noise model takes at least 1 Gaussian and 1 coefficient; got {n_gaussians} "
            f"Gaussians and {n_coefficients} coefficients."
        )
    s, x, low, high = sample.signal, sample.observation, sample.low, sample.high
    variances, scale, least = _variance_polynomial(s, x, low, high, n_coefficients)
    floor = 0.01 * least if min_sigma is None else float(min_sigma)
    # In units of the typical sigma every number of the fit is of the order of 1.
    ends = torch.tensor([low / scale, high / scale, floor / scale**2], dtype=torch.float64)
    fitted, held = (
        _Pairs(torch.from_numpy(a / scale), torch.from_numpy(b / scale), ends)
        for a, b in ((s, x), (sample.held_signal, sample.held_observation))
    )
    weight = _start(torch.from_numpy(variances / scale**2), n_gaussians)
    for best, value in _maximize(weight, fitted, held):
        weight = best.clone()
        weight[:n_gaussians] *= scale
        weight[n_gaussians : 2 * n_gaussians] += 2 * math.log(scale)
        yield GaussianMixture(weight, low, high, floor), value + math.log(scale)


def _variance_polynomial(
    s: Floats, x: Floats, low: float, high: float, n_coefficients: int
) -> tuple[Floats, float, float]:
    """Polynomial of the variance in t from binned pairs, typical sigma, least variance."""
    from scipy.optimize import nnls  # takes 0.2 s; only fits need it

    order = np.argsort(s, kind="stable")
    groups = np.array_split(order, max(min(_BINS, len(s) // 50), 1))
    seen = np.array([np.mean((x[group] - s[group]) ** 2) for group in groups])
    centres = (np.array([s[group].mean() for group in groups]) - low) / (high - low)
    least = max(float(seen.min()), 1e-4 * float(seen.max()))
    seen = np.maximum(seen, least)
    powers = centres[:, None] ** np.arange(n_coefficients)
    coefficients, _ = nnls(powers / seen[:, None], np.ones(len(seen)))
    variances = np.maximum(coefficients, 0.01 * least)
    return variances, float(np.sqrt(np.median(seen))), least


class _Pairs(NamedTuple):
    """Pairs of signal and observation, float64, in units of the typical sigma."""

    signal: Tensor
    observation: Tensor
    ends: Tensor
    """Range of the signal and least variance of the model, (3,)."""

    def nll(self, weight: Tensor) -> Tensor:
        """Mean negative log-likelihood under a mixture of this weight, nats."""
        c = Coefficients.from_weight(torch.float64, weight, *self.ends).shaped(1)
        return -log_density(self.observation, self.signal, c).mean()


def _start(variances: Tensor, n_gaussians: int) -> Tensor:
    """Weight to start from: Gaussians about the right width, none like the other, (3K, n)."""
    n_coefficients = len(variances)
    widths = torch.linspace(-0.7, 0.7, n_gaussians) if n_gaussians > 1 else torch.zeros(1)
    weight = torch.zeros(3 * n_gaussians, n_coefficients, dtype=torch.float64)
    weight[:n_gaussians, 0] = 0.5 * widths
    weight[n_gaussians : 2 * n_gaussians] = variances.log() + widths[:, None]
    return weight


def _maximize(start: Tensor, fitted: _Pairs, held: _Pairs) -> Iterator[tuple[Tensor, float]]:
    """Before and after each round: the best weight so far, and the held-out value now."""
    weight = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [weight], max_iter=_STEPS_PER_ROUND, history_size=20, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        """Return the objective at `weight`, its gradient set."""
        optimizer.zero_grad()
        value = fitted.nll(weight) + _SHRINKAGE * weight.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    def held_out() -> float:
        """Return the objective of pairs that are not fitted."""
        with torch.no_grad():
            return float(held.nll(weight))

    best, least = start.clone(), held_out()
    yield best, least
    for _ in range(_ROUNDS):
        optimizer.step(loss)  # type: ignore[no-untyped-call]
        value = held_out()
        if not math.isfinite(value):  # a line search that left the range of float64: keep the best
            return
        gain = least - value
        if gain > 0:
            best, least = weight.detach().clone(), value
        yield best, value
        if gain < _LEAST_GAIN:
            return
