"""How well a noise model describes pixels: curves to look at, and a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from napari_denoisplit.curves import Autocorrelation, ModelBands, NoiseCurves
from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.judging.evidence import Evidence
from napari_denoisplit.noise.judging.findings import verdict_on
from napari_denoisplit.noise.judging.independence import LAGS, autocorrelation
from napari_denoisplit.noise.judging.pit import pit_curve, pit_values
from napari_denoisplit.noise.judging.signal_bins import BinnedPixels, ModelNumbers, signal_bins
from napari_denoisplit.noise.pairs.gathering import joint_histogram
from napari_denoisplit.noise.pairs.rounding import grey_step

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.noise.pairs.pairs import Pairs
    from napari_denoisplit.verdict import Verdict

    Floats = NDArray[np.float64]

_LEAST_PIXELS = 100
_IN_BINS = 1_000_000  # held-out pixels whose variance is measured: few of them are bright
_IN_LIKELIHOOD = 60_000  # tell the mean to 0.003 nats
_IN_TRANSFORM = 60_000  # tell the distance from uniform to 0.004
_BAND_SIGNALS = 200
_BAND_LEVELS = (0.025, 0.16, 0.84, 0.975)  # two and one sigma, if the noise were Gaussian
_REACH = 3.0  # standard deviations that observations reach beyond the signals
_ESTIMATED_ERROR = 0.02  # of the correlation in a single image, found by other means
_LEAST_LIKELY = -1e6  # nats, in place of an impossible observation: figures stay numbers
_SEED = 0


def judge(model: NoiseModel, pairs: Pairs) -> tuple[NoiseCurves, Verdict]:
    """Judge a noise model by pairs, the last third of which no fit has seen.

    Variances are measured on up to a million held-out pixels, likelihood and cumulative
    probabilities on 60 000, so that it takes about a second whatever the size of the images.
    Whole-number observations are rounded ones: their likelihood and variance are taken after an
    even jitter of one step, their transform is randomized within the step.

    Parameters
    ----------
    model
        A noise model of any kind, on the processor.
    pairs
        Signal and observation in grey levels.

    Raises
    ------
    NoiseModelError
        There are fewer than a hundred held-out pairs, or the model gives no numbers for them.
    """
    rng = np.random.default_rng(_SEED)
    numbers = ModelNumbers(model)
    held = _sample(*pairs.held_out(), _IN_BINS, rng)
    if len(held.signal) < _LEAST_PIXELS:
        raise NoiseModelError(
            f"{len(pairs.signal)} pairs of signal and observation are too few to judge a noise "
            f"model by: it takes at least {3 * _LEAST_PIXELS} pixels that are numbers."
        )
    fitted = _sample(*pairs.fitted(), _IN_LIKELIHOOD, rng)
    sorted_pixels = BinnedPixels.sort(held.signal, held.jittered)
    bins = signal_bins(sorted_pixels, held.signal, held.jittered, numbers, held.step)
    some = slice(0, _IN_TRANSFORM)
    values = pit_values(numbers.cdf, held.signal[some], held.observation[some], held.step, rng)
    if not np.isfinite([*values, *(b.model_variance for b in bins)]).all():
        raise NoiseModelError(
            "This noise model gives probabilities or variances that are not numbers for some of "
            "the signals: fit the model anew."
        )
    nll, gaussian_nll = _likelihoods(numbers, fitted, held)
    curves = NoiseCurves(
        joint=joint_histogram(pairs),
        bands=_bands(numbers, pairs, held.signal),
        bins=bins,
        variance=sorted_pixels.curve(),
        pit=pit_curve(values),
        autocorrelation=_autocorrelation(model, pairs),
        nll=nll,
        gaussian_nll=gaussian_nll,
        coverage=share_covered(model, pairs.observed_range),
        observed_range=pairs.observed_range,
    )
    evidence = Evidence(
        source=pairs.source,
        n_pixels=len(pairs.signal),
        signal_range=model.signal_range,
        max_signal=pairs.max_signal,
        counts=sorted_pixels.counts,
        offset=sorted_pixels.offset - (numbers.mean(sorted_pixels.signal) - sorted_pixels.signal),
        model_variance=np.array([b.model_variance for b in bins]),
        fitted_nll=_nll(numbers, fitted),
        of_data=pairs.findings,
    )
    return curves, verdict_on(curves, evidence)


class _Sample(NamedTuple):
    """Finite pairs in random order."""

    signal: Floats
    observation: Floats
    jittered: Floats
    """Observation, moved evenly within its step of quantization."""
    step: float


def _sample(
    signal: NDArray[np.float32], observation: NDArray[np.float32], n: int, rng: np.random.Generator
) -> _Sample:
    s, x = (a[:n].astype(np.float64) for a in (signal, observation))
    finite = np.isfinite(s) & np.isfinite(x)
    s, x = s[finite], x[finite]
    step = grey_step(x)
    jittered = x + rng.uniform(-step / 2, step / 2, len(x)) if step else x
    return _Sample(s, x, jittered, step)


def _nll(model: ModelNumbers, sample: _Sample) -> float:
    some = slice(0, _IN_LIKELIHOOD)
    values = model.log_likelihood(sample.jittered[some], sample.signal[some])
    return -float(np.maximum(np.nan_to_num(values, nan=_LEAST_LIKELY), _LEAST_LIKELY).mean())


def _likelihoods(model: ModelNumbers, fitted: _Sample, held: _Sample) -> tuple[float, float]:
    """Mean negative log-likelihood of held-out pixels: the model's, and of a plain Gaussian."""
    some = slice(0, _IN_LIKELIHOOD)
    residual = fitted.jittered - fitted.signal
    mean, variance = residual.mean(), max(float(residual.var()), 1e-12)
    squares = (held.jittered[some] - held.signal[some] - mean) ** 2
    gaussian = 0.5 * (np.log(2 * np.pi * variance) + float(squares.mean()) / variance)
    return _nll(model, held), float(gaussian)


def _bands(model: ModelNumbers, pairs: Pairs, signal: Floats) -> ModelBands:
    """Mean and quantiles of the model where it was made for, and where there are pixels."""
    low, high = model.model.signal_range
    at = np.linspace(min(low, signal.min()), max(high, signal.max()), _BAND_SIGNALS)
    return ModelBands(
        signal=at,
        mean=model.mean(at),
        levels=_BAND_LEVELS,
        quantiles=model.quantiles(at, _BAND_LEVELS),
        variance=model.variance(at),
    )


def _autocorrelation(model: NoiseModel, pairs: Pairs) -> Autocorrelation | None:
    """Correlation of what the model leaves of the residual, or of the noisy image itself."""
    left = [model.unforeseen(torch.from_numpy(window)).numpy() for window in pairs.residuals]
    measured = autocorrelation(left)
    if pairs.neighbour_correlation is None:
        return measured
    values = pairs.neighbour_correlation
    estimated = Autocorrelation(LAGS, values, values, _ESTIMATED_ERROR)
    if measured is None or abs(values[0]) > max(abs(measured.x[0]), abs(measured.y[0])):
        return estimated
    return measured


def share_covered(model: NoiseModel, observed: tuple[float, float]) -> float:
    """Share of an observed range of grey levels that noisy pixels of the model's signals reach."""
    ends = np.array(model.signal_range)
    sigma = np.sqrt(ModelNumbers(model).variance(ends))
    low, high = ends[0] - _REACH * sigma[0], ends[1] + _REACH * sigma[1]
    darkest, brightest = observed
    if not brightest > darkest:
        return 1.0
    return float(max(min(high, brightest) - max(low, darkest), 0.0) / (brightest - darkest))
