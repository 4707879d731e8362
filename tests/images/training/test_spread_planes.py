from __future__ import annotations

import numpy as np

from napari_denoisplit.images.training.spread_planes import spread_planes


def test_an_image_that_is_small_enough_is_returned_itself():
    image = np.zeros((3, 4, 5))
    assert spread_planes(image, 60) is image


def test_planes_are_taken_evenly_from_first_to_last():
    image = np.arange(10)[:, None, None] * np.ones((10, 8, 8))
    taken = spread_planes(image, 4 * 64)
    np.testing.assert_array_equal(taken[:, 0, 0], [0, 3, 6, 9])


def test_windows_stand_for_a_plane_that_is_too_large():
    taken = spread_planes(np.zeros((2048, 2048), np.uint16), 2**20)
    assert taken.shape == (4, 512, 512)


def test_planes_stay_whole_where_asked_for():
    assert spread_planes(np.zeros((3, 600, 600)), 1000, whole_planes=True).shape == (1, 600, 600)
