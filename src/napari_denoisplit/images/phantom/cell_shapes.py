"""Outlines of the cells in which phantoms draw their structures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Indices = NDArray[np.intp] | np.intp

SPACING = 400.0
"""Pixels between the centres of neighbouring cells."""
RADIUS = 205.0
"""Mean radius of a cell, pixels."""
NUCLEUS = (50.0, 66.0)
"""Range of the semi-axes of a nucleus, pixels."""
HARMONICS = np.array([2, 3, 4, 5, 7])
ROUGHNESS = np.array([0.2, 0.14, 0.08, 0.05, 0.03])
"""Spread of the outline's harmonics, relative to the radius."""


@dataclass(frozen=True, slots=True, eq=False)
class CellMaps:
    """Cells as pixels; (Y, X) each."""

    depth: NDArray[np.float32]
    """1 in the middle of the nearest cell, 0 at its outline, negative outside."""
    nucleus: NDArray[np.float32]
    """Elliptic distance from that cell's nucleus: below 1 inside it."""
    brightness: NDArray[np.float32]
    """Expression level of that cell, 1 on average."""


@dataclass(frozen=True, slots=True, eq=False)
class CellShapes:
    """N star-shaped cells with an elliptic nucleus each; lengths in pixels, points as (y, x)."""

    centre: Floats
    """(N, 2)"""
    radius: Floats
    """(N,)"""
    amplitude: Floats
    """(N, H), strength of each harmonic of the outline relative to the radius."""
    phase: Floats
    """(N, H)"""
    nucleus: Floats
    """(N, 2), centre of the nucleus."""
    nucleus_axes: Floats
    """(N, 2), semi-axes."""
    nucleus_angle: Floats
    """(N,)"""
    brightness: Floats
    """(N,)"""

    def __len__(self) -> int:
        return len(self.radius)

    def outline(self, cell: Indices, angle: Floats) -> Floats:
        """Distance of the outline of a cell from its centre, by angle."""
        waves = np.cos(HARMONICS * angle[..., None] + self.phase[cell])
        radius: Floats = self.radius[cell] * (1 + (self.amplitude[cell] * waves).sum(axis=-1))
        return radius

    def depth(self, cell: Indices, y: Floats, x: Floats) -> Floats:
        """1 in the middle of the cell, 0 at its outline, negative outside."""
        dy, dx = y - self.centre[cell, 0], x - self.centre[cell, 1]
        depth: Floats = 1 - np.hypot(dy, dx) / self.outline(cell, np.arctan2(dy, dx))
        return depth

    def nucleus_distance(self, cell: Indices, y: Floats, x: Floats) -> Floats:
        """Elliptic distance from the nucleus of the cell: below 1 inside."""
        dy, dx = y - self.nucleus[cell, 0], x - self.nucleus[cell, 1]
        cos, sin = np.cos(self.nucleus_angle[cell]), np.sin(self.nucleus_angle[cell])
        along = (cos * dx + sin * dy) / self.nucleus_axes[cell, 0]
        across = (cos * dy - sin * dx) / self.nucleus_axes[cell, 1]
        distance: Floats = np.hypot(along, across)
        return distance

    def maps(self, shape: tuple[int, int]) -> CellMaps:
        """Paint the cells; where two overlap, a pixel belongs to the one it lies deeper in."""
        depth = np.full(shape, -1, dtype=np.float32)
        nucleus = np.full(shape, 9, dtype=np.float32)
        brightness = np.zeros(shape, dtype=np.float32)
        reach = self.radius * (1 + np.abs(self.amplitude).sum(axis=1))
        low = np.maximum(np.floor(self.centre - reach[:, None]), 0).astype(int)
        high = np.minimum(np.ceil(self.centre + reach[:, None]) + 1, shape).astype(int)
        for number in np.flatnonzero((low < high).all(axis=1)):
            box = tuple(slice(a, b) for a, b in zip(low[number], high[number], strict=True))
            y, x = np.ogrid[box]
            cell = np.intp(number)
            inside = self.depth(cell, y.astype(float), x.astype(float))
            deeper = inside > depth[box]
            distance = self.nucleus_distance(cell, y.astype(float), x.astype(float))
            depth[box][deeper] = inside[deeper]
            nucleus[box][deeper] = distance[deeper]
            brightness[box][deeper] = self.brightness[cell]
        return CellMaps(depth, nucleus, brightness)


def _lattice(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Jittered hexagonal lattice over and around an image; (N, 2).

    The middle of the image lies half-way between a nucleus and an outline, so that a small image
    shows structure too.
    """
    n = int(np.ceil(max(shape) / SPACING)) + 2
    row, column = np.mgrid[-n : n + 1, -n : n + 1].reshape(2, -1).astype(float)
    points = SPACING * np.stack([row * np.sqrt(0.75), column + 0.5 * (row % 2)], axis=1)
    turn, aside = rng.uniform(0, 2 * np.pi, size=2)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    jitter = rng.normal(0, 0.09 * SPACING, size=points.shape) * (points != 0).any(axis=1)[:, None]
    middle = np.array(shape) / 2 + 0.55 * RADIUS * np.array([np.sin(aside), np.cos(aside)])
    points = (points + jitter) @ rotation + middle
    near = ((points > -1.5 * RADIUS) & (points < np.array(shape) + 1.5 * RADIUS)).all(axis=1)
    kept: Floats = points[near]
    return kept


def draw_cells(shape: tuple[int, int], rng: np.random.Generator) -> CellShapes:
    """Cells that cover about three quarters of an image, some reaching in from outside."""
    centre = _lattice(shape, rng)
    n = len(centre)
    radius = RADIUS * rng.uniform(0.85, 1.12, size=n)
    return CellShapes(
        centre=centre,
        radius=radius,
        amplitude=ROUGHNESS * rng.uniform(0.3, 1.0, size=(n, len(HARMONICS))),
        phase=rng.uniform(0, 2 * np.pi, size=(n, len(HARMONICS))),
        nucleus=centre + rng.normal(0, 0.09 * RADIUS, size=(n, 2)),
        nucleus_axes=rng.uniform(*NUCLEUS, size=(n, 2)),
        nucleus_angle=rng.uniform(0, np.pi, size=n),
        brightness=rng.lognormal(-0.02, 0.2, size=n),
    )
