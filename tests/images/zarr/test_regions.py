from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_denoisplit.images.zarr.regions import RegionGrid

AXES = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 40)), min_size=2, max_size=4)


@settings(max_examples=40, deadline=None)
@given(axes=AXES)
def test_regions_cover_every_pixel_once_and_keep_their_numbers(axes):
    grid = RegionGrid(*(tuple(numbers) for numbers in zip(*axes, strict=True)))
    seen = np.zeros(grid.shape, int)
    for region in grid:
        seen[region.slices] += 1
        assert seen[region.slices].shape == region.shape
    assert (seen == 1).all()
    assert [grid[number] for number in range(len(grid))] == list(grid)


def test_a_number_beyond_the_last_region_is_refused():
    with pytest.raises(IndexError, match="12 is none of them"):
        RegionGrid((50, 71), (16, 32))[12]
