"""The consensus as DivNoising published it parts what most samples part."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_denoisplit.measures.samples.objects import connected_objects
from napari_denoisplit.measures.samples.published import published_consensus, skeleton


def cells(n_rows: int) -> np.ndarray:
    """Bright cells of 16 x 16 pixels with dark space of 5 between them, filling the image."""
    one = np.pad(np.ones((16, 16), np.float32), ((2, 3), (2, 3)))
    return np.tile(one, (n_rows, 3))


def test_a_skeleton_is_thin_and_connected_as_the_mask_is(rng):
    mask = connected_objects(gaussian_filter(rng.normal(size=(80, 90)), 3) > 0, 20) > 0
    thin = skeleton(mask)
    assert not (thin & ~mask).any()
    assert connected_objects(thin).max() == connected_objects(mask).max() > 1
    assert not (thin[:-1, :-1] & thin[1:, :-1] & thin[:-1, 1:] & thin[1:, 1:]).any()
    np.testing.assert_array_equal(skeleton(thin), thin)


def test_cells_are_what_the_lines_between_them_part(rng):
    samples = [cells(3) + rng.normal(0, 0.05, (63, 63)).astype(np.float32) for _ in range(5)]
    found = published_consensus(samples)
    middles = found.labels[10::21, 10::21]
    assert len(np.unique(middles)) == 9
    assert (middles > 0).all()
    assert found.confidence.max() == 1
    assert len(found.n_objects) == 5


def test_a_wall_that_hardly_a_sample_has_is_not_there():
    whole, joined = cells(3), cells(3)
    joined[5:15, 18:23] = 1
    labels = published_consensus([joined] * 39 + [whole]).labels
    assert labels[10, 10] == labels[10, 31]
    labels = published_consensus([joined] * 10 + [whole] * 30).labels
    assert labels[10, 10] != labels[10, 31]


def test_without_a_sample_there_is_nothing_to_segment():
    with pytest.raises(ValueError, match="no sample"):
        published_consensus([])
