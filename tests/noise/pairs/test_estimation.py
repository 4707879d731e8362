from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.pairs.estimation import estimate_noise

DATA = Path(os.environ.get("DENOISPLIT_DATA", Path(__file__).parents[4] / "shared" / "data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no data under {DATA}")


def structured(shape=(512, 512), seed: int = 0):
    """Blobs and threads as wide as a microscope's point spread, offset 100, up to about 2000."""
    rng = np.random.default_rng(seed)
    points = (rng.random(shape) < 0.003) * rng.gamma(2.0, size=shape)
    threads = np.abs(ndimage.gaussian_filter(rng.normal(size=shape), 8)) < 0.0006
    image = ndimage.gaussian_filter(4 * points + threads, 1.5)
    image += ndimage.gaussian_filter(rng.random(shape), 25) - 0.4
    return 100 + 2000 * (image / image.max()).clip(0)


def read(name: str):
    return pytest.importorskip("tifffile").imread(DATA / name)


@pytest.mark.parametrize(("gain", "read_noise"), [(1.0, 5.0), (8.0, 0.0), (8.0, 60.0)])
def test_gain_and_read_noise_are_found_below_structure(gain, read_noise):
    clean = structured()
    rng = np.random.default_rng(1)
    noisy = 100 + gain * rng.poisson((clean - 100) / gain) + rng.normal(0, read_noise, clean.shape)
    line = estimate_noise(noisy).line
    signal = np.quantile(clean, [0.1, 0.5, 0.9, 0.99])
    expected = gain * (signal - 100) + read_noise**2
    np.testing.assert_allclose(line.variance(signal), expected, rtol=0.15)


@pytest.mark.parametrize("factor", [0.3, 1.0, 2.0])
def test_gaussian_noise_is_found_within_a_few_percent(factor):
    clean = structured(seed=2)
    sigma = factor * clean.std()
    noisy = clean + np.random.default_rng(3).normal(0, sigma, clean.shape)
    found = np.sqrt(estimate_noise(noisy).line.variance(np.quantile(clean, [0.05, 0.5, 0.95])))
    np.testing.assert_allclose(found, sigma, rtol=0.04)


def test_estimate_follows_the_unit_of_the_image():
    noisy = np.random.default_rng(0).poisson(structured()).astype(np.float32)
    line, scaled = estimate_noise(noisy).line, estimate_noise(4 * noisy + 1024).line
    signal = np.array([200.0, 800.0])
    np.testing.assert_allclose(scaled.variance(4 * signal + 1024), 16 * line.variance(signal), 1e-3)


def test_saturated_pixels_are_left_out():
    clean = structured()
    noisy = (clean + np.random.default_rng(0).normal(0, 40, clean.shape)).round()
    top = np.quantile(noisy, 0.97)
    line = estimate_noise(noisy.clip(max=top).astype(np.uint16)).line
    np.testing.assert_allclose(line.variance(np.array([150.0, top])), 1600, rtol=0.08)


def test_pixels_that_are_no_numbers_are_left_out():
    noisy = 500 + np.random.default_rng(0).normal(0, 20, (200, 300))
    noisy[50:90, 100:130] = np.nan
    noisy[3, 7] = np.inf
    assert estimate_noise(noisy).line.variance(np.array(500.0)) == pytest.approx(400, rel=0.05)


def test_planes_of_a_stack_count_together():
    stack = 500 + np.random.default_rng(0).normal(0, 20, (3, 5, 64, 65))
    assert estimate_noise(stack).line.variance(np.array(500.0)) == pytest.approx(400, rel=0.05)


def test_smallest_image_gives_an_estimate():
    noisy = 500 + np.random.default_rng(0).normal(0, 20, (32, 32))
    assert estimate_noise(noisy).line.variance(np.array(500.0)) == pytest.approx(400, rel=0.5)


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (np.zeros((100, 31)), "too small"),
        (np.zeros(100), "too small"),
        (np.full((64, 64), 7.0), "shows no noise"),
        (np.full((64, 64), np.nan), "clipped, not a number"),
    ],
)
def test_images_without_measurable_noise_are_refused(image, says):
    with pytest.raises(NoiseModelError, match=says):
        estimate_noise(image)


@needs_data
def test_camera_of_the_field_diaphragm():
    line = estimate_noise(read("noise_calibration/pn2v_field_diaphragm_frame0.ome.tif")).line
    signal = np.array([2000.0, 5000.0, 10_000.0, 30_000.0])
    np.testing.assert_allclose(line.variance(signal), 57 * (signal - 300), rtol=0.10)


@needs_data
@pytest.mark.parametrize("name", ["Confocal_FISH", "Confocal_MICE", "TwoPhoton_MICE"])
def test_noise_of_real_fields_agrees_with_their_repeats(name):
    repeats = read(f"noise_calibration/fmd_{name}_raw_repeats.ome.tif").astype(float)
    mean = read(f"noise_calibration/fmd_{name}_gt_avg50.ome.tif").astype(float)
    rescaled = repeats * (mean.mean() / repeats.mean(axis=(1, 2), keepdims=True))
    variance = rescaled.var(axis=0, ddof=1)
    line = estimate_noise(repeats[0]).line
    for low, high in [(0.1, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.85), (0.85, 0.93), (0.93, 0.97)]:
        chosen = (mean >= np.quantile(mean, low)) & (mean <= np.quantile(mean, high))
        expected = variance[chosen].mean()
        assert line.variance(mean[chosen].mean()) == pytest.approx(expected, rel=0.12)


@needs_data
@pytest.mark.parametrize("channel", [0, 1, 2])
def test_heavy_noise_on_a_real_field_is_found_within_two_percent(channel):
    clean = read("train/nf1_nuclei_er_actin/nf1_B7.ome.tif").astype(np.float32)
    sigma = clean[[0, 2]].mean(axis=0).std()
    noise = np.random.default_rng(channel).normal(0, sigma, clean[channel].shape)
    signal = np.quantile(clean[channel], [0.05, 0.5, 0.95])
    found = np.sqrt(estimate_noise(clean[channel] + noise).line.variance(signal))
    np.testing.assert_allclose(found, sigma, rtol=0.02)
