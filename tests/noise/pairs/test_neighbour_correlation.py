from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.noise.pairs.estimation import correlation_of_neighbours, estimate_noise


def correlation(image):
    return estimate_noise(image).neighbour_correlation


@pytest.mark.parametrize("share", [0.3, 1.0])
@pytest.mark.parametrize("channel", [0, 1])
def test_white_noise_on_fine_structure_is_not_correlated(channel, share, rng):
    clean = phantom()[channel]
    noisy = clean + rng.normal(0, share * clean.std(), clean.shape)
    assert abs(correlation(noisy)[0]) < 0.06


@pytest.mark.parametrize("sigma", [0.4, 0.5, 0.7])
def test_smoothed_noise_is_as_correlated_as_it_is(sigma, rng):
    noise = ndimage.gaussian_filter(rng.normal(size=(512, 512)), sigma)
    expected = (noise[:, 1:] * noise[:, :-1]).mean() / noise.var()
    assert correlation(500 + 20 * noise)[0] == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("name", ["Confocal_FISH", "Confocal_MICE", "TwoPhoton_MICE"])
def test_scanned_images_are_not_correlated(name, shared_data):
    read = pytest.importorskip("tifffile").imread
    stack = read(shared_data / "noise_calibration" / f"fmd_{name}_raw_repeats.ome.tif")
    assert all(abs(correlation(image)[0]) < 0.06 for image in stack)


@pytest.mark.parametrize("name", ["field_diaphragm", "convallaria"])
def test_frames_of_a_camera_are_not_correlated(name, shared_data):
    read = pytest.importorskip("tifffile").imread
    image = read(shared_data / "noise_calibration" / f"pn2v_{name}_frame0.ome.tif")
    assert abs(correlation(image)[0]) < 0.06


def test_structure_at_some_brightnesses_is_no_correlation_of_the_noise(shared_data):
    read = pytest.importorskip("tifffile").imread
    stack = read(shared_data / "train/nf1_nuclei_er_actin/nf1_D6.ome.tif")
    assert all(abs(correlation(image)[0]) < 0.08 for image in stack)


def test_noise_that_is_correlated_along_one_axis_is_told(rng):
    white = rng.normal(size=(256, 256))
    assert correlation(white + np.roll(white, 1, axis=1))[0] > 0.25


def test_of_an_image_without_noise_nothing_is_said():
    assert correlation_of_neighbours(np.full((64, 64), 3.0)) is None
    assert correlation_of_neighbours(np.zeros((10, 10))) is None


def test_the_correlated_wide_field_set_is_told(shared_data):
    read = pytest.importorskip("tifffile").imread
    folder = shared_data / "noise_calibration" / "fmd_correlated_widefield"
    stack = read(folder / "fmd_WideField_BPAE_raw_repeats.ome.tif")
    assert all(correlation(image)[0] > 0.4 for image in stack[0])
