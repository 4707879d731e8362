"""Histogram noise model p(observation | signal): a table of what was seen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from napari_denoisplit.noise.models.histogram_table import (
    check_table,
    filled_rows,
    table_values,
    unpacked_table,
)
from napari_denoisplit.noise.models.noise_model import NoiseModel, as_floats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FLOOR = 1e-3
"""Share of every row that is spread as a bell around the signal."""
_BEND = 3.0  # sigma beyond which the bell falls exponentially
_CORE = math.sqrt(2 * math.pi) * math.erf(_BEND / math.sqrt(2))
_EDGE = math.exp(-0.5 * _BEND**2)
_NORM = _CORE + 2 * _EDGE / _BEND
# Second moment of the bell, in units of its sigma: core, then tails.
_SECOND = (_CORE - 2 * _BEND * _EDGE + 2 * _EDGE * (_BEND + 2 / _BEND + 2 / _BEND**3)) / _NORM
_NEIGHBOURS = 9  # rows whose median variance is the width of the bell


class HistogramNoise(NoiseModel):
    """Probability of each observation bin for each signal bin, as counted.

    The density is linear along the signal between the centres of the bins, and constant along the
    observation inside a bin. A thousandth of every row is a bell around the signal, of the row's
    width, normal up to 3 sigma and exponential beyond: where nothing was ever counted, inside the
    table or outside of it, the density and its slope in the signal come from the bell, so that no
    pixel is impossible and none is without a pull. Where a row is empty or lies outside
    `signal_range`, the bell takes its place altogether, with the width of the nearest row that was
    seen.

    Parameters
    ----------
    table
        (3, bins, bins) as PN2V lays it out: probability of observation bin j at signal bin i, lower
        edges of the signal bins, upper edges; evenly spaced, the same bins for both axes.

    Raises
    ------
    NoiseModelError
        It is no such table.

    Notes
    -----
    Source: Krull et al. 2020, Probabilistic Noise2Void (arXiv:1906.00651). Two things differ from
    the published formula, on purpose: it returns the probability of the bin, not a density per grey
    level, and it takes a row to stand for the lower edge of its signal bin, not for the centre.
    """

    kind: ClassVar[str] = "histogram"
    needs: ClassVar[tuple[str, ...]] = ("n_bins", "table")
    density: Tensor
    cumulative: Tensor
    bell_share: Tensor
    bell_sigma: Tensor
    row_mean: Tensor
    row_square: Tensor

    def __init__(self, table: NDArray[np.floating]) -> None:
        super().__init__()
        self.table = check_table(np.asarray(table))
        """(3, bins, bins), float64, as given."""
        edges = np.append(self.table[1, :, 0], self.table[2, -1, 0])
        self.n_bins = len(edges) - 1
        self.low, self.high = float(edges[0]), float(edges[-1])
        self.width = (self.high - self.low) / self.n_bins
        seen = np.flatnonzero(filled_rows(self.table))
        self._range = float(self.table[1, seen[0], 0]), float(self.table[2, seen[-1], 0])
        for name, values in _rows(self.table, self.width).items():
            self.register_buffer(name, torch.from_numpy(values).float())

    @property
    def signal_range(self) -> tuple[float, float]:
        """Range of the signal bins that were seen, grey levels."""
        return self._range

    def extra_repr(self) -> str:
        """Return what `repr` shows."""
        return f"{self.n_bins} bins, {self.low:g}..{self.high:g}"

    def log_likelihood(self, observation: Tensor, signal: Tensor) -> Tensor:
        """Return log p(observation | signal) of each pixel, nats per grey level."""
        observation, signal = as_floats(observation, signal)
        row, along = self._row(signal)
        column = (observation - self.low) / self.width
        inside = (column >= 0) & (column < self.n_bins)
        place = row * self.n_bins + column.clamp(0, self.n_bins - 1).long()
        flat = self.density.to(signal.dtype).reshape(-1)
        counted = torch.lerp(flat[place], flat[place + self.n_bins], along)
        seen = inside & (counted > 0)
        log_counted = torch.where(seen, counted, torch.ones_like(counted)).log()
        log_counted = log_counted.masked_fill(~seen, -math.inf)
        share = self._between(self.bell_share, row, along)
        sigma = self._sigma(signal)
        z = (observation - signal) / sigma
        pull = z.clamp(-_BEND, _BEND)
        log_bell = share.log() - sigma.log() - math.log(_NORM) - pull * (z - 0.5 * pull)
        return torch.logaddexp(log_counted, log_bell)

    def mean(self, signal: Tensor) -> Tensor:
        """Mean of the observation: that of the rows, near the signal."""
        (signal,) = as_floats(signal)
        row, along = self._row(signal)
        share = self._between(self.bell_share, row, along)
        return self._between(self.row_mean, row, along) + share * signal

    def variance(self, signal: Tensor) -> Tensor:
        """Variance of the observation, squared grey levels, same shape as the signal."""
        (signal,) = as_floats(signal)
        row, along = self._row(signal)
        share, mean, square = (
            self._between(values, row, along)
            for values in (self.bell_share, self.row_mean, self.row_square)
        )
        # Second moments about the middle of the table, then about the mean.
        middle = 0.5 * (self.low + self.high)
        about = signal - middle
        total = square + share * (about.square() + _SECOND * self._sigma(signal).square())
        return total - (mean + share * signal - middle).square()

    def cdf(self, observation: Tensor, signal: Tensor) -> Tensor:
        """Probability of an observation at or below this one; shapes broadcast."""
        observation, signal = as_floats(observation, signal)
        row, along = self._row(signal)
        position = ((observation - self.low) / self.width).clamp(0, self.n_bins)
        column = position.long().clamp(max=self.n_bins - 1)
        n = self.n_bins + 1
        flat = self.cumulative.to(signal.dtype).reshape(-1)
        place = row * n + column
        left = torch.lerp(flat[place], flat[place + n], along)
        right = torch.lerp(flat[place + 1], flat[place + n + 1], along)
        counted = torch.lerp(left, right, position - column)
        z = (observation - signal) / self._sigma(signal)
        core = 0.5 + math.sqrt(2 * math.pi) / _NORM * (
            torch.special.ndtr(z.clamp(-_BEND, _BEND)) - 0.5
        )
        # Mass beyond z in the exponential tail.
        tail = (0.5 * _BEND**2 - _BEND * z.abs().clamp(min=_BEND)).exp() / (_BEND * _NORM)
        bell = torch.where(z < -_BEND, tail, torch.where(z > _BEND, 1.0 - tail, core))
        return (counted + self._between(self.bell_share, row, along) * bell).clamp(0.0, 1.0)

    def sample(self, signal: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw a noisy observation of each pixel."""
        (signal,) = as_floats(signal)
        uniform, place = (
            torch.rand(signal.shape, generator=generator, device=signal.device, dtype=signal.dtype)
            for _ in range(2)
        )
        row, along = self._row(signal)
        # One of the two rows, then a bin of it or its bell, in one uniform number.
        chosen = row + (place < along).long()
        cumulative = self.cumulative.to(signal.dtype)[chosen.reshape(-1)]
        u = uniform.reshape(-1, 1)
        column = torch.searchsorted(cumulative[:, 1:].contiguous(), u, right=True)
        column = column.clamp(max=self.n_bins - 1)
        left, right = cumulative.gather(1, column), cumulative.gather(1, column + 1)
        within = ((u - left) / (right - left).clamp(min=1e-12)).clamp(0.0, 1.0)
        counted = (self.low + self.width * (column + within)).reshape(signal.shape)
        bell = signal + self._sigma(signal) * _bell_draw(signal, generator)
        from_bell = uniform >= cumulative[:, -1].reshape(signal.shape)
        return torch.where(from_bell, bell, counted)

    def _row(self, signal: Tensor) -> tuple[Tensor, Tensor]:
        """Row below a signal, and how far it lies towards the next, 0 to 1.

        An empty row stands before the first and after the last.
        """
        position = ((signal - self.low) / self.width + 0.5).clamp(0.0, self.n_bins + 1.0)
        row = position.detach().long().clamp(max=self.n_bins)
        return row, position - row

    def _between(self, values: Tensor, row: Tensor, along: Tensor) -> Tensor:
        values = values.to(along.dtype)
        return torch.lerp(values[row], values[row + 1], along)

    def _sigma(self, signal: Tensor) -> Tensor:
        return self._between(self.bell_sigma, *self._row(signal))

    def _values(self) -> dict[str, Any]:
        return table_values(self.table)

    @classmethod
    def _from_values(cls, values: Mapping[str, Any]) -> Self:
        return cls(unpacked_table(values["table"], values["n_bins"]))


