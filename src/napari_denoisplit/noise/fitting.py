"""Fit of a Gaussian-mixture noise model to pairs of signal and observation.

Maximum likelihood by L-BFGS, from a start that already has the right variance for every signal.
Some ten thousand pairs tell the few numbers of a model as well as all of them, so the fit works
on a sample: half of it drawn evenly from the pixels, half evenly from the range of the signal. The
likelihood is conditional on the signal, hence drawing by signal does not bias it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.clipping import unsaturated_signal
from napari_denoisplit.noise.gaussian_mixture import GaussianMixture
from napari_denoisplit.noise.mixture_density import Coefficients, log_density

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Fit", "fit", "fit_gaussian_mixture"]

_DRAWN = 400_000  # pairs to look at, whatever the size of the images
_FITTED = 16_000
_HELD_OUT = 8_000
_BINS = 50
_ROUNDS = 15
_STEPS_PER_ROUND = 10
_LEAST_GAIN = 1e-4  # nats per pixel and round; less is not worth another round
_LEAST_PAIRS = 200
_SHRINKAGE = 1e-5  # holds coefficients that the data leave open, such as a vanishing weight


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A fitted noise model with how well it does on pairs it has not seen."""

    model: GaussianMixture
    held_out_nll: float
    """Mean negative log-likelihood of pairs kept out of the fit, nats; half of them are drawn
    evenly from the pixels, half evenly from the range of the signal."""
    history: tuple[float, ...]
    """Held-out value at the start and after each round of steps."""


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
    return fit(
        signal,
        observation,
        n_gaussians,
        n_coefficients,
        min_sigma=min_sigma,
        max_signal=max_signal,
        seed=seed,
    ).model


def fit(
    signal: Any,
    observation: Any,
    n_gaussians: int = 3,
    n_coefficients: int = 2,
    *,
    min_sigma: float | None = None,
    max_signal: float = math.inf,
    seed: int = 0,
) -> Fit:
    """Fit as `fit_gaussian_mixture`, and report how well it went."""
    if n_gaussians < 1 or n_coefficients < 1:
        raise NoiseModelError(
            f"A noise model of {n_gaussians} Gaussians with {n_coefficients} coefficients cannot "
            "be fitted: both must be at least 1."
        )
    rng = np.random.default_rng(seed)
    s, x, low, high = _pairs(signal, observation, max_signal, rng)
    shuffled = rng.permutation(len(s))
    first = len(s) // 3
    held_out, fitted = (
        _spread(s, part, n, rng)
        for part, n in ((shuffled[:first], _HELD_OUT), (shuffled[first:], _FITTED))
    )
    variances, scale, least = _variance_polynomial(s[fitted], x[fitted], low, high, n_coefficients)
    floor = 0.01 * least if min_sigma is None else float(min_sigma)
    # In units of the typical sigma every number of the fit is of the order of 1.
    likelihood = _Likelihood(low / scale, high / scale, floor / scale**2)
    data = [torch.from_numpy(p / scale) for p in (s[fitted], x[fitted], s[held_out], x[held_out])]
    start = _start(torch.from_numpy(variances / scale**2), n_gaussians)
    weight, history = _maximize(likelihood, start, *data)
    weight[:n_gaussians] *= scale
    weight[n_gaussians : 2 * n_gaussians] += 2 * math.log(scale)
    history = [value + math.log(scale) for value in history]
    return Fit(GaussianMixture(weight, low, high, floor), min(history), tuple(history))


