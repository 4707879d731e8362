from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_denoisplit.images.phantoms import phantom
from napari_denoisplit.images.reading import read_image
from napari_denoisplit.noise.neighbour_noise import CORRELATED, neighbour_noise


@pytest.mark.parametrize("structure", ["filaments", "pits", "mesh"])
def test_white_noise_on_a_structure_is_independent(rng, structure):
    clean = phantom((256, 256), (structure,))[0]
    noisy = clean + rng.normal(0, 0.3 * clean.std(), clean.shape)
    assert np.abs(neighbour_noise(noisy)) == pytest.approx(0, abs=0.1)


def test_noise_that_grows_with_the_signal_is_independent(rng):
    noisy = rng.poisson(phantom((256, 256), ("filaments",))[0] / 20)
    assert np.abs(neighbour_noise(noisy)) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(("axis", "along"), [(1, 0), (0, 1)])
def test_a_moving_mean_of_two_pixels_correlates_along_its_axis(rng, axis, along):
    white = rng.normal(size=(256, 256))
    noise = white + np.roll(white, 1, axis=axis)  # correlation 0.5 at one pixel, none beyond
    found = neighbour_noise(noise)
    assert found[along] == pytest.approx(0.5, abs=0.03)
    assert found[1 - along] == pytest.approx(0, abs=0.1)


def test_smoothed_noise_on_a_structure_is_correlated(rng):
    noise = ndimage.gaussian_filter(rng.normal(size=(256, 256)), 0.7)
    clean = phantom((256, 256), ("filaments",))[0]
    assert min(neighbour_noise(clean + clean.std() * noise)) > CORRELATED


@pytest.mark.parametrize("image", [np.zeros((10, 10)), np.full((64, 64), 3.0)])
def test_without_noise_nothing_is_said(image):
    assert neighbour_noise(image) is None


@pytest.mark.parametrize("name", ["Confocal_FISH", "Confocal_MICE", "TwoPhoton_MICE"])
def test_scanning_microscopes_have_independent_noise(shared_data, name):
    path = shared_data / f"noise_calibration/fmd_{name}_raw_repeats.ome.tif"
    assert max(neighbour_noise(read_image(path).data[0])) < CORRELATED / 2


def test_the_wide_field_set_has_correlated_noise(shared_data):
    folder = shared_data / "noise_calibration/fmd_correlated_widefield"
    image = read_image(folder / "fmd_WideField_BPAE_raw_repeats.ome.tif")
    for channel in np.asarray(image.data[0]):
        assert min(neighbour_noise(channel)) > CORRELATED
