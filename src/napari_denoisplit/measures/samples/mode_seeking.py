"""The most probable image among posterior samples: mean shift on small windows.

The mean of the samples (MMSE) is a compromise where they disagree: two faint structures where each
sample has one strong. The mode of the posterior (MAP) takes sides. It cannot be found in a space of
a million pixels with some tens of samples, but what samples disagree about is local, so that it is
looked for in small overlapping windows.

Source: DivNoising (Prakash et al. 2021, arXiv:2006.06072), supplement 2: windows of 10 x 10 pixels
that overlap by 3; mean shift (Cheng 1995) from the mean of the samples, its bandwidth lowered by a
factor of 0.9 from round to round, to half. The paper's bandwidths, 200 to 100, are grey levels of
its images and go with 10,000 samples. Here the first is the distance from the mean within which
nine of ten samples lie, in units of the spread of each structure, and it is not lowered further
once fewer than a tenth of the samples, or three, are within it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.giving_up import look

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

WINDOW = 10
"""Edge of a window, pixels."""
OVERLAP = 3
SHRINK = 0.9
_END = 0.5  # of the first bandwidth
_MOST_ROUNDS = 20  # of one bandwidth
_FIRST_SHARE = 0.9
_FEWEST, _FEWEST_SHARE = 3, 0.1
_ROWS = 64  # of which the spread is measured at once


def find_modes(samples: NDArray[np.float64] | Floats) -> NDArray[np.float64]:
    """Weights of the samples in the approximate mode of each of W sets of samples.

    A point that mean shift reaches is a mean of samples, so that it is known by their weights, and
    all distances by the scalar products of the samples.

    Parameters
    ----------
    samples
        (W, K, D): K samples of D numbers, on one scale.

    Returns
    -------
    (W, K), the weights of each set add up to 1.
    """
    n = samples.shape[1]
    centred = samples - samples.mean(axis=1, keepdims=True)
    gram = centred @ centred.transpose(0, 2, 1)  # (W, K, K)
    squares = np.diagonal(gram, axis1=1, axis2=2)  # (W, K): squared distances from the mean
    bandwidth = np.quantile(squares, _FIRST_SHARE, axis=1, keepdims=True)  # squared
    last = bandwidth * _END**2
    weights = np.full(samples.shape[:2], 1 / n)
    fewest = min(n, max(_FEWEST, int(np.ceil(_FEWEST_SHARE * n))))
    active = np.ones(len(samples), bool)
    while active.any():
        for _ in range(_MOST_ROUNDS):
            along = np.einsum("wkl,wl->wk", gram, weights)
            own = np.einsum("wk,wk->w", along, weights)[:, None]
            near = squares - 2 * along + own <= bandwidth * (1 + 1e-9)
            enough = near.sum(axis=1) >= fewest
            active &= enough
            shifted = near / np.maximum(near.sum(axis=1, keepdims=True), 1)
            changed = active & (np.abs(shifted - weights).max(axis=1) > 1e-9)
            weights[changed] = shifted[changed]
            if not changed.any():
                break
        bandwidth = bandwidth * SHRINK**2
        active &= (bandwidth > last)[:, 0]  # never of samples that are all equal
    return weights


class Modes:
    """Approximate MAP of one plane.

    Parameters
    ----------
    samples
        (K, C, Y, X), grey levels. Structures are looked at together: where one gains what the other
        loses, the mode takes the same side in both.
    """

    def __init__(self, samples: Floats) -> None:
        self._samples = samples
        spread = _spread_of(samples)
        self._scale = 1 / np.maximum(spread, 1e-12)[None, :, None, None]
        self._sum = np.zeros(samples.shape[1:], np.float32)
        self._weight = np.zeros(samples.shape[2:], np.float32)

    def rows(self) -> Iterator[float]:
        """Work through the windows, row by row of them; yields the share that is done."""
        height, width = self._samples.shape[2:]
        tops, lefts = _starts(height), _starts(width)
        for i, top in enumerate(tops):
            self._row(top, lefts)
            yield (i + 1) / len(tops)

    @property
    def image(self) -> Floats:
        """(C, Y, X), when all rows are done: the mean of windows where they overlap."""
        return self._sum / self._weight

    def _row(self, top: int, lefts: list[int]) -> None:
        band = self._samples[:, :, top : top + WINDOW]
        scaled = band * self._scale
        k = len(band)
        windows = np.stack([scaled[..., x : x + WINDOW].reshape(k, -1) for x in lefts])
        weights = find_modes(windows.astype(np.float32))
        for x, weight in zip(lefts, weights, strict=True):
            at = (slice(top, top + WINDOW), slice(x, x + WINDOW))
            mode = np.tensordot(weight.astype(np.float32), band[..., x : x + WINDOW], axes=1)
            self._sum[(slice(None), *at)] += mode
            self._weight[at] += 1


def _spread_of(samples: Floats) -> Floats:
    """Mean spread of (K, C, Y, X) of each structure, (C,): of some rows at a time."""
    height, total = samples.shape[2], np.zeros(samples.shape[1], np.float32)
    for top in range(0, height, _ROWS):
        look()
        rows = samples[:, :, top : top + _ROWS].std(axis=0)
        total += rows.mean(axis=2).sum(axis=1)
    return total / np.float32(height)


def _starts(length: int) -> list[int]:
    """First pixels of windows that cover a length; the last ends with it."""
    step = WINDOW - OVERLAP
    last = max(length - WINDOW, 0)
    return sorted({*range(0, last, step), last})
