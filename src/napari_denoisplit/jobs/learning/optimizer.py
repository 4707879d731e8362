"""Optimizers of one vector of weights, and the learning rate on a plateau.

Those of torch load its compiler when they are made, which takes three seconds and serves nothing
here.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

EPSILON = 1e-8


class Optimizer(ABC):
    """Steps against a running mean of the gradient, each weight's by a measure of its own size.

    Parameters
    ----------
    vector
        (W,) weights, changed in place.
    learning_rate
        Of the next step.
    """

    mean_decay = 0.9
    size_decay = 0.999

    def __init__(self, vector: Tensor, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self._vector = vector
        self._n_steps = 0
        self._mean = torch.zeros_like(vector)
        self._size = torch.zeros_like(vector)

    def step(self, gradient: Tensor) -> None:
        """Follow a gradient (W,)."""
        self._n_steps += 1
        self._mean.lerp_(gradient, 1 - self.mean_decay)
        rate = self.learning_rate / (1 - self.mean_decay**self._n_steps)
        self._vector.addcdiv_(self._mean, self._size_with(gradient), value=-rate)

    @abstractmethod
    def _size_with(self, gradient: Tensor) -> Tensor:
        """Take the gradient in; return how large gradients are, (W,), above zero."""

    def state(self) -> dict[str, Tensor]:
        """Return what `restore` needs."""
        return {"steps": torch.tensor(self._n_steps), "mean": self._mean, "size": self._size}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from a state.

        Raises
        ------
        KeyError, ValueError
            It is not one of as many weights.
        """
        for own, kept in ((self._mean, state["mean"]), (self._size, state["size"])):
            if kept.shape != own.shape:
                raise ValueError(f"{kept.numel():,} weights for {own.numel():,}")
            own.copy_(kept)
        self._n_steps = int(state["steps"])


class Adamax(Optimizer):
    """The largest gradient of late is the measure (Kingma & Ba 2015, algorithm 2)."""

    def _size_with(self, gradient: Tensor) -> Tensor:
        size = self._size.mul_(self.size_decay)
        return torch.maximum(size, gradient.abs().add_(EPSILON), out=size)


class Adam(Optimizer):
    """The mean square of the gradient is the measure (Kingma & Ba 2015, algorithm 1)."""

    def _size_with(self, gradient: Tensor) -> Tensor:
        self._size.mul_(self.size_decay).addcmul_(gradient, gradient, value=1 - self.size_decay)
        unbiased = math.sqrt(1 - self.size_decay**self._n_steps)
        return self._size.sqrt().div_(unbiased).add_(EPSILON)


OPTIMIZERS: dict[str, type[Optimizer]] = {"adamax": Adamax, "adam": Adam}


@dataclass(slots=True)
class Plateau:
    """Halves the learning rate after more epochs without progress than `patience`."""

    patience: int
    best: float = math.inf
    n_bad: int = 0
    """Epochs without progress."""

    def after(self, value: float, learning_rate: float) -> float:
        """Return the learning rate after an epoch that reached a value, lower is better."""
        if value < self.best:
            self.best, self.n_bad = value, 0
            return learning_rate
        self.n_bad += 1
        if self.n_bad <= self.patience:
            return learning_rate
        self.n_bad = 0
        return learning_rate / 2
