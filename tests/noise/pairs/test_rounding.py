"""Grey levels that were stretched, and noise that is hidden by rounding."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_denoisplit.events import run
from napari_denoisplit.images.training.noise_data import NoiseData
from napari_denoisplit.jobs.noise.job import fit_noise_job
from napari_denoisplit.noise.pairs.rounding import grey_step
from napari_denoisplit.settings import NoiseFitSettings


@pytest.mark.parametrize(
    ("values", "step"),
    [([3, 1, 4, 2], 1), ([257, 0, 771], 257), ([5, 5], 1), ([0.5, 1.0], 0), ([], 0)],
)
def test_the_step_is_what_values_have_in_common(values, step):
    assert grey_step(np.array(values, dtype=np.float32)) == step


@pytest.mark.parametrize(
    ("factor", "step"), [(1, 1), (257, 257), (3.7, 3.7), (1 / 255, 1 / 255), (np.pi, np.pi)]
)
def test_the_step_of_a_multiplied_image_is_its_factor(factor, step):
    picture = (picture_of(2.0) * factor).astype(np.float32)
    assert grey_step(np.rint(picture) if factor > 1 else picture) == pytest.approx(step, rel=0.05)


def test_a_wide_range_of_few_pixels_has_no_gaps(rng):
    assert grey_step(rng.poisson(30_000, 4000).astype(np.float32)) == 1


def picture_of(sigma: float):
    """8-bit picture with noise of the same sigma everywhere."""
    rng = np.random.default_rng(0)
    blobs = ndimage.gaussian_filter(rng.normal(size=(400, 400)), 12)
    blobs = 20 + 200 * (blobs - blobs.min()) / np.ptp(blobs)
    return np.rint(blobs + rng.normal(0, sigma, blobs.shape)).clip(0, 255)


def fitted(image, source="single", **given):
    data = NoiseData(source, image, given.pop("signal", None))
    return run(fit_noise_job(data, NoiseFitSettings(kind="poisson_gaussian", **given)))


@pytest.mark.parametrize(
    ("sigma", "factor", "grade"),
    [
        (0.5, 257, "do not use"),
        (1.2, 257, "usable"),
        (4.0, 257, "good"),
        (0.3, 1, "do not use"),
        (4.0, 1, "good"),
        (0.5, 1 / 255, "do not use"),
    ],
)
def test_noise_below_the_step_is_told(sigma, factor, grade):
    found = fitted((picture_of(sigma) * factor).astype(np.float32))
    assert found.model.record.verdict.grade == grade
    told = any("rounding hides it" in r for r in found.model.record.verdict.reasons)
    assert told == (grade != "good")
    assert any("multiplied or stretched" in n for n in found.pairs.notes) == (factor != 1)


def test_single_photons_are_no_rounding(rng):
    blobs = ndimage.gaussian_filter(rng.normal(size=(256, 256)), 8)
    light = 0.02 + 0.3 * (blobs - blobs.min()) / np.ptp(blobs)
    counts = rng.poisson(light, (16, 256, 256)).astype(np.uint16)
    pairs = fitted(counts, "repeats").pairs
    assert not pairs.findings


@pytest.mark.parametrize("kind", ["gaussian_mixture", "histogram", "poisson_gaussian"])
def test_stretched_pixels_stand_for_all_that_is_rounded_to_them(kind):
    clean = picture_of(0.0) * 257.0
    noisy = np.rint(clean / 257 + np.random.default_rng(1).normal(0, 2, clean.shape)) * 257
    found = run(fit_noise_job(NoiseData("pairs", noisy, clean), NoiseFitSettings(kind=kind)))
    variance = float(found.model.variance(torch.tensor(100.0 * 257)))
    assert variance == pytest.approx((4 + 1 / 6) * 257**2, rel=0.1)
    assert found.model.record.verdict.grade == "good"


def test_real_stretched_pictures_are_not_good(shared_data):
    read = pytest.importorskip("tifffile").imread
    planes = read(shared_data / "train" / "nf1_nuclei_er_actin" / "nf1_D7.ome.tif")
    grades = [fitted(p, max_pixels=600_000).model.record.verdict.grade for p in planes]
    assert grades == ["do not use", "usable", "usable"]
