from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_denoisplit.sampling.border import round_up
from napari_denoisplit.sampling.tiles import tile_grid


@st.composite
def grids(draw):
    """Height, width, tile size, overlap and multiple of tiles that keep something."""
    multiple = draw(st.sampled_from([1, 2, 8, 16]))
    height, width = (multiple * draw(st.integers(1, 12)) for _ in range(2))
    overlap = draw(st.integers(0, 3 * multiple))
    least = 2 * round_up(overlap, multiple) + multiple
    return height, width, draw(st.none() | st.integers(least, 3 * least)), overlap, multiple


@given(grid=grids())
def test_inner_parts_cover_every_pixel_once(grid):
    covered = np.zeros(grid[:2], int)
    for tile in tile_grid(*grid):
        covered[tile.inner()] += 1
    assert (covered == 1).all()


@given(grid=grids())
def test_placing_cut_tiles_restores_the_image(grid):
    image = np.arange(grid[0] * grid[1]).reshape(grid[:2])
    placed = np.empty_like(image)
    for tile in tile_grid(*grid):
        placed[tile.inner()] = image[tile.outer()][tile.inner_in_outer()]
    np.testing.assert_array_equal(placed, image)


@given(grid=grids())
def test_corners_align_with_every_level_and_the_outer_edge_is_bounded(grid):
    *_, tile_size, _, multiple = grid
    for tile in tile_grid(*grid):
        for start, end in (tile.inner_y, tile.inner_x, tile.outer_y, tile.outer_x):
            assert start % multiple == 0
            assert end % multiple == 0
        if tile_size is not None:
            assert max(np.ptp(tile.outer_y), np.ptp(tile.outer_x)) <= tile_size


@given(grid=grids())
def test_context_surrounds_a_tile_but_for_the_border_of_the_image(grid):
    height, width, _, overlap, multiple = grid
    context = round_up(overlap, multiple)
    for tile in tile_grid(*grid):
        for (start, end), (first, last), size in (
            (tile.outer_y, tile.inner_y, height),
            (tile.outer_x, tile.inner_x, width),
        ):
            assert first - start == min(context, first)
            assert end - last == min(context, size - last)


@given(grid=grids(), part=st.tuples(st.integers(0, 11), st.integers(0, 11)))
def test_tiles_of_a_part_cover_it_and_nothing_else(grid, part):
    *size, _, _, multiple = grid
    wanted = tuple((min(at * multiple, n - multiple), n) for at, n in zip(part, size, strict=True))
    covered = np.zeros(size, int)
    for tile in tile_grid(*grid, wanted):
        covered[tile.inner()] += 1
    expected = np.zeros(size, int)
    expected[tuple(slice(*span) for span in wanted)] = 1
    np.testing.assert_array_equal(covered, expected)


@given(grid=grids())
def test_no_tile_size_is_one_tile(grid):
    height, width, _, overlap, multiple = grid
    assert len(tile_grid(height, width, None, overlap, multiple)) == 1


def test_an_overlap_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 144"):
        tile_grid(304, 416, 128, 64, 16)
