from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from napari_denoisplit.images.zarr.pyramid import contrast_windows, halved, level_shapes
from napari_denoisplit.images.zarr.regions import RegionGrid


def test_levels_halve_the_plane_until_a_screen_shows_it():
    assert level_shapes((2, 2001, 700)) == [(2, 2001, 700), (2, 1001, 350), (2, 501, 175)]


def test_a_small_image_has_one_level():
    assert level_shapes((512, 512)) == [(512, 512)]


@settings(max_examples=25, deadline=None)
@given(
    plane=st.tuples(st.integers(1, 45), st.integers(1, 45)),
    step=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    dtype=st.sampled_from(["f4", "f8", "u2", "i4"]),
)
def test_a_coarser_level_is_the_mean_of_two_by_two_pixels(plane, step, dtype):
    fine = np.random.default_rng(0).uniform(0, 60_000, size=(2, 3, *plane)).astype(dtype)
    coarse = np.empty((2, 3, *(-(-n // 2) for n in plane)), dtype)
    for region in RegionGrid(coarse.shape, (1, 3, *step)):
        coarse[region.slices] = halved(fine, region)
    # The last pixel of an odd edge is met with itself.
    even = np.pad(fine.astype("f8"), [(0, 0), (0, 0), *((0, n % 2) for n in plane)], mode="edge")
    blocks = even.reshape(2, 3, coarse.shape[2], 2, coarse.shape[3], 2)
    mean = blocks.mean(axis=(3, 5))
    if dtype in ("f4", "f8"):
        assert_allclose(coarse, mean, rtol=1e-6)
    else:
        assert_array_equal(coarse, np.rint(mean))


def test_an_odd_edge_is_the_mean_of_the_pixels_there_are():
    fine = np.arange(9, dtype="f4").reshape(3, 3)
    (region,) = RegionGrid((2, 2), (2, 2))
    assert_array_equal(halved(fine, region), [[2, 3.5], [6.5, 8]])


def test_each_channel_is_shown_between_percentiles_of_its_own(rng):
    image = rng.normal(size=(3, 2, 50, 50)) * np.array([1, 100])[:, None, None]
    image[0, 0, 0, 0] = np.nan
    windows = contrast_windows(image, "TCYX")
    assert len(windows) == 2
    for (low, start, end, high), spread in zip(windows, (1, 100), strict=True):
        assert low < start < -2 * spread < 2 * spread < end < high


def test_an_empty_image_has_a_window_all_the_same():
    assert contrast_windows(np.zeros((5, 5)), "YX") == [(0, 0, 1, 1)]
