from __future__ import annotations

import numpy as np

from napari_denoisplit.images.windows import spread_planes, spread_windows, windows_of


def test_windows_fill_an_image_with_one_size():
    seen = np.zeros((2, 700, 1100), int)
    windows = windows_of(seen.shape)
    for window in windows:
        seen[window] += 1
    assert (seen >= 1).all()
    assert len({seen[window].shape for window in windows}) == 1


def test_no_window_lies_outside_the_mask():
    mask = np.zeros((900, 900), bool)
    mask[100:110, 200:260] = True
    assert spread_windows((3, 900, 900), 200, mask=mask)[0][1].start >= 100
    assert spread_windows((900, 900), 10_000, mask=mask) == [(slice(100, 110), slice(200, 260))]


def test_an_image_that_is_small_enough_is_returned_itself():
    image = np.zeros((3, 4, 5))
    assert spread_planes(image, 60) is image


def test_planes_are_taken_evenly():
    image = np.arange(10)[:, None, None] * np.ones((10, 8, 8))
    taken = spread_planes(image, 4 * 64, whole=True)
    np.testing.assert_array_equal(taken[:, 0, 0], [1, 3, 6, 8])


def test_windows_stand_for_a_plane_that_is_too_large():
    taken = spread_planes(np.zeros((2048, 2048), np.uint16), 2**20)
    assert taken.shape == (4, 512, 512)


def test_planes_stay_whole_where_asked_for():
    assert spread_planes(np.zeros((3, 600, 600)), 1000, whole=True).shape == (1, 600, 600)
