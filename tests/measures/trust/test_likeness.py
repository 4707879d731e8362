from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_denoisplit.measures.trust.likeness import (
    LevelLikeness,
    Likeness,
    at_least_noisy,
    contrast_of,
    detail_of,
    noise_of,
)


def tiles_of(rng, n, shift=0.0):
    """Figures of two levels that differ along few directions, and by little along all."""
    ways = np.random.default_rng(5).normal(size=(3, 40))
    return [3 * rng.normal(size=(n, 3)) @ ways + rng.normal(size=(n, 40)) + shift for _ in range(2)]


def test_tiles_of_the_own_kind_have_the_distance_1(rng):
    level = LevelLikeness.of(tiles_of(rng, 2000)[0])
    along, beyond = level.distances(tiles_of(rng, 2000)[0]).mean(axis=0)
    assert along == pytest.approx(1, rel=0.1)
    assert beyond == pytest.approx(1, rel=0.1)


def test_what_is_alike_in_all_tiles_is_a_shift(rng):
    likeness = Likeness.of(tiles_of(rng, 1000), noise=1, contrast=1)
    assert likeness.shift(tiles_of(rng, 36)) == pytest.approx(1, abs=0.6)
    assert likeness.shift(tiles_of(rng, 36, shift=0.5)) > 5


def test_a_shift_of_few_tiles_counts_less(rng):
    likeness = Likeness.of(tiles_of(rng, 1000), noise=1, contrast=1)
    tiles = tiles_of(rng, 36, shift=1.0)
    assert likeness.shift([level[:4] for level in tiles]) < likeness.shift(tiles) / 2


def test_tiles_of_the_own_kind_have_the_strangeness_1_and_others_more(rng):
    likeness = Likeness.of(tiles_of(rng, 1000), noise=1, contrast=1)
    own = likeness.strangeness(tiles_of(rng, 400))
    assert np.exp(np.log(own).mean()) == pytest.approx(1, rel=0.05)
    assert likeness.strangeness(tiles_of(rng, 400, shift=2.0)).min() > own.max()


def test_only_tiles_of_less_noise_get_more(rng):
    quiet, loud = (rng.normal(0, s, (20, 64, 64)).astype(np.float32) for s in (0.5, 2))
    assert noise_of(at_least_noisy(quiet, 1)) == pytest.approx(1, rel=0.03)
    np.testing.assert_array_equal(at_least_noisy(loud, 1), loud)


def test_noise_is_measured_beside_slopes_and_edges(rng):
    y, x = np.mgrid[:64, :64]
    structure = 0.5 * y + 40.0 * (x > 40)
    tiles = (structure + rng.normal(0, 2, (20, 64, 64))).astype(np.float32)
    assert noise_of(tiles) == pytest.approx(2, rel=0.03)


def test_contrast_is_that_of_the_structure(rng):
    structure = 5 * np.sin(np.arange(64) / 4) * np.ones((64, 1))
    tiles = (structure + rng.normal(0, 2, (20, 64, 64))).astype(np.float32)
    assert contrast_of(tiles, 2) == pytest.approx(structure.std(), rel=0.05)
    assert contrast_of(tiles, 100) == 0


def structured(rng, width, n=40):
    blobs = gaussian_filter(rng.standard_normal((n, 64, 64)), (0, width, width), mode="wrap")
    return (blobs / blobs.std()).astype(np.float32)


def test_detail_does_not_depend_on_gain_offset_and_noise(rng):
    clean = structured(rng, 2)
    known = detail_of(clean, 0.0)
    for noise in (0.5, 1.0):
        noisy = clean + noise * rng.standard_normal(clean.shape)
        assert detail_of((3 * noisy + 7).astype(np.float32), 3 * noise) == pytest.approx(
            known, rel=0.1
        )


def test_detail_is_less_the_more_is_blurred(rng):
    sharp = structured(rng, 1)
    details = [
        detail_of(gaussian_filter(sharp, (0, blur, blur), mode="wrap"), 0.0) for blur in (0, 2, 4)
    ]
    assert details[0] > 1.5 * details[1] > 1.5**2 * details[2] > 0


def test_noise_and_even_tiles_have_no_detail(rng):
    noise = rng.standard_normal((40, 64, 64)).astype(np.float32)
    assert detail_of(noise, 1.0) is None
    assert detail_of(np.ones((2, 64, 64), np.float32), 0.0) is None
