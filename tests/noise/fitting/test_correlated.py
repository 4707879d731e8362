from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage, signal

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.fitting.correlated import correlated
from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian
from napari_denoisplit.verdict import SLIGHTLY_CORRELATED

CAMERA = PoissonGaussian(2.0, 10.0, 30.0, 10.0, 4000.0)


def along_rows(rng, rho=0.8) -> np.ndarray:
    white = rng.standard_normal((256, 356))
    noise = signal.lfilter([np.sqrt(1 - rho**2)], [1, -rho], white, axis=1)
    return noise[:, 100:].astype(np.float32)


def test_noise_along_rows_gets_the_weight_of_its_left_neighbour(rng):
    model = correlated(CAMERA, [along_rows(rng)])
    weights = -model.kernel.numpy()
    assert weights[-1, 1] == pytest.approx(0.8, abs=0.02)
    weights[-1, 1:3] = 0
    assert np.abs(weights).max() < 0.03
    assert model.left == pytest.approx(0.6, abs=0.01)
    assert not model.along_both


def test_noise_of_a_resampled_image_is_alike_along_both_and_white_once_foretold(rng):
    smooth = ndimage.gaussian_filter(rng.standard_normal((256, 256)), 0.7)
    smooth = (smooth / smooth.std()).astype(np.float32)
    model = correlated(CAMERA, [smooth])
    assert model.along_both
    new = model.unforeseen(torch.from_numpy(smooth)).numpy()
    assert new.std() == pytest.approx(1, abs=0.02)
    for one, other in ((new[1:], new[:-1]), (new[:, 1:], new[:, :-1])):
        assert abs((one * other).mean()) < SLIGHTLY_CORRELATED


@pytest.mark.parametrize("turned", [np.fliplr, np.flipud, np.transpose])
def test_images_are_turned_and_flipped_in_training_so_that_the_fit_is_the_same_for_all(rng, turned):
    white = rng.standard_normal((256, 256))
    oblique = (white + 0.15 * np.roll(white, (1, 1), (0, 1))).astype(np.float32)
    found, again = (correlated(CAMERA, [image]) for image in (oblique, turned(oblique)))
    np.testing.assert_allclose(found.kernel, again.kernel, atol=1e-5)


def test_white_noise_foretells_nothing(rng):
    model = correlated(CAMERA, [rng.standard_normal((256, 256)).astype(np.float32)])
    assert model.left == pytest.approx(1, abs=1e-3)
    assert (model.kernel[-1, :2].abs() < 0.02).all()


def test_unknown_pixels_take_no_part(rng):
    noise = along_rows(rng)
    holed = noise.copy()
    holed[rng.random(noise.shape) < 0.05] = np.nan
    of_all, of_some = correlated(CAMERA, [noise]), correlated(CAMERA, [holed])
    assert of_some.left == pytest.approx(of_all.left, abs=0.02)


def diagonal(white: np.ndarray) -> np.ndarray:
    return white + np.roll(white, 1, (0, 1)) + np.roll(white, 2, (0, 1))


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda white: ndimage.gaussian_filter(white, 2), "further than the two rows"),
        (lambda white: ndimage.gaussian_filter(white, 4), "further than the two rows"),
        (diagonal, "diagonal"),
    ],
)
def test_noise_that_the_model_cannot_hold_is_refused(rng, made, says):
    noise = made(rng.standard_normal((256, 256)))
    with pytest.raises(NoiseModelError, match=says):
        correlated(CAMERA, [(noise / noise.std()).astype(np.float32)])


@pytest.mark.parametrize("windows", [[], [np.zeros((16, 16), np.float32)]])
def test_too_few_neighbours_are_refused(windows):
    with pytest.raises(NoiseModelError, match="100 x 100"):
        correlated(CAMERA, windows)
