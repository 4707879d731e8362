from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.sampling.cell_grid import CellGrid, rectangles


def test_cells_begin_at_what_the_ladder_divides_and_end_with_its_padding():
    grid = CellGrid.over((100, 70), 20, 16)
    assert (grid.edge, grid.shape) == (32, (112, 80))
    patch = grid.covering((), (40, 101), (-9, 33))
    assert grid.pixels(patch) == ((32, 112), (0, 64))
    assert grid.cell(((), 3, 2)) == ((96, 112), (64, 80))


@pytest.mark.parametrize("span", [(-50, -10), (200, 300)])
def test_a_view_beside_the_image_covers_no_cell(span):
    grid = CellGrid.over((100, 70), 32, 16)
    assert not list(grid.covering((), span, (0, 50)).cells())


def test_rectangles_cover_what_is_wanted_once_and_nothing_else(rng):
    wanted = rng.random((15, 23)) < 0.7
    covered = np.zeros(wanted.shape, int)
    for rows, columns in rectangles(wanted, 6):
        assert max(rows[1] - rows[0], columns[1] - columns[0]) <= 6
        covered[slice(*rows), slice(*columns)] += 1
    np.testing.assert_array_equal(covered, wanted)


def test_what_is_too_long_is_cut_evenly():
    assert rectangles(np.ones((1, 17), bool), 8) == [
        ((0, 1), (0, 6)),
        ((0, 1), (6, 12)),
        ((0, 1), (12, 17)),
    ]
