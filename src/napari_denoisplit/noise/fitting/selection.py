"""Fit of the noise model that suits gathered pixels best.

Where the user leaves the number of Gaussians K or of coefficients n open, they grow from 1 and 2
as long as held-out pixels are described better. A gain counts if it is larger than what a few
pixels decide by chance, and worth the computing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.events import FitStep
from napari_denoisplit.giving_up import look
from napari_denoisplit.noise.fitting.correlated import correlated
from napari_denoisplit.noise.fitting.histogram import fit_histogram
from napari_denoisplit.noise.fitting.mixture import fit_rounds
from napari_denoisplit.noise.fitting.poisson_gaussian import (
    poisson_gaussian_on_line,
)
from napari_denoisplit.noise.fitting.sample import FitSample
from napari_denoisplit.noise.models.gaussian_mixture import GaussianMixture

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import Tensor

    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.noise.pairs.line import NoiseLine
    from napari_denoisplit.noise.pairs.pairs import Pairs
    from napari_denoisplit.settings import NoiseFitSettings, NoiseKind, NoiseSource

_GAUSSIANS = (1, 2, 3, 4, 6)
_COEFFICIENTS = (2, 3, 4)
_WORTH = 1e-3  # nats per pixel that a larger model must gain to be taken
_STANDARD_ERRORS = 2.0  # of the gain, below which it may be chance
_FAILURES = 2  # larger models without a gain before the search ends: 2 may fail where 3 does not
_MAJORITY = 0.8  # of pixels and of bins: the darkest few may be off where pixels are far likelier
_MOST_MISFIT = 1.5  # of the variance, for a mixture; more only if a single Gaussian does no better


def fit_steps(
    pairs: Pairs, settings: NoiseFitSettings
) -> Generator[FitStep, None, tuple[NoiseModel, dict[str, float]]]:
    """Fit a noise model of the kind that is asked for.

    Yields
    ------
    FitStep

    Returns
    -------
    The model, and the held-out mean negative log-likelihood of everything that was tried, nats
    per pixel.

    Raises
    ------
    NoiseModelError
        There are too few pairs, or the kind cannot be had from this source.
    """
    check_source(settings.kind, pairs.source)
    sample = FitSample.of(pairs, seed=settings.seed)
    if pairs.line is not None:
        return (yield from _from_line(pairs.line, sample, settings))
    if settings.kind == "gaussian_mixture":
        return (yield from _search(sample, settings))
    if settings.kind == "correlated":
        pixel = poisson_gaussian_on_line(sample.line(), sample)
        return (yield from _single("correlated", correlated(pixel, pairs.residuals), sample))
    if settings.kind == "histogram":
        name = f"histogram, {settings.n_bins} bins"
        model: NoiseModel = fit_histogram(*pairs.fitted(), settings.n_bins)
    else:
        name = "Poisson-Gaussian"
        model = poisson_gaussian_on_line(sample.line(), sample)
    return (yield from _single(name, model, sample))


def check_source(kind: NoiseKind, source: NoiseSource) -> None:
    """Refuse a source of the signal that cannot tell the noise of this kind.

    Raises
    ------
    NoiseModelError
        Correlated noise is asked for of noisy images alone.
    """
    if kind == "correlated" and source in ("single", "bootstrap"):
        raise NoiseModelError(
            f"Correlated noise cannot be told from structure by the source {source!r}: give "
            "repeated exposures of one field (repeats), or clean and noisy pairs."
        )


def mixture_from_line(line: NoiseLine) -> GaussianMixture:
    """Make a noise model of one Gaussian whose variance is a straight line over the signal."""
    low, high = line.signal_range
    if line.gain > 0:  # the line begins where it leaves the least variance
        low = max(low, (line.least_variance - line.intercept) / line.gain)
    # Local means fall short of the brightest signal: leave the line room to go on.
    high = low + max(2.0 * (high - low), math.sqrt(line.least_variance), 1e-6 * abs(low))
    bottom, top = (float(value) for value in line.variance(np.array([low, high])))
    rise = max(top - bottom, 1e-12 * bottom)
    weight = torch.tensor([[0.0, 0.0], [math.log(bottom), math.log(rise)], [0.0, 0.0]])
    return GaussianMixture(weight, low, high, 0.5 * line.least_variance)


def _from_line(
    line: NoiseLine, sample: FitSample, settings: NoiseFitSettings
) -> Generator[FitStep, None, tuple[NoiseModel, dict[str, float]]]:
    """Model of a single image, of which only the variance is known."""
    if settings.kind == "histogram" or (settings.n_gaussians or 1) > 1:
        asked = "A histogram" if settings.kind == "histogram" else "A mixture of several Gaussians"
        raise NoiseModelError(
            f"{asked} needs more than one image alone, which tells the variance of the noise and "
            "nothing else: choose one Gaussian or Poisson-Gaussian, or let a denoiser find the "
            "signal (bootstrap)."
        )
    if settings.kind == "poisson_gaussian":
        model = poisson_gaussian_on_line(line, sample)
        return (yield from _single("Poisson-Gaussian", model, sample))
    return (yield from _single(_title(1, 2), mixture_from_line(line), sample))


def _single(
    name: str, model: NoiseModel, sample: FitSample
) -> Generator[FitStep, None, tuple[NoiseModel, dict[str, float]]]:
    """Report a model that needed no search."""
    nll = float(_nll(model, sample).mean())
    yield FitStep(name, 0, nll)
    return model, {name: nll}


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """A mixture that was fitted."""

    n_gaussians: int
    n_coefficients: int
    model: GaussianMixture
    nll: Tensor
    """Of each held-out pixel, (M,)."""

    def beats(self, other: _Candidate) -> bool:
        """Whether held-out pixels are described better, by more than chance."""
        gain = other.nll - self.nll
        error = float(gain.std()) / math.sqrt(len(gain))
        return float(gain.mean()) > max(_WORTH, _STANDARD_ERRORS * error)


def _misfit(candidate: _Candidate, sample: FitSample) -> float:
    """Factor by which the variance of a mixture is off, but for a fifth of pixels and of signals.

    A mixture may describe the bulk of a few grey levels with spikes and the rest with a Gaussian
    that is far too wide, and still be the likelier one: the variance tells.
    """
    least = np.finfo(np.float64).tiny
    found = candidate.model.variance(torch.from_numpy(sample.binned.signal)).numpy()
    logs = np.abs(np.log(np.maximum(found, least) / np.maximum(sample.variances(), least)))
    order = np.argsort(logs)
    shares = np.cumsum(sample.binned.counts[order]) / sample.binned.counts.sum()
    of_pixels = logs[order][np.searchsorted(shares, _MAJORITY)]
    return float(np.exp(max(of_pixels, np.quantile(logs, _MAJORITY))))


def _search(
    sample: FitSample, settings: NoiseFitSettings
) -> Generator[FitStep, None, tuple[NoiseModel, dict[str, float]]]:
    """Mixture whose K and n do best on held-out pixels, as far as they are open.

    The search goes by a part of the pixels; what it finds is fitted to all of them.
    """
    tried: dict[str, float] = {}
    everything, sample = sample, sample.thinned()
    chosen_k = settings.n_gaussians or _GAUSSIANS[0]
    chosen_n = settings.n_coefficients or _COEFFICIENTS[0]
    best = yield from _fit(sample, chosen_k, chosen_n, tried)
    more_n = () if settings.n_coefficients else _COEFFICIENTS[1:]
    more_k = () if settings.n_gaussians else _GAUSSIANS[1:]
    # Coefficients bend the variance, which every mixture then has right; hence they come first,
    # and once more when the mixture is known.
    most = max(_MOST_MISFIT, _misfit(best, sample))
    best = yield from _grow(sample, best, most, [(chosen_k, n) for n in more_n], tried)
    n = best.n_coefficients
    best = yield from _grow(sample, best, most, [(k, n) for k in more_k], tried)
    if more_k and best.n_gaussians > 1:
        further = [(best.n_gaussians, m) for m in more_n if m > n]
        best = yield from _grow(sample, best, most, further, tried)
    title = _title(best.n_gaussians, best.n_coefficients)
    searched = tried[title]
    final = yield from _fit(everything, best.n_gaussians, best.n_coefficients, tried)
    if tried[title] > searched or _misfit(final, sample) > max(most, _misfit(best, sample)):
        tried[title] = searched
        return best.model, tried
    return final.model, tried


def _grow(
    sample: FitSample,
    best: _Candidate,
    most: float,
    shapes: list[tuple[int, int]],
    tried: dict[str, float],
) -> Generator[FitStep, None, _Candidate]:
    """Best of larger and larger mixtures whose variance is not off by more than `most`.

    Ends when growing does not help.
    """
    failures = 0
    for k, n in shapes:
        candidate = yield from _fit(sample, k, n, tried)
        if candidate.beats(best) and _misfit(candidate, sample) <= most:
            best, failures = candidate, 0
            continue
        failures += 1
        if failures == _FAILURES:
            break
    return best


def _fit(
    sample: FitSample, k: int, n: int, tried: dict[str, float]
) -> Generator[FitStep, None, _Candidate]:
    """One mixture."""
    for found, value in fit_rounds(sample, k, n):
        model = found
        yield FitStep(_title(k, n), len(tried), value)
    nll = _nll(model, sample)
    tried[_title(k, n)] = float(nll.mean())
    return _Candidate(k, n, model, nll)


def _nll(model: NoiseModel, sample: FitSample) -> Tensor:
    """Negative log-likelihood of each held-out pixel, nats, (M,)."""
    look()
    x, s = torch.from_numpy(sample.held_observation), torch.from_numpy(sample.held_signal)
    with torch.no_grad():
        return -model.log_likelihood(x, s).double()


def _title(k: int, n: int) -> str:
    """Name of a mixture, as a user reads it."""
    return f"{k} Gaussian{'s' if k > 1 else ''}, {n} coefficient{'s' if n > 1 else ''}"
