"""The weights of a network in one piece of memory.

An optimizer, a clip or an average takes a dozen operations for each of a network's hundred weights,
and for small ones the calls cost more than the work. Of one vector it takes a dozen in all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

N = TypeVar("N", bound=nn.Module)


class FlatWeights(Generic[N]):
    """A network whose parameters are made views of one vector.

    Parameters
    ----------
    network
        On its device; moved to another, its parameters are no longer those of the vector.
    """

    def __init__(self, network: N) -> None:
        self.network = network
        self._parameters = list(network.parameters())
        self.vector = torch.cat([p.detach().flatten() for p in self._parameters])
        """(W,) all weights, in the order of the network's parameters."""
        parts = torch.split(self.vector, [p.numel() for p in self._parameters])
        for parameter, part in zip(self._parameters, parts, strict=True):
            parameter.data = part.view(parameter.shape)

    def gradient(self) -> Tensor:
        """Join the gradients of the parameters, (W,), zeros where there is none."""
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in self._parameters]
        return torch.cat([grad.flatten() for grad in grads])
