from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.ndimage import gaussian_filter

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.phantom.phantoms import BACKGROUND, phantom

STRUCTURES = ("filaments", "pits")


@pytest.fixture(scope="module")
def field():
    return phantom((512, 512), STRUCTURES, seed=3)


def test_a_phantom_is_one_float32_plane_per_structure():
    image = phantom((48, 65), STRUCTURES, seed=0)
    assert image.shape == (2, 48, 65)
    assert image.dtype == np.float32


def test_the_same_seed_draws_the_same_field(field):
    assert_array_equal(phantom((512, 512), STRUCTURES, seed=3), field)


def test_two_seeds_draw_fields_that_share_nothing_but_their_style(field):
    other = phantom((512, 512), STRUCTURES, seed=4)
    for a, b in zip(field, other, strict=True):
        a, b = (image - gaussian_filter(image, 4) for image in (a, b))  # cells may overlap
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.02


def test_a_structure_is_the_same_whatever_stands_beside_it(field):
    assert_array_equal(phantom((512, 512), ("pits",), seed=3)[0], field[1])


def test_grey_levels_start_at_the_background_and_end_at_a_few_thousand(field):
    for channel in field:
        assert channel.min() >= BACKGROUND - 0.01
        assert 1000 < np.percentile(channel, 99.8) < 4000
        assert channel.max() < 16_000


def test_part_of_the_field_lies_outside_the_cells(field):
    empty = gaussian_filter(field[1], 12) < BACKGROUND + 15
    assert 0.05 < empty.mean() < 0.5


def test_both_structures_keep_to_the_same_cells(field):
    outside = gaussian_filter(field[1], 12) < BACKGROUND + 5
    assert np.mean(field[0][outside] > BACKGROUND + 100) < 0.02


@pytest.fixture(scope="module")
def mean_light():
    """Light per pixel of each structure above the background, in large fields."""
    images = [phantom((640, 640), STRUCTURES, seed) for seed in (10, 11)]
    return np.mean(images, axis=(0, 2, 3)) - BACKGROUND


@pytest.mark.parametrize(("shape", "n"), [((256, 256), 3), ((160, 700), 2), ((700, 700), 1)])
def test_density_and_brightness_do_not_depend_on_the_size_of_the_field(shape, n, mean_light):
    images = [phantom(shape, STRUCTURES, seed) for seed in range(n)]
    light = np.mean(images, axis=(0, 2, 3)) - BACKGROUND
    assert np.all(np.abs(light / mean_light - 1) < 0.35), light / mean_light


@pytest.mark.parametrize("seed", range(6))
def test_even_a_small_field_shows_every_structure(seed):
    assert np.all(phantom((64, 64), STRUCTURES, seed).max(axis=(1, 2)) > BACKGROUND + 400)


def test_channels_are_not_the_same_picture(field):
    correlation = np.corrcoef(field.reshape(2, -1)) - np.eye(2)
    assert np.abs(correlation).max() < 0.6


def test_a_wider_point_spread_function_takes_fine_detail_away():
    sharp, wide = (phantom((128, 128), ("pits",), 0, psf_sigma=s)[0] for s in (1.0, 3.0))
    assert sharp.max() > 2 * wide.max()
    assert sharp.mean() == pytest.approx(wide.mean(), rel=0.03)


def test_no_detail_is_finer_than_the_point_spread_function(field):
    power = np.abs(np.fft.rfft2(field[0] - field[0].mean())) ** 2
    y, x = np.meshgrid(np.fft.fftfreq(512), np.fft.rfftfreq(512), indexing="ij")
    assert power[np.hypot(y, x) > 0.42].mean() < 1e-4 * power[np.hypot(y, x) < 0.1].mean()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"structures": ("filaments", "stars")}, "stars"),
        ({"structures": ()}, "at least one"),
        ({"shape": (0, 64)}, "height and width"),
        ({"shape": (4, 64, 64)}, "height and width"),
        ({"psf_sigma": -1.0}, "psf_sigma is -1"),
    ],
)
def test_what_cannot_be_drawn_is_named(arguments, message):
    with pytest.raises(ImageError, match=message):
        phantom(**arguments)
