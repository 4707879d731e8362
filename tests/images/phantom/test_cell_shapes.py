from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.images.phantom.cell_shapes import draw_cells


def test_a_point_on_the_outline_has_depth_zero(rng):
    cells = draw_cells((512, 512), rng)
    cell = np.repeat(np.arange(len(cells)), 9)
    angle = rng.uniform(0, 2 * np.pi, cell.size)
    reach = cells.outline(cell, angle)
    y, x = (
        cells.centre[cell, 0] + reach * np.sin(angle),
        cells.centre[cell, 1] + reach * np.cos(angle),
    )
    np.testing.assert_allclose(cells.depth(cell, y, x), 0, atol=1e-9)


def test_the_painted_depth_is_that_of_the_deepest_cell(rng):
    cells = draw_cells((256, 300), rng)
    depth = cells.maps((256, 300)).depth
    for y, x in ((0, 0), (128, 150), (255, 299), (40, 222)):
        each = cells.depth(np.arange(len(cells)), np.float64(y), np.float64(x))
        assert max(depth[y, x], 0) == pytest.approx(max(each.max(), 0), abs=1e-6)


@pytest.mark.parametrize("shape", [(1500, 1500), (300, 3000), (3000, 300)])
def test_cells_cover_most_of_a_field_of_any_shape_and_reach_every_side(shape, rng):
    covered = draw_cells(shape, rng).maps(shape).depth > 0
    assert 0.5 < covered.mean() < 0.95
    for part in np.array_split(covered, 3, axis=int(np.argmax(shape))):
        assert part.mean() > 0.35


def test_a_nucleus_lies_within_its_cell(rng):
    cells = draw_cells((2000, 2000), rng)
    each = np.arange(len(cells))
    assert np.all(cells.depth(each, *cells.nucleus.T) > 0.2)
    assert np.all(cells.nucleus_distance(each, *cells.nucleus.T) == 0)
