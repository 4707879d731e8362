from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_denoisplit.noise.judging.independence import autocorrelation


def white(shape=(400, 500), seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_white_noise_has_no_correlation_beyond_its_error():
    found = autocorrelation([white(seed=i) for i in range(3)])
    assert found.lags == (1, 2, 3)
    assert found.standard_error == pytest.approx(1 / np.sqrt(3 * 400 * 500), rel=0.01)
    assert np.abs([*found.x, *found.y]).max() < 4 * found.standard_error


def test_a_moving_average_has_the_triangle_of_its_length():
    smooth = ndimage.uniform_filter1d(white((900, 900)), 3, axis=1)
    found = autocorrelation([smooth])
    assert found.x == pytest.approx((2 / 3, 1 / 3, 0), abs=0.015)
    assert found.y == pytest.approx((0, 0, 0), abs=0.015)


def test_a_slow_rest_of_structure_is_no_correlation():
    y, x = np.mgrid[:400, :500] / 80
    found = autocorrelation([white() + (np.sin(y) + np.cos(x)).astype(np.float32)])
    assert np.abs([*found.x, *found.y]).max() < 0.02


def test_unknown_pixels_change_nothing():
    noise = ndimage.uniform_filter1d(white(), 2, axis=0)
    holes = noise.copy()
    holes[100:250, 100:300] = np.nan
    holes[np.random.default_rng(1).random(noise.shape) < 0.3] = np.nan
    whole, rest = autocorrelation([noise]), autocorrelation([holes])
    assert rest.y == pytest.approx(whole.y, abs=0.02)
    assert rest.x == pytest.approx(whole.x, abs=0.02)
    assert rest.standard_error > whole.standard_error


def test_hot_pixels_do_not_hide_correlation():
    noise = ndimage.uniform_filter1d(white(), 2, axis=1)
    noise[::40, ::40] = 300.0
    assert autocorrelation([noise]).x[0] == pytest.approx(0.5, abs=0.03)


def test_too_few_neighbours_tell_nothing():
    assert autocorrelation([]) is None
    assert autocorrelation([white((20, 20))]) is None
    assert autocorrelation([np.full((100, 100), np.nan, np.float32)]) is None
    assert autocorrelation([np.zeros((100, 100), np.float32)]) is None
