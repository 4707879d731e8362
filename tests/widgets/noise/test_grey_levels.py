"""Histograms of images are made from a few of their pixels."""

from __future__ import annotations

import numpy as np

from napari_denoisplit.widgets.noise.grey_levels import grey_levels


class Lazy:
    """Counts the pixels that are read of an endless image."""

    shape = (1000, 50_000, 50_000)
    dtype = np.dtype(np.uint16)
    read = 0

    def __getitem__(self, where):
        plane, rows, columns = where
        assert isinstance(plane, int)
        size = rows.stop - rows.start, columns.stop - columns.start
        self.read += size[0] * size[1]
        return np.full(size, plane % 7, dtype=np.uint16)


def test_every_pixel_of_a_small_image_is_counted(rng):
    found = grey_levels("cells", rng.integers(0, 50, (40, 60)).astype(np.uint16))
    assert found.counts.sum() == found.n_pixels == 2400
    assert set(np.diff(found.edges)) == {1.0}


def test_of_a_huge_lazy_image_few_pixels_are_read():
    lazy = Lazy()
    found = grey_levels("cells", lazy)
    assert found.n_pixels == lazy.read <= 200_000


def test_bins_of_whole_grey_levels_hold_equally_many(rng):
    found = grey_levels("cells", rng.integers(0, 3000, (300, 300)))
    steps = np.diff(found.edges)
    assert np.ptp(steps) == 0
    assert steps[0] == round(steps[0])
    assert len(found.counts) <= 130


def test_a_few_outliers_do_not_stretch_the_axis(rng):
    data = rng.normal(100, 5, (300, 300))
    data[0, 0] = 1e9
    assert grey_levels("cells", data).edges[-1] < 150


def test_values_that_are_no_numbers_are_left_out():
    data = np.full((20, 20), np.nan)
    assert grey_levels("empty", data).n_pixels == 0
    data[3] = 7.0
    assert grey_levels("flat", data).counts.sum() == 20
