"""SinosoidalCritters: two structures that only what is far away tells apart.

Source: muSplit (Ashesh et al. 2023), its synthetic data set. Each curve is a slow and a fast half.
Near by, a half may be of either channel; which it is, the other half says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import convolve

from napari_denoisplit.errors import ImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FREQUENCIES = ((0.05, 0.07), (0.12, 0.14), (0.30, 0.32), (0.60, 0.62))
"""Ranges of the four frequencies, radian per pixel: two slow, two fast."""
PAIRS = (((0, 2), (1, 3)), ((0, 3), (1, 2)))
"""Slow and fast frequency of the curves of each channel, one or the other."""
N_CURVES, AMPLITUDE, LEAST_GAP = 5, 8, 16
"""Curves of a channel; pixels; pixels between two that are neighbours."""
VERTICAL, HORIZONTAL = 0.9, 0.3
"""Shares of the edge over which curves are spread, and by which they are shifted at most."""
RADIUS = 10
LEAST_SIZE = 90
"""Pixels, with room for all gaps."""


def critters(size: int = 256, seed: int = 0) -> NDArray[np.float32]:
    """Draw a frame of SinosoidalCritters, without noise; the sum of the channels is their input.

    Parameters
    ----------
    size
        Edge of the frame, pixels; the paper has 128 and 256.
    seed
        Number of the frame.

    Returns
    -------
    (2, Y, X) float32, from 0.

    Raises
    ------
    ImageError
        The frame is too small for the curves.
    """
    if size < LEAST_SIZE:
        raise ImageError(
            f"Critters of {size} pixels cannot be drawn: give an edge of at least {LEAST_SIZE}."
        )
    rng = np.random.default_rng([seed, 3])
    return np.stack([_channel(size, pairs, rng) for pairs in PAIRS]).astype(np.float32)


def _channel(
    size: int, pairs: tuple[tuple[int, int], ...], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw the curves of a channel, (Y, X)."""
    lines = np.zeros((size, size))
    bucket = size * VERTICAL / N_CURVES
    for i in range(N_CURVES):
        slow, fast = (rng.uniform(*FREQUENCIES[which]) for which in pairs[rng.integers(len(pairs))])
        shift = int(rng.uniform(-HORIZONTAL, HORIZONTAL) * size)
        y = AMPLITUDE * joined(slow, fast, size + abs(shift))
        y += i * bucket + LEAST_GAP / 2 + rng.uniform(0, bucket - LEAST_GAP) - y.min()
        x = np.arange(len(y)) / 10
        if rng.random() < 0.5:
            x = x[-1] - x
        rows, columns = y.astype(int), np.floor(x + shift).astype(int)
        inside = (rows < size) & (columns >= 0) & (columns < size)
        line = np.zeros_like(lines, dtype=bool)
        line[rows[inside], columns[inside]] = True
        lines += line
    return convolve(lines, _brush(), mode="constant")


def joined(slow: float, fast: float, length: int) -> NDArray[np.float64]:
    """Heights of a curve whose second half is faster, at ten places a pixel; amplitude 1.

    Where the halves meet, both have the same value and the same slope.
    """
    x = np.arange(0, length / 2, 0.1)
    left = np.sin(slow * x)
    phase = np.arccos(slow * np.cos(slow * x[-1]) / fast)
    right = np.sin(phase + fast * x) - np.sin(phase) + left[-1]
    return np.concatenate([left, right[1:]])


def _brush() -> NDArray[np.float64]:
    """Brightness around a line: 1 in it, and the less the farther away."""
    offset = np.arange(-RADIUS, RADIUS + 1)
    distance = np.hypot(offset[:, None], offset) / np.sqrt(2)
    distance[RADIUS, RADIUS] = 1
    brightness: NDArray[np.float64] = 1 / distance
    return brightness
