"""Noise from repeated exposures of a static field."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.noise.field import Field
from napari_denoisplit.noise.windows import spread_windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["fields_of_repeats"]

_FEWEST, _MOST = 16, 64  # repeats to read of more: 16 tell the mean, more is better if it is cheap


def fields_of_repeats(
    stack: Any, max_pixels: int, mask: NDArray[np.bool_] | None = None
) -> tuple[list[Field], list[str]]:
    """Read windows of repeats; their mean is the signal.

    Parameters
    ----------
    stack
        (T, ..., Y, X), numpy or sliceable like it, T >= 2.
    max_pixels
        How many pixels to read.
    mask
        (Y, X), True where pixels are used.
    """
    n, *rest = (int(length) for length in stack.shape)
    n_read = min(n, int(np.clip(max_pixels // math.prod(rest), _FEWEST, _MOST)))
    chosen = np.unique(np.linspace(0, n - 1, n_read).round().astype(int))
    fields = []
    for window in spread_windows(rest, max_pixels // n_read, mask=mask):
        raw = np.stack([np.asarray(stack[(int(t), *window)], np.float32) for t in chosen])
        usable = np.ones(raw.shape[1:], dtype=bool) if mask is None else mask[window[-2:]]
        fields.append(_field(raw, usable))
    return fields, []


def _field(raw: NDArray[np.float32], usable: NDArray[np.bool_]) -> Field:
    """One window of all repeats."""
    n = len(raw)
    mean = raw.mean(axis=0)
    level = raw.mean(axis=(1, 2), keepdims=True)
    noise = (raw - level - mean + mean.mean()) * np.float32(math.sqrt(n / (n - 1)))
    signal = np.broadcast_to(mean, raw.shape)
    return Field(signal, signal + noise, raw, usable)
