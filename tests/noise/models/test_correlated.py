from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.models.correlated import CorrelatedNoise
from napari_denoisplit.noise.models.kinds import noise_model_from_dict
from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian

CAMERA = (2.0, 10.0, 30.0, 10.0, 4000.0)
RHO = 0.6
ROW = ((0.0, 0.0, 0.0), (RHO, 0.0, 0.0))
LEFT = math.sqrt(1 - RHO**2)


def rows(left: float = LEFT, weights=ROW) -> CorrelatedNoise:
    """Noise each pixel of which is correlated by RHO with its left neighbour."""
    return CorrelatedNoise(*CAMERA, weights, left, along_both=False)


def test_the_density_of_a_row_is_that_of_a_correlated_gaussian(rng):
    n, model = 24, rows()
    signal = torch.from_numpy(rng.uniform(50, 500, (2, n)))
    sigma = model.variance(signal).sqrt()
    correlation = RHO ** np.abs(np.arange(n)[:, None] - np.arange(n))
    z = rng.multivariate_normal(np.zeros(n), correlation, 2)
    observation = signal + sigma * torch.from_numpy(z)
    found = model.log_likelihood_of_images(observation, signal)[1]
    expected = stats.multivariate_normal(cov=correlation).logpdf(z[1]) - sigma[1].log().sum()
    # The last pixel lacks a neighbour to its right, which decides nothing in a row.
    last = stats.norm.logpdf(z[1, -1]) - stats.norm.logpdf(z[1, -1], RHO * z[1, -2], LEFT)
    assert float(found.sum()) == pytest.approx(float(expected) + last, abs=1e-5)


def test_noise_without_neighbours_is_that_of_the_pixel_as_a_gaussian(rng):
    model = rows(1.0, ((0.0,) * 3,) * 2)
    signal = torch.from_numpy(rng.uniform(50, 500, (9, 9)))
    observation = model.sample(signal, torch.Generator().manual_seed(0))
    expected = stats.norm.logpdf(observation, signal, model.variance(signal).sqrt())
    np.testing.assert_allclose(model.log_likelihood_of_images(observation, signal), expected)


def test_pixels_by_themselves_are_those_of_the_camera(rng):
    signal = torch.from_numpy(rng.uniform(50, 500, 100))
    observation = signal + torch.from_numpy(rng.normal(0, 30, 100))
    for name in ("log_likelihood", "cdf"):
        of_pixel = getattr(PoissonGaussian(*CAMERA), name)(observation, signal)
        torch.testing.assert_close(getattr(rows(), name)(observation, signal), of_pixel)


def test_samples_are_as_noisy_and_as_correlated_as_the_model_says():
    model = rows()
    signal = torch.full((400, 400), 200.0)
    noise = (model.sample(signal, torch.Generator().manual_seed(0)) - 200).numpy()
    assert noise.var() == pytest.approx(float(model.variance(signal)[0, 0]), rel=0.02)
    noise /= noise.std()
    assert (noise[:, 1:] * noise[:, :-1]).mean() == pytest.approx(RHO, abs=0.01)
    assert (noise[:, 2:] * noise[:, :-2]).mean() == pytest.approx(RHO**2, abs=0.015)
    assert (noise[1:] * noise[:-1]).mean() == pytest.approx(0, abs=0.01)


def test_what_neighbours_do_not_foretell_is_white():
    model = rows()
    white = torch.randn(300, 300, generator=torch.Generator().manual_seed(0))
    new = model.unforeseen(model.coloured(white)).numpy()
    assert new.std() == pytest.approx(1, abs=0.01)
    assert abs((new[:, 1:] * new[:, :-1]).mean()) < 0.01


def test_the_gradient_is_the_slope(rng):
    observation = torch.from_numpy(rng.uniform(50, 500, (1, 6, 6)))
    signal = torch.from_numpy(rng.uniform(50, 500, (1, 6, 6))).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda s: rows().log_likelihood_of_images(observation, s), (signal,)
    )


def test_it_comes_back_from_its_dictionary():
    values = rows().to_dict()
    back = noise_model_from_dict(values)
    assert back.to_dict() == values
    assert isinstance(back, CorrelatedNoise)
    assert not back.along_both


@pytest.mark.parametrize(
    ("weights", "left", "says"),
    [
        (((0.0, 0.0, 0.0), (0.5, 0.1, 0.0)), 0.5, "from the pixel itself on"),
        (((0.0, 0.0), (0.5, 0.0)), 0.5, "shape"),
        (((0.0, 0.0, 0.0), (math.nan, 0.0, 0.0)), 0.5, "finite"),
        (ROW, 0.0, "above 0"),
        (ROW, 1.5, "at most 1"),
        (((0.0, 0.0, 0.0), (1.0, 0.0, 0.0)), 0.5, "belong together"),
        (ROW, 0.05, "belong together"),
        (np.zeros((201, 401)), 1.0, "R at most 8"),
    ],
)
def test_weights_that_cannot_be_are_refused(weights, left, says):
    with pytest.raises(NoiseModelError, match=says):
        rows(left, weights)


@pytest.mark.parametrize("edge", [32, 50, 256])
def test_images_of_every_size_get_noise_of_the_same_variance(edge):
    smooth = CorrelatedNoise(*CAMERA, ((0.0,) * 3, (0.99, 0.0, 0.0)), 0.141, along_both=False)
    white = torch.randn(200, edge, edge, generator=torch.Generator().manual_seed(0))
    assert float(smooth.coloured(white).var()) == pytest.approx(1, abs=0.05)


def test_what_is_neither_true_nor_false_is_refused():
    with pytest.raises(NoiseModelError, match="neither true nor false"):
        noise_model_from_dict(rows().to_dict() | {"along_both": "false"})


def test_images_narrower_than_its_reach_count_by_pixels():
    narrow = torch.full((5, 2), 100.0)
    found = rows().log_likelihood_of_images(narrow, narrow)
    assert found.shape == narrow.shape
    assert torch.isfinite(found).all()
