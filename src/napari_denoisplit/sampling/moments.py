"""Running mean and spread of posterior samples."""

from __future__ import annotations

import torch

__all__ = ["Moments"]


class Moments:
    """Mean and standard deviation by Welford's recurrence, without keeping the samples.

    The sum of squares would be simpler, and negative in float32 for a small spread on a high
    background.

    Parameters
    ----------
    shape
        Shape of a sample.
    device
        Where the two running images are kept.
    """

    def __init__(self, shape: tuple[int, ...], device: torch.device) -> None:
        self.n = 0
        self.mean = torch.zeros(shape, device=device)
        self._squares = torch.zeros(shape, device=device)

    def add(self, sample: torch.Tensor) -> None:
        """Take in one more sample."""
        self.n += 1
        delta = sample - self.mean
        self.mean += delta / self.n
        self._squares.addcmul_(delta, sample - self.mean)

    def to(self, device: torch.device) -> None:
        """Move the two running images to another device."""
        self.mean, self._squares = self.mean.to(device), self._squares.to(device)

    @property
    def std(self) -> torch.Tensor:
        """Unbiased standard deviation; zero before the second sample."""
        return (self._squares / max(1, self.n - 1)).sqrt_()
