"""The weights of a network in one piece of memory.

An optimizer, a clip or an average takes a dozen operations for each of a network's hundred weights,
and for small ones the calls cost more than the work. Of one vector it takes a dozen in all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        for parameter, part in zip(self._parameters, self.split(self.vector), strict=True):
            parameter.data = part

    def split(self, value: Tensor) -> list[Tensor]:
        """Cut a vector (W,) into views with the shapes of the parameters.

        A scalar is the same for all of them, a copy each.
        """
        if value.ndim == 0:
            return [value.clone() for _ in self._parameters]
        parts = torch.split(value, [p.numel() for p in self._parameters])
        return [part.view(p.shape) for part, p in zip(parts, self._parameters, strict=True)]

    def joined(self, parts: Mapping[int, Tensor]) -> Tensor:
        """Undo `split`, given the number of each part; zeros stand for parts that are missing.

        Raises
        ------
        ValueError
            A part has another shape than its parameter, or there are more parts.
        """
        for index, part in parts.items():
            if index >= len(self._parameters):
                raise ValueError(f"{index + 1} weights for {len(self._parameters)}")
            if part.ndim and part.shape != self._parameters[index].shape:
                raise ValueError(f"weight {index} has shape {tuple(part.shape)}")
        if all(part.ndim == 0 for part in parts.values()):
            return max(parts.values())
        whole = [parts.get(i, torch.zeros_like(p)) for i, p in enumerate(self._parameters)]
        return torch.cat([part.flatten().to(self.vector.device) for part in whole])

    def take_gradient(self) -> None:
        """Give the vector the gradients of its parts, zeros where there is none."""
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in self._parameters]
        self.vector.grad = torch.cat([grad.flatten() for grad in grads])
