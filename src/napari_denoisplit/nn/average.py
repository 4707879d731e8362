"""Running average of a network's weights."""

from __future__ import annotations

from copy import deepcopy
from typing import Generic, TypeVar

import torch
from torch import nn

N = TypeVar("N", bound=nn.Module)


class WeightAverage(Generic[N]):
    """Exponential moving average of weights and batch-norm statistics.

    Steps of a stochastic optimizer scatter around where they are heading; their average is nearer
    to it and stays so from one check to the next.

    Parameters
    ----------
    network
        The network that is trained.
    decay
        Share of the old average kept at each step; less in the first steps, so that the random
        start is forgotten.
    """

    def __init__(self, network: N, decay: float) -> None:
        self.network: N = deepcopy(network).eval().requires_grad_(requires_grad=False)
        self._decay = decay
        self.n_updates = 0

    @torch.no_grad()
    def update(self, network: N) -> None:
        """Take in the weights after a step."""
        self.n_updates += 1
        decay = min(self._decay, (1 + self.n_updates) / (10 + self.n_updates))
        average, current = self.network.state_dict(), network.state_dict()
        floating = [k for k, v in average.items() if v.is_floating_point()]
        torch._foreach_lerp_(
            [average[k] for k in floating], [current[k] for k in floating], 1 - decay
        )
        for key in average.keys() - set(floating):
            average[key].copy_(current[key])
