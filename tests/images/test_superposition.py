from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.superposition import superpose


def test_equal_weights_of_one_third_average_three_channels(rng):
    channels = rng.normal(size=(4, 3, 5, 6)).astype(np.float32)
    assert_allclose(superpose(channels, (1 / 3,) * 3), channels.mean(axis=1), atol=1e-6)


def test_each_channel_counts_by_its_weight(rng):
    channels = rng.normal(size=(2, 5, 6))
    assert_allclose(
        superpose(channels, (0.25, 2)), 0.25 * channels[0] + 2 * channels[1], rtol=1e-4, atol=1e-5
    )


def test_a_sum_of_bright_integers_does_not_overflow():
    mixed = superpose(np.full((2, 3, 3), 60_000, np.uint16), (1, 1))
    assert_array_equal(mixed, np.full((3, 3), 120_000, np.float32))
    assert mixed.dtype == np.float32


@pytest.mark.parametrize("shape", [(3, 8, 8), (8, 8)])
def test_weights_that_do_not_fit_are_refused(shape):
    with pytest.raises(ImageError, match="2 mixing weights"):
        superpose(np.zeros(shape), (0.5, 0.5))
