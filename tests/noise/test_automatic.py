from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.automatic import (
    noise_model_from_image,
    noise_model_from_pairs,
    noise_model_from_repeats,
)

S = torch.tensor([150.0, 300.0, 700.0])


def field(shape=(256, 256)):
    blobs = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=shape), 6)
    return 100 + 1000 * (blobs / blobs.max()).clip(0.02)


def observe(clean, n: int | None = None, seed: int = 1):
    """Gain 4, read noise 10, offset 100."""
    rng = np.random.default_rng(seed)
    shape = clean.shape if n is None else (n, *clean.shape)
    return 100 + 4 * rng.poisson((clean - 100) / 4, shape) + rng.normal(0, 10, shape)


def assert_is_the_camera(model, rtol: float) -> None:
    torch.testing.assert_close(model.variance(S), 4 * (S - 100) + 100, rtol=rtol, atol=0)


def test_pairs_give_the_camera():
    clean = field()
    assert_is_the_camera(noise_model_from_pairs(clean, observe(clean)), 0.08)


def test_gaussian_noise_needs_one_gaussian():
    clean = field()
    noisy = clean + np.random.default_rng(0).normal(0, 50, clean.shape)
    assert noise_model_from_pairs(clean, noisy).n_gaussians == 1


@pytest.mark.parametrize("n", [2, 4, 20])
def test_repeats_give_the_camera_however_few(n):
    assert_is_the_camera(noise_model_from_repeats(observe(field(), n)), 0.12)


def test_repeats_may_drift_in_brightness():
    clean = field()
    repeats = [observe(100 + f * (clean - 100), seed=i) for i, f in enumerate((1.1, 1.0, 0.9))]
    assert_is_the_camera(noise_model_from_repeats(np.stack(repeats)), 0.12)


def test_flat_repeats_are_not_blown_up():
    flat = 500 + np.random.default_rng(0).normal(0, 20, (5, 128, 128))
    model = noise_model_from_repeats(flat)
    assert model.variance(torch.tensor(500.0)).item() == pytest.approx(400, rel=0.1)


def test_one_image_gives_the_camera():
    model = noise_model_from_image(observe(field((512, 512))))
    assert_is_the_camera(model, 0.12)
    assert model.n_gaussians == 1


def test_one_image_with_even_noise_gives_even_variance():
    clean = field((512, 512))
    model = noise_model_from_image(clean + np.random.default_rng(0).normal(0, 300, clean.shape))
    torch.testing.assert_close(model.variance(S).sqrt(), torch.full((3,), 300.0), rtol=0.03, atol=0)


@pytest.mark.parametrize("shape", [(1, 64, 64), (64, 64), (2, 2, 64, 64)])
def test_what_is_no_set_of_repeats_is_refused(shape):
    with pytest.raises(NoiseModelError, match="repeats"):
        noise_model_from_repeats(np.zeros(shape))
