from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_denoisplit.measures.trust.likeness import LevelLikeness
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.nn.likeness import TileDistance, map_figures
from napari_denoisplit.settings import LadderSettings


@pytest.fixture
def network() -> VSE:
    torch.manual_seed(0)
    return VSE(LadderSettings(n_levels=2, n_filters=16, n_latents=4)).eval()


@torch.no_grad()
def test_the_distance_that_is_followed_is_the_one_that_is_kept(network):
    figures = [f.double().numpy() for f in map_figures(network.encode(torch.randn(80, 1, 64, 64)))]
    levels = [LevelLikeness.of(level) for level in figures]
    tiles = torch.randn(5, 1, 64, 64) + 0.3
    seen = [f.double().numpy() for f in map_figures(network.encode(tiles))]
    kept = [level.distances(tile) for level, tile in zip(levels, seen, strict=True)]
    expected = np.log1p(np.concatenate(kept, axis=1)).mean(axis=1)
    found = TileDistance(network, levels)(tiles).numpy()
    np.testing.assert_allclose(found, expected, rtol=0.02)


def test_it_falls_where_a_recording_comes_nearer(network):
    with torch.no_grad():
        figures = map_figures(network.encode(torch.randn(80, 1, 64, 64)))
    distance = TileDistance(network, [LevelLikeness.of(f.double().numpy()) for f in figures])
    offset = torch.tensor(0.5, requires_grad=True)
    distance(torch.randn(8, 1, 64, 64) + offset).mean().backward()
    assert offset.grad > 0


@torch.no_grad()
def test_a_level_that_is_one_pixel_of_a_tile_has_finite_figures():
    network = VSE(LadderSettings(n_levels=6, n_filters=4, n_latents=2)).eval()
    figures = map_figures(network.encode(torch.randn(3, 1, 64, 64)))
    assert [level.shape for level in figures] == [(3, 8)] * 5 + [(3, 4)]
    assert all(level.isfinite().all() for level in figures)
