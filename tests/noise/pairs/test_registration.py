from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_denoisplit.noise.pairs.registration import shift_between


def noisy(clean, seed: int) -> np.ndarray:
    return (clean + np.random.default_rng(seed).normal(0, 60, clean.shape)).astype(np.float32)


def blobs(shape=(256, 200)) -> np.ndarray:
    field = ndimage.gaussian_filter(np.random.default_rng(9).normal(size=shape), 2)
    return 500 + 200 * field / field.std()


@pytest.mark.parametrize("shift", [(0, 0), (3, -7), (-20, 11)])
def test_a_shifted_field_is_found_where_it_is(shift):
    moved = np.roll(blobs(), shift, axis=(0, 1))
    assert shift_between(noisy(blobs(), 0), noisy(moved, 1)) == pytest.approx(shift, abs=0.2)


@pytest.mark.parametrize("sharpness", [1.0, 3.0, 8.0])
def test_an_edge_that_may_be_moved_along_itself_is_not_taken_for_a_long_way(sharpness):
    edge = 200 + 2000.0 * (np.arange(200) > 90) * np.ones((180, 1))
    edge = ndimage.gaussian_filter(edge, sharpness)
    for seed in range(4):
        shift = shift_between(noisy(edge, seed), noisy(edge, seed + 10))
        assert shift is None or max(map(abs, shift)) < 2.0


def test_noise_alone_has_no_shift():
    flat = np.full((256, 256), 500.0)
    assert shift_between(noisy(flat, 0), noisy(flat, 1)) is None
