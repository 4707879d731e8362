"""A noise model in numbers: numpy in, numpy out, in pieces of bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_denoisplit.noise.models.model import NoiseModel

    Floats = NDArray[np.float64]

__all__ = ["ModelNumbers"]

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
