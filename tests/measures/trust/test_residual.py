"""The residual of true posterior samples is noise; anything else shows."""

from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.measures.trust.residual import (
    ResidualSums,
    local_bias,
    standardized,
    tile_figures,
)

SIGMA = 0.7


@pytest.fixture(scope="module")
def gaussian_process():
    """An image whose true posterior is known: a stationary Gaussian process in white noise."""
    rng = np.random.default_rng(1)
    size = 256
    frequency = np.fft.fftfreq(size)
    power = np.exp(-(frequency[:, None] ** 2 + frequency**2) / (2 * 0.03**2))
    power /= power.mean()

    def filtered(image, response):
        return np.fft.ifft2(np.fft.fft2(image) * response).real.astype(np.float32)

    signal = filtered(rng.normal(size=(size, size)), np.sqrt(power))
    x = (signal + SIGMA * rng.normal(size=signal.shape)).astype(np.float32)
    mean = filtered(x, power / (power + SIGMA**2))
    spread = np.sqrt(power * SIGMA**2 / (power + SIGMA**2))
    samples = [mean + filtered(rng.normal(size=x.shape), spread) for _ in range(6)]
    return x, mean, samples


def figures_of(x, predictions, **options):
    """Figures of one plane under noise of known variance."""
    sums = ResidualSums(**options)
    variance = np.full_like(x, SIGMA**2)
    sums.add_plane(standardized(x, p, variance) for p in predictions)
    return sums.figures()


def test_true_samples_leave_white_noise_of_the_right_variance(gaussian_process):
    x, _, samples = gaussian_process
    found = figures_of(x, samples)
    assert found.variance == pytest.approx(1, abs=4 * (2 / x.size) ** 0.5)
    assert np.abs(found.correlation).max() < 4 * found.correlation_error
    assert found.outside == pytest.approx(0.0027, abs=0.0006)
    assert found.bias <= 2 * found.bias_error


def test_their_mean_leaves_less_by_the_variance_of_the_samples(gaussian_process):
    x, mean, samples = gaussian_process
    found = figures_of(x, [mean], of_mean=True)
    spread = np.mean([(s - mean) ** 2 for s in samples]) / SIGMA**2
    assert found.variance == pytest.approx(1 - spread, abs=0.015)
    assert found.correlation[0] < -4 * found.correlation_error
    assert found.n_samples == 0


def test_structure_that_is_left_over_shows_in_every_figure(gaussian_process):
    x, mean, _ = gaussian_process
    found = figures_of(x, [0.5 * mean])
    assert found.variance > 1.2
    assert min(found.correlation) > 0.1
    assert found.bias > 5 * found.bias_error


def test_stronger_noise_shows_in_the_variance_alone(gaussian_process, rng):
    x, _, samples = gaussian_process
    noisier = (x + SIGMA * rng.normal(size=x.shape)).astype(np.float32)
    found = figures_of(noisier, samples)
    assert found.variance == pytest.approx(2, rel=0.03)
    assert np.abs(found.correlation).max() < 4 * found.correlation_error


def test_local_bias_of_noise_keeps_its_standard_deviation(rng):
    noise = rng.normal(size=(400, 400)).astype(np.float32)
    assert local_bias(noise).std() == pytest.approx(1, abs=0.1)


def test_a_shift_of_one_tile_shows_in_that_tile(rng):
    z = rng.normal(size=(256, 256)).astype(np.float32)
    z[:128, :128] += 0.3
    figures = tile_figures([z], 3 * z, 128)
    assert len(figures) == 9
    assert figures[:, 2].argmax() == 0
    assert figures[0, 2] == pytest.approx(0.09, abs=0.02)
    assert figures[:, -1] == pytest.approx(9, rel=0.1)


def test_a_plane_without_room_for_a_window_has_no_figures():
    sums = ResidualSums()
    sums.add_plane([np.zeros((8, 40), np.float32)])
    with pytest.raises(ValueError, match="16 x 16"):
        sums.figures()
