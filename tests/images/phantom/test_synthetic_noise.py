from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.phantom.synthetic_noise import add_noise, noise_sigma
from napari_denoisplit.images.superposition import superpose


@pytest.fixture
def clean(rng):
    return rng.gamma(2, 300, size=(2, 256, 256)).astype(np.float32)


def test_every_channel_gets_gaussian_noise_of_one_spread_the_input_s_times_the_factor(clean):
    noise = add_noise(clean, gaussian=1.5, seed=0) - clean
    expected = 1.5 * superpose(clean, (0.5, 0.5)).std()
    for channel in noise:
        assert channel.std() == pytest.approx(expected, rel=0.02)
        assert abs(channel.mean()) < 0.02 * expected
    assert noise_sigma(clean, 1.5) == pytest.approx(expected, rel=1e-5)


def test_noise_is_independent_between_channels_and_pixels(clean):
    noise = add_noise(clean, seed=0) - clean
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(noise[0, :, 1:].ravel(), noise[0, :, :-1].ravel())[0, 1]) < 0.02


@pytest.mark.parametrize("photon", [1.0, 40.0, 1000.0])
def test_shot_noise_keeps_the_mean_and_has_a_variance_of_photon_times_signal(photon):
    flat = np.full((1, 400, 400), 900.0)
    noisy = add_noise(flat, poisson=photon, gaussian=0, seed=1)
    assert noisy.mean() == pytest.approx(900, rel=0.02)
    assert noisy.var() == pytest.approx(900 * photon, rel=0.03)
    np.testing.assert_allclose(noisy / photon, np.round(noisy / photon), atol=1e-4)


def test_gaussian_noise_is_scaled_to_the_input_with_its_shot_noise():
    flat = np.full((2, 300, 300), 900.0, np.float32)
    noisy = add_noise(flat, poisson=100, gaussian=2, seed=1)
    shot = 900 * 100
    assert noisy[0].var() == pytest.approx(shot + 4 * shot / 2, rel=0.03)


def test_an_absolute_sigma_is_that_of_the_noise_whatever_shot_noise_adds(clean):
    shot = add_noise(clean, poisson=50, gaussian=0, seed=0)
    noise = add_noise(clean, poisson=50, sigma=123.0, seed=0) - shot
    assert noise.std() == pytest.approx(123, rel=0.01)
    with pytest.raises(ImageError, match="sigma is -1"):
        add_noise(clean, sigma=-1, seed=0)


def test_without_noise_the_channels_stay(clean):
    assert_array_equal(add_noise(clean, poisson=0, gaussian=0, seed=0), clean)


def test_the_seed_decides_the_noise(clean):
    first, same, other = (add_noise(clean, poisson=3, seed=s) for s in (5, 5, 6))
    assert_array_equal(first, same)
    assert np.abs(first - other).mean() > 10


def test_several_fields_share_one_spread(clean):
    fields = np.stack([clean, 3 * clean])
    noise = add_noise(fields, seed=0) - fields
    assert noise[0].std() == pytest.approx(noise[1].std(), rel=0.02)
    assert noise.dtype == np.float32


def test_integers_are_taken_and_the_input_is_left_alone(clean):
    counts = clean.astype(np.uint16)
    before = counts.copy()
    assert add_noise(counts, poisson=2, seed=0).dtype == np.float32
    assert_array_equal(counts, before)


@pytest.mark.parametrize(
    ("change", "levels", "message"),
    [
        (lambda image: image, {"gaussian": -1.0}, "gaussian is -1"),
        (lambda image: image, {"poisson": np.nan}, "poisson is nan"),
        (lambda image: image[0], {}, r"\(256, 256\)"),
        (lambda image: image - 500, {"poisson": 5.0}, "shot noise needs a signal"),
        (lambda image: np.where(image > 900, np.nan, image), {}, "NaN or infinite"),
    ],
)
def test_what_cannot_be_made_noisy_is_named(clean, change, levels, message):
    with pytest.raises(ImageError, match=message):
        add_noise(change(clean), seed=0, **levels)