def _pairs(
    signal: Any, observation: Any, limit: float, rng: np.random.Generator
) -> tuple[Floats, Floats, float, float]:
    """Usable pairs, at most `_DRAWN` of them, and the range of the signal."""
    observation = np.asanyarray(observation)
    try:
        s = np.broadcast_to(np.asanyarray(signal), observation.shape)
    except ValueError as error:
        raise NoiseModelError(
            f"A signal of shape {np.shape(signal)} does not fit an observation of shape "
            f"{observation.shape}: give a signal for each observed pixel."
        ) from error
    chosen: Any = ...
    if observation.size > _DRAWN:
        flat = np.sort(rng.integers(observation.size, size=_DRAWN))
        chosen = np.unravel_index(flat, observation.shape)
    s, x = (np.asarray(p[chosen], dtype=np.float64).ravel() for p in (s, observation))
    finite = np.isfinite(s) & np.isfinite(x)
    s, x = s[finite], x[finite]
    limit = min(limit, unsaturated_signal(s, x))
    s, x = s[s <= limit], x[s <= limit]
    if len(s) < _LEAST_PAIRS:
        raise NoiseModelError(
            f"{len(s)} pairs of signal and observation are too few for a noise model: it takes at "
            f"least {_LEAST_PAIRS} pixels that are numbers."
        )
    if np.array_equal(s, x):
        raise NoiseModelError(
            "Signal and observation are equal: there is no noise to model. Give the raw image as "
            "the observation, and its clean version as the signal."
        )
    if np.array_equal(x, np.rint(x)):
        # Rounding leaves gaps between the values; narrow Gaussians would settle on the values.
        x += rng.uniform(-0.5, 0.5, len(x))
    low, high = (float(f.reduce(signal, axis=None)) for f in (np.fmin, np.fmax))
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = float(s.min()), float(s.max())
    high = min(high, limit)
    if not low < high:
        raise NoiseModelError(
            f"The signal is {low:g} everywhere: a noise model needs a signal that varies. Use an "
            "image with structure, or a defocused field with an edge."
        )
    return s, x, low, high


def _spread(s: Floats, pixels: NDArray[np.int64], n: int, rng: np.random.Generator) -> Any:
    """Choose up to n of the pixels, half of them evenly, half evenly over the signal's range."""
    if len(pixels) <= n:
        return pixels
    values = s[pixels]
    edges = np.linspace(values.min(), values.max(), _BINS + 1)[1:-1]
    bin_of = np.digitize(values, edges)
    order = np.argsort(bin_of, kind="stable")  # the pixels are shuffled, and stay so in a bin
    rank = np.empty(len(pixels), dtype=np.int64)
    rank[order] = np.arange(len(pixels)) - np.searchsorted(bin_of[order], bin_of[order])
    by_signal = pixels[rank < n // 2 // _BINS]
    evenly = rng.choice(pixels, n - len(by_signal), replace=False)
    return np.concatenate([evenly, by_signal])


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


@dataclass(frozen=True, slots=True)
class _Likelihood:
    """Mean negative log-likelihood of pairs as a function of the weight."""

    low: float
    high: float
    floor: float

    def nll(self, weight: Tensor, signal: Tensor, observation: Tensor) -> Tensor:
        """Mean over the pairs, nats."""
        low, high, floor = torch.tensor([self.low, self.high, self.floor], dtype=torch.float64)
        c = Coefficients.from_weight(weight, low, high, floor, torch.float64).shaped(1)
        return -log_density(observation, signal, c).mean()


def _start(variances: Tensor, n_gaussians: int) -> Tensor:
    """Weight to start from: Gaussians about the right width, none like the other, (3K, n)."""
    n_coefficients = len(variances)
    widths = torch.linspace(-0.7, 0.7, n_gaussians) if n_gaussians > 1 else torch.zeros(1)
    weight = torch.zeros(3 * n_gaussians, n_coefficients, dtype=torch.float64)
    weight[:n_gaussians, 0] = 0.5 * widths
    weight[n_gaussians : 2 * n_gaussians] = variances.log() + widths[:, None]
    return weight


def _maximize(
    likelihood: _Likelihood, start: Tensor, s: Tensor, x: Tensor, held_s: Tensor, held_x: Tensor
) -> tuple[Tensor, list[float]]:
    """Weight with the best held-out likelihood, and that likelihood after each round."""
    weight = start.clone().requires_grad_()
    best = start.clone()
    optimizer = torch.optim.LBFGS(
        [weight], max_iter=_STEPS_PER_ROUND, history_size=20, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = likelihood.nll(weight, s, x) + _SHRINKAGE * weight.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    def held_out() -> float:
        with torch.no_grad():
            return float(likelihood.nll(weight, held_s, held_x))

    history = [held_out()]
    for _ in range(_ROUNDS):
        optimizer.step(loss)  # type: ignore[no-untyped-call]
        value = held_out()
        if not math.isfinite(value):  # a line search that left the range of float64: keep the best
            break
        gain = min(history) - value
        history.append(value)
        if gain > 0:
            best = weight.detach().clone()
        if gain < _LEAST_GAIN:
            break
    return best, history
