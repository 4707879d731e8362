from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.sampling.tiles import tile_grid

GRIDS = [
    (304, 416, 128, 32, 16),
    (64, 64, 128, 16, 16),
    (160, 80, 96, 16, 8),
    (320, 320, None, 32, 16),
]


@pytest.mark.parametrize("grid", GRIDS)
def test_inner_parts_cover_every_pixel_once(grid):
    covered = np.zeros(grid[:2], int)
    for tile in tile_grid(*grid):
        covered[tile.inner()] += 1
    assert (covered == 1).all()


@pytest.mark.parametrize("grid", GRIDS)
def test_placing_cut_tiles_restores_the_image(grid, rng):
    image = rng.normal(size=grid[:2])
    placed = np.empty_like(image)
    for tile in tile_grid(*grid):
        placed[tile.inner()] = image[tile.outer()][tile.inner_in_outer()]
    np.testing.assert_array_equal(placed, image)


@pytest.mark.parametrize("grid", GRIDS)
def test_corners_align_with_every_level_and_the_outer_edge_is_bounded(grid):
    *_, tile_size, _, multiple = grid
    for tile in tile_grid(*grid):
        for start, end in (tile.inner_y, tile.inner_x, tile.outer_y, tile.outer_x):
            assert start % multiple == 0
            assert end % multiple == 0
        if tile_size is not None:
            assert max(np.ptp(tile.outer_y), np.ptp(tile.outer_x)) <= tile_size


def test_context_surrounds_a_tile_but_for_the_border_of_the_image():
    tiles = tile_grid(304, 416, 128, 32, 16)
    for tile in tiles:
        for (start, end), (first, last), size in (
            (tile.outer_y, tile.inner_y, 304),
            (tile.outer_x, tile.inner_x, 416),
        ):
            assert first - start == min(32, first)
            assert end - last == min(32, size - last)


def test_no_tile_size_is_one_tile():
    assert len(tile_grid(304, 416, None, 32, 16)) == 1


def test_an_overlap_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 144"):
        tile_grid(304, 416, 128, 64, 16)
