"""A reticulum for phantoms: cells of a kind that the models of the benchmarks do not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import Voronoi

from napari_denoisplit.images.phantom.structures import STEP, Scene, splat

if TYPE_CHECKING:
    from napari_denoisplit.images.phantom.structures import Canvas, Floats

TUBULE = 1900.0
"""Light of a pixel's length of a tubule of the mesh."""
SHEET = 520.0
"""Light of a pixel of a sheet of the mesh."""
MESH_SPACING = 14.0
"""Pixels between the middles of the finest polygons of the mesh."""


def mesh(scene: Scene, rng: np.random.Generator) -> Canvas:
    """Reticulum: a bent polygonal network of tubules with sheets, dense about the nucleus."""
    y, x = _polygon_edges(_mesh_seeds(scene, rng), rng)
    row = np.clip(y, 0, scene.shape[0] - 1).astype(np.intp)
    column = np.clip(x, 0, scene.shape[1] - 1).astype(np.intp)
    for sigma, reach in ((9.0, 3.0), (3.5, 1.0)):
        y = y + reach * _smooth_noise(scene.shape, sigma, rng)[row, column]
        x = x + reach * _smooth_noise(scene.shape, sigma, rng)[row, column]
    thickness = np.clip(1 + 0.3 * _smooth_noise(scene.shape, 4.0, rng)[row, column], 0.2, None)
    tubules = TUBULE * STEP * splat(y, x, thickness, scene.shape)
    beyond = scene.maps.nucleus - 1  # 0 at the nuclear envelope
    gain = np.where(beyond < 0, 0.3, 0.75 + 0.7 * np.exp(-beyond / 0.8)) * scene.inside(0.12)
    network = (tubules + SHEET * _sheets(scene, rng)) * gain
    return np.asarray(network + _envelopes(scene), dtype=np.float32)


def _mesh_seeds(scene: Scene, rng: np.random.Generator) -> Floats:
    """Middles of the polygons (N, 2): a jittered lattice, thinned out far from the nucleus."""
    low, high = -3 * MESH_SPACING, np.array(scene.shape) + 3 * MESH_SPACING
    y, x = np.meshgrid(
        np.arange(low, high[0], MESH_SPACING),
        np.arange(low, high[1], MESH_SPACING),
        indexing="ij",
    )
    seeds = np.stack([y.ravel(), x.ravel()], axis=1)
    seeds += rng.uniform(-0.5, 0.5, size=seeds.shape) * MESH_SPACING
    row, column = np.clip(seeds, 0, np.array(scene.shape) - 1).astype(np.intp).T
    beyond = np.clip(scene.maps.nucleus[row, column] - 1, 0, None)
    kept: Floats = seeds[rng.uniform(size=len(seeds)) < 0.45 + 0.5 * np.exp(-beyond / 1.5)]
    return kept


def _polygon_edges(seeds: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Points along the edges between the polygons, some edges left out; y and x."""
    voronoi = Voronoi(seeds)
    ends = np.array(voronoi.ridge_vertices)
    ends = ends[(ends >= 0).all(axis=1) & (rng.uniform(size=len(ends)) < 0.82)]
    start, stop = voronoi.vertices[ends[:, 0]], voronoi.vertices[ends[:, 1]]
    length = np.minimum(np.hypot(*(stop - start).T), 8 * MESH_SPACING)
    n_points = np.ceil(length / STEP).astype(int)
    edge = np.repeat(np.arange(len(ends)), n_points)
    index = np.arange(edge.size) - np.repeat(np.cumsum(n_points) - n_points, n_points)
    along = (index + 0.5) / n_points[edge]
    y, x = (start[edge] + along[:, None] * (stop - start)[edge]).T
    return y, x


def _smooth_noise(shape: tuple[int, int], sigma: float, rng: np.random.Generator) -> Canvas:
    """Noise of unit spread that varies over `sigma` pixels."""
    white = rng.standard_normal(shape, dtype=np.float32)
    return gaussian_filter(white, sigma) * np.float32(2 * np.sqrt(np.pi) * sigma)


def _sheets(scene: Scene, rng: np.random.Generator) -> Canvas:
    """Sheets of the mesh: smooth patches, most of them about the nucleus; 0 to about 1."""
    beyond = np.clip(scene.maps.nucleus - 1, 0, None)
    likely = 2.6 * np.exp(-beyond / 0.5) - 1.9
    patches = np.clip(_smooth_noise(scene.shape, 4.5, rng) + likely, 0, 1)
    return np.asarray(patches * (1 + 0.25 * _smooth_noise(scene.shape, 2.0, rng)), np.float32)


def _envelopes(scene: Scene) -> Canvas:
    """Nuclear envelopes: closed lines around the nuclei."""
    cells = scene.cells
    n_points = int(np.ceil(2 * np.pi * cells.nucleus_axes.max(initial=1) / STEP))
    turn = np.linspace(0, 2 * np.pi, n_points, endpoint=False)
    along = cells.nucleus_axes[:, :1] * np.cos(turn)
    across = cells.nucleus_axes[:, 1:] * np.sin(turn)
    cos, sin = np.cos(cells.nucleus_angle)[:, None], np.sin(cells.nucleus_angle)[:, None]
    y = cells.nucleus[:, :1] + along * sin + across * cos
    x = cells.nucleus[:, 1:] + along * cos - across * sin
    weight = np.broadcast_to(cells.brightness[:, None], y.shape)
    return 1.3 * TUBULE * STEP * splat(y.ravel(), x.ravel(), weight.ravel(), scene.shape)
