from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.images.zarr.regions import RegionGrid


def test_regions_cover_every_pixel_once():
    grid = RegionGrid((3, 2, 50, 71), (1, 2, 16, 32))
    seen = np.zeros(grid.shape, int)
    for region in grid:
        seen[region.slices] += 1
        assert seen[region.slices].shape == region.shape
    assert len(grid) == len(list(grid)) == 3 * 1 * 4 * 3
    assert (seen == 1).all()


def test_a_region_has_the_same_number_each_time():
    grid = RegionGrid((50, 71), (16, 32))
    assert [grid[number] for number in range(len(grid))] == list(grid)
    with pytest.raises(IndexError, match="12 is none of them"):
        grid[12]