def _rows(table: Floats, width: float) -> dict[str, Floats]:
    """Rows ready for evaluation, an empty one before the first and after the last."""
    filled = filled_rows(table)
    mass = np.where(filled[:, None], table[0], 0.0)
    mass /= np.where(filled, mass.sum(axis=1), 1.0)[:, None]
    centres = 0.5 * (table[1, :, 0] + table[2, :, 0])
    mean = mass @ centres
    spread = mass @ centres**2 - mean**2 + width**2 / 12
    mass *= 1.0 - FLOOR
    middle = 0.5 * (table[1, 0, 0] + table[2, -1, 0])
    square = mass @ ((centres - middle) ** 2) + mass.sum(axis=1) * width**2 / 12
    share = 1.0 - mass.sum(axis=1)
    seen = np.flatnonzero(filled)
    # A row of few pixels tells its width badly: ask the rows beside it.
    near = np.abs(seen[:, None] - np.arange(len(filled))) <= _NEIGHBOURS // 2
    variance = np.array([np.median(spread[filled & n]) for n in near])
    sigma = np.sqrt(np.interp(np.arange(len(filled)), seen, variance))

    def padded(rows: Floats, end: float | None) -> Floats:
        ends = (rows[:1], rows[-1:]) if end is None else (np.full_like(rows[:1], end),) * 2
        return np.concatenate([ends[0], rows, ends[1]])

    cumulative = np.concatenate([np.zeros((len(mass), 1)), mass.cumsum(axis=1)], axis=1)
    return {
        "density": padded(mass / width, 0.0),
        "cumulative": padded(cumulative, 0.0),
        "bell_share": padded(share, 1.0),
        "bell_sigma": padded(sigma, None),
        "row_mean": padded(mass @ centres, 0.0),
        # About the middle, with the part of the mean that a row's own mass holds.
        "row_square": padded(square, 0.0),
    }


def _bell_draw(signal: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw from the bell, in units of its sigma."""
    device, dtype = signal.device, signal.dtype
    u, v = (
        torch.rand(signal.shape, generator=generator, device=device, dtype=dtype) for _ in range(2)
    )
    share = _CORE / _NORM
    side = 0.5 * (1.0 + share)  # half of the tails each way
    cut = 0.5 * math.erfc(_BEND / math.sqrt(2))
    core = torch.special.ndtri(cut + (1.0 - 2.0 * cut) * u)
    tail = (_BEND - u.clamp(min=1e-12).log() / _BEND) * torch.where(v < side, -1.0, 1.0)
    return torch.where(v < share, core, tail.to(dtype))
