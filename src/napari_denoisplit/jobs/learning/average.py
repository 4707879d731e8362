"""Running average of a network's weights."""

from __future__ import annotations

from copy import deepcopy
from typing import Generic, TypeVar

import torch
from torch import nn

from napari_denoisplit.jobs.learning.flat import FlatWeights

N = TypeVar("N", bound=nn.Module)


class WeightAverage(Generic[N]):
    """Exponential moving average of weights and batch-norm statistics.

    Steps of a stochastic optimizer scatter around where they are heading; their average is nearer
    to it and stays so from one check to the next.

    Parameters
    ----------
    weights
        Those of the network that is trained.
    decay
        Share of the old average kept at each step; less in the first steps, so that the random
        start is forgotten.
    """

    def __init__(self, weights: FlatWeights[N], decay: float) -> None:
        average = FlatWeights(deepcopy(weights.network).eval().requires_grad_(requires_grad=False))
        self.network: N = average.network
        pairs = list(zip(average.network.buffers(), weights.network.buffers(), strict=True))
        self._floating = [(average.vector, weights.vector)]
        self._floating += [pair for pair in pairs if pair[0].is_floating_point()]
        self._counts = [pair for pair in pairs if not pair[0].is_floating_point()]
        self._decay = decay
        self.n_updates = 0

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after a step."""
        self.n_updates += 1
        decay = min(self._decay, (1 + self.n_updates) / (10 + self.n_updates))
        average, current = map(list, zip(*self._floating, strict=True))
        torch._foreach_lerp_(average, current, 1 - decay)
        for average_count, count in self._counts:
            average_count.copy_(count)
