"""Pixels sorted into bins of their signal: what was observed there, and what a model foretells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_denoisplit.curves import SignalBin, VarianceCurve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from napari_denoisplit.noise.models.noise_model import NoiseModel

_EQUAL_COUNT = 14  # bins of equal count describe the background well,
_EQUAL_WIDTH = 18  # bins of equal width the few bright pixels: take the edges of both
_LEAST_COUNT = 100  # tell a variance to 14 %
_SLIVER = 0.02  # of the pixels or of the range: where both kinds of edges lie side by side
_IN_HISTOGRAM = 20_000
_HISTOGRAM_BINS = 40
_DENSITY_POINTS = 121
_SIGNALS_OF_BIN = 64  # signals over which the model's density and variance are averaged


@dataclass(frozen=True, slots=True, eq=False)
class BinnedPixels:
    """Pixels in bins of the signal, by rising signal; every bin holds a hundred at least."""

    edges: Floats
    """(B + 1,), grey levels of the signal."""
    members: tuple[NDArray[np.intp], ...]
    """Pixels of each bin, in random order if the pixels are."""
    counts: NDArray[np.int64]
    """(B,)"""
    signal: Floats
    """(B,), mean signal."""
    offset: Floats
    """(B,), mean of observation - signal, grey levels."""
    variance: Floats
    """(B,), of observation - signal, squared grey levels."""
    standard_error: Floats
    """(B,), of the variance."""

    @classmethod
    def sort(cls, signal: Floats, observation: Floats) -> BinnedPixels:
        """Sort pixels (N,) into bins."""
        edges = _edges(signal)
        bin_of = np.clip(np.searchsorted(edges, signal, side="right") - 1, 0, len(edges) - 2)
        order = np.argsort(bin_of.astype(np.int16), kind="stable")
        counts = np.bincount(bin_of, minlength=len(edges) - 1)
        members = tuple(np.split(order, np.cumsum(counts)[:-1]))
        residual = observation - signal
        table = np.array([_moments(residual[m]) for m in members])
        means = np.array([signal[m].mean() for m in members])
        return cls(edges, members, counts, means, *table.T)

    def curve(self) -> VarianceCurve:
        """Variance of the data over the signal."""
        return VarianceCurve(self.signal, self.variance, self.standard_error)


def _edges(signal: Floats) -> Floats:
    """Edges of bins, each with enough pixels."""
    ordered = np.sort(signal)
    n_bins = int(np.clip(len(signal) // (2 * _LEAST_COUNT), 1, _EQUAL_COUNT))
    shares = ordered[np.linspace(0, len(ordered) - 1, n_bins + 1).astype(int)]
    edges = np.union1d(shares, np.linspace(ordered[0], ordered[-1], _EQUAL_WIDTH + 1))
    ranks = np.searchsorted(ordered, edges[1:-1])
    kept, last = [edges[0]], 0
    for edge, rank in zip(edges[1:-1], ranks, strict=True):
        sliver = rank - last < _SLIVER * len(ordered) and edge - kept[-1] < _SLIVER * np.ptp(edges)
        if rank - last >= _LEAST_COUNT and len(ordered) - rank >= _LEAST_COUNT and not sliver:
            kept.append(edge)
            last = rank
    return np.array([*kept, edges[-1] if len(edges) > 1 else edges[0]])


def _moments(residual: Floats) -> tuple[float, float, float]:
    """Mean, variance and its standard error, which outliers make large."""
    mean = float(residual.mean())
    squares = (residual - mean) ** 2
    return mean, float(squares.mean()), float(squares.std() / np.sqrt(len(residual)))


def signal_bins(
    pixels: BinnedPixels, signal: Floats, observation: Floats, model: ModelNumbers, step: float
) -> tuple[SignalBin, ...]:
    """Histogram of every bin, and the model's density averaged over signals of the same bin.

    Parameters
    ----------
    pixels
        The pixels, sorted.
    signal, observation
        (N,), the same pixels.
    model
        Whose density is drawn.
    step
        Quantization of the observation, grey levels; 0 if it is continuous.
    """
    return tuple(
        _signal_bin(pixels, b, signal[m], observation[m], model, step)
        for b, m in enumerate(m[:_IN_HISTOGRAM] for m in pixels.members)
    )


def _signal_bin(
    pixels: BinnedPixels,
    b: int,
    signal: Floats,
    observation: Floats,
    model: ModelNumbers,
    step: float,
) -> SignalBin:
    edges = _histogram_edges(observation, step)
    counts, _ = np.histogram(observation, edges)
    at = np.linspace(edges[0], edges[-1], _DENSITY_POINTS)
    some = signal[:_SIGNALS_OF_BIN]
    tables = np.broadcast_arrays(at[:, None], some)
    density = np.exp(model.log_likelihood(*(t.ravel() for t in tables))).reshape(-1, len(some))
    variance = model.variance(some).mean() + np.var(model.mean(some) - some)
    return SignalBin(
        signal_range=(float(pixels.edges[b]), float(pixels.edges[b + 1])),
        signal=float(pixels.signal[b]),
        n_pixels=int(pixels.counts[b]),
        edges=edges,
        histogram=counts / (len(observation) * np.diff(edges)),
        density_at=at,
        density=density.mean(1),
        variance=float(pixels.variance[b]),
        model_variance=float(variance),
    )


def _histogram_edges(observation: Floats, step: float) -> Floats:
    """Edges that hold nearly all observations, between the values of rounded ones."""
    low, high = np.quantile(observation, [0.001, 0.999])
    margin = 0.05 * (high - low) or step or max(abs(low) * 1e-6, 1e-6)
    low, high = low - margin, high + margin
    if not step:
        return np.linspace(low, high, _HISTOGRAM_BINS + 1)
    width = step * max(1, round((high - low) / (_HISTOGRAM_BINS * step)))
    start = (np.floor(low / step) - 0.5) * step
    n_bins = int(np.ceil((high - start) / width))
    return np.asarray(start + width * np.arange(n_bins + 1.0))


_PIECE = 65_536  # pixels at a time: temporary values stay in the cache


@dataclass(frozen=True, slots=True, eq=False)
class ModelNumbers:
    """Noise model over one-dimensional numpy arrays, in grey levels, without gradients."""

    model: NoiseModel

    def log_likelihood(self, observation: Floats, signal: Floats) -> Floats:
        """Return log p(observation | signal), nats, (N,)."""
        return _in_pieces(self.model.log_likelihood, observation, signal)

    def cdf(self, observation: Floats, signal: Floats) -> Floats:
        """Probability of an observation at or below this one, (N,)."""
        return _in_pieces(self.model.cdf, observation, signal)

    def mean(self, signal: Floats) -> Floats:
        """Mean of the observation, (N,)."""
        return _in_pieces(self.model.mean, signal)

    def variance(self, signal: Floats) -> Floats:
        """Variance of the observation, (N,)."""
        return _in_pieces(self.model.variance, signal)

    def quantiles(self, signal: Floats, levels: Sequence[float]) -> Floats:
        """Quantiles of the observation, (len(levels), N)."""
        with torch.no_grad():
            found = self.model.quantiles(torch.from_numpy(signal), levels)
        return found.numpy().astype(np.float64)


def _in_pieces(function: Callable[..., Tensor], *arrays: Floats) -> Floats:
    """Values of a function of pixels."""
    out = np.empty(len(arrays[0]))
    with torch.no_grad():
        for start in range(0, len(out), _PIECE):
            piece = slice(start, start + _PIECE)
            tensors = (torch.from_numpy(np.array(a[piece], dtype=np.float32)) for a in arrays)
            out[piece] = function(*tensors).numpy()
    return out
