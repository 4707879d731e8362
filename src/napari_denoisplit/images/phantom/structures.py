"""Structures of cells, drawn as infinitely thin lines and points before any blur."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_denoisplit.images.phantom.cell_shapes import CellMaps, CellShapes

    Floats = NDArray[np.float64]
    Canvas = NDArray[np.float32]

Structure = Literal["filaments", "pits"]

STEP = 0.7
"""Pixels between two points of a line; with bilinear splats it looks continuous."""
BEND = 0.0075
"""Spread of the curvature of filaments, radians per pixel."""
LINE = 2000.0
"""Light of a pixel's length of filament; a blur of 1.3 pixels makes it a crest of 610."""
SPOT = 16_000.0
"""Light of a pit; a blur of 1.3 pixels makes it a peak of 1500."""
POOL = 60.0
"""Light of a pixel of the diffuse pool about the pits."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Cells on a canvas, which is the image with its margin."""

    cells: CellShapes
    maps: CellMaps
    shape: tuple[int, int]

    def inside(self, softness: float) -> Canvas:
        """0 outside the cells, 1 inside, rising over `softness` of a radius; (Y, X)."""
        inside: Canvas = np.clip(self.maps.depth / softness, 0, 1) * self.maps.brightness
        return inside


def splat(y: Floats, x: Floats, weight: Floats, shape: tuple[int, int]) -> Canvas:
    """Add points to an empty canvas, each shared between its four nearest pixels."""
    kept = (y > 0) & (x > 0) & (y < shape[0] - 1) & (x < shape[1] - 1) & (weight > 0)
    y, x, weight = y[kept], x[kept], weight[kept]
    row, column = y.astype(np.intp), x.astype(np.intp)
    fy, fx = y - row, x - column
    first = row * shape[1] + column
    corners = (
        (0, (1 - fy) * (1 - fx)),
        (1, (1 - fy) * fx),
        (shape[1], fy * (1 - fx)),
        (shape[1] + 1, fy * fx),
    )
    size = shape[0] * shape[1]
    total = sum(np.bincount(first + step, weight * share, size) for step, share in corners)
    return np.asarray(total, dtype=np.float32).reshape(shape)


def _scatter(
    scene: Scene, per_cell: float, rng: np.random.Generator
) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Points spread over every cell; their cell, y and x."""
    cells = scene.cells
    area = (cells.radius / cells.radius.mean()) ** 2
    cell = np.repeat(np.arange(len(cells)), rng.poisson(per_cell * area))
    angle = rng.uniform(0, 2 * np.pi, size=cell.size)
    distance = cells.outline(cell, angle) * np.sqrt(rng.uniform(0, 1, size=cell.size))
    y = cells.centre[cell, 0] + distance * np.sin(angle)
    x = cells.centre[cell, 1] + distance * np.cos(angle)
    return cell, y, x


def _filaments(scene: Scene, rng: np.random.Generator) -> Canvas:
    """Microtubule-like lines: random walks with persistent curvature.

    They leave a centre beside the nucleus or any place of the cell, head outwards and bend along
    the outline.
    """
    cells = scene.cells
    cell, y, x = _scatter(scene, 110, rng)
    n = cell.size
    aside = rng.uniform(0, 2 * np.pi, size=len(cells))
    beside = 1.1 * cells.nucleus_axes.mean(axis=1)
    from_centre = rng.uniform(size=n) < 0.3
    spread = rng.normal(0, 14, size=(2, n))
    y = np.where(from_centre, (cells.nucleus[:, 0] + beside * np.sin(aside))[cell] + spread[0], y)
    x = np.where(from_centre, (cells.nucleus[:, 1] + beside * np.cos(aside))[cell] + spread[1], x)
    outwards = np.arctan2(y - cells.centre[cell, 0], x - cells.centre[cell, 1])
    loose = rng.normal(0, 0.8, size=n)
    angle = np.where(from_centre, rng.uniform(0, 2 * np.pi, size=n), outwards + loose)
    weight = rng.lognormal(0, 0.35, size=n) * cells.brightness[cell]
    ys, xs, weights = _walk(cells, cell, (y, x, angle), weight, rng)
    return LINE * STEP * splat(ys, xs, weights, scene.shape)


def _walk(
    cells: CellShapes,
    cell: NDArray[np.intp],
    start: tuple[Floats, Floats, Floats],
    weight: Floats,
    rng: np.random.Generator,
) -> tuple[Floats, Floats, Floats]:
    """Points of all filaments at once: y, x and brightness, flat."""
    y, x, angle = start
    n = cell.size
    n_steps = (rng.uniform(50, 280, size=n) / STEP).astype(int)
    bend = rng.normal(0, BEND, size=n)
    memory = np.exp(-STEP / 35)
    flicker = rng.uniform(0, 2 * np.pi, size=n)
    points = []
    for step in range(int(n_steps.max(initial=0))):
        depth = cells.depth(cell, y, x)
        bend = memory * bend + np.sqrt(1 - memory**2) * rng.normal(0, BEND, size=n)
        inwards = np.arctan2(cells.centre[cell, 0] - y, cells.centre[cell, 1] - x)
        near_edge = np.clip(1 - depth / 0.12, 0, 1)
        angle = angle + STEP * (bend + 0.045 * near_edge * np.sin(inwards - angle))
        y, x = y + STEP * np.sin(angle), x + STEP * np.cos(angle)
        alive = (step < n_steps) & (depth > 0.015)
        n_steps = np.where(alive, n_steps, 0)
        over_nucleus = cells.nucleus_distance(cell, y, x) < 1
        shade = np.where(over_nucleus, 0.4, 1) * (1 + 0.2 * np.sin(step * STEP / 25 + flicker))
        points.append((y, x, weight * shade * alive))
    ys, xs, weights = np.array(points).transpose(1, 0, 2).reshape(3, -1)
    return ys, xs, weights


def _pits(scene: Scene, rng: np.random.Generator) -> Canvas:
    """Diffraction-limited spots of varied brightness, a third of them in clusters."""
    cell, y, x = _scatter(scene, 620, rng)
    cluster, cluster_y, cluster_x = _scatter(scene, 45, rng)
    members = rng.poisson(5, size=cluster_y.size)
    apart = rng.normal(0, 4.5, size=(2, members.sum()))
    cell = np.concatenate([cell, np.repeat(cluster, members)])
    y = np.concatenate([y, np.repeat(cluster_y, members) + apart[0]])
    x = np.concatenate([x, np.repeat(cluster_x, members) + apart[1]])
    inside = scene.cells.depth(cell, y, x) > 0.02
    weight = rng.lognormal(-0.1, 0.45, size=cell.size) * scene.cells.brightness[cell] * inside
    # A pit of up to 1.2 pixels' radius, as a few points: spots differ a little in size.
    grain = rng.uniform(0, 1.2, size=cell.size) * rng.normal(0, 0.7, size=(2, 6, cell.size))
    ys, xs = (y + grain[0]).ravel(), (x + grain[1]).ravel()
    pool = POOL * scene.inside(0.3)  # what has not assembled yet
    return SPOT * splat(ys, xs, np.tile(weight / 6, 6), scene.shape) + pool


PAINTERS: dict[Structure, Callable[[Scene, np.random.Generator], Canvas]] = {
    "filaments": _filaments,
    "pits": _pits,
}
"""What draws each structure: light per pixel on the canvas, before any blur."""
