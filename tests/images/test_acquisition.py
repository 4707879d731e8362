from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from napari_denoisplit.images.acquisition import (
    normalization_for,
    spline_weights,
    to_training,
    without_background,
)
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.settings import Acquisition

NORMALIZATION = Normalization(
    input_mean=100, input_std=20, channel_means=(90.0, 110.0), channel_stds=(10.0, 40.0)
)


def test_a_network_sees_a_recording_as_it_saw_the_training_images(rng):
    taken = Acquisition(gain=3, offset=50)
    trained = rng.normal(100, 20, (8, 8))
    n = normalization_for(NORMALIZATION, taken)
    seen = (3 * trained + 50 - n.input_mean) / n.input_std
    np.testing.assert_allclose(seen, (trained - 100) / 20)


def test_structures_come_back_in_the_grey_levels_of_the_recording():
    n = normalization_for(NORMALIZATION, Acquisition(gain=3, offset=50))
    assert (n.channel_means, n.channel_stds) == ((270.0, 330.0), (30.0, 120.0))


def test_the_levels_of_the_training_images_are_found_again(rng):
    trained = rng.normal(100, 20, (8, 8)).astype(np.float32)
    back = to_training(3 * trained + 50, Acquisition(gain=3, offset=50))
    np.testing.assert_allclose(back, trained, rtol=1e-5)


def test_a_spline_goes_through_its_points_at_the_corners():
    weights = spline_weights(50, 4)
    np.testing.assert_allclose(weights[[0, -1]], [[1, 0, 0, 0], [0, 0, 0, 1]], atol=1e-12)
    np.testing.assert_allclose(weights.sum(axis=1), 1)


def test_a_background_is_the_same_in_any_part(rng):
    data = rng.normal(size=(2, 40, 50)).astype(np.float32)
    points = tuple(map(tuple, rng.normal(size=(4, 4)).tolist()))
    flat = without_background(Image(data, "TYX"), Acquisition(background=points)).data
    whole = np.asarray(flat[:])
    assert not np.allclose(whole, data)
    np.testing.assert_array_equal(flat[1, 10:20, 5:9], whole[1, 10:20, 5:9])
    np.testing.assert_array_equal(flat[1], whole[1])


def test_an_even_background_is_an_offset(rng):
    data = rng.normal(size=(40, 50)).astype(np.float32)
    even = Acquisition(background=((7.0,) * 4,) * 4)
    flat = without_background(Image(data, "YX"), even).data[:]
    np.testing.assert_allclose(flat, data - 7, atol=1e-5)


@pytest.mark.parametrize("points", [((1.0, 2.0),), ((1.0,), (2.0,)), ((1.0, 2.0), (3.0,))])
def test_a_background_that_is_no_grid_is_refused(points):
    with pytest.raises(ValidationError, match="is no grid"):
        Acquisition(background=points)
