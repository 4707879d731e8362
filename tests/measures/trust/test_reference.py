"""A reference tells images of a model's own kind from others, whatever the model leaves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_denoisplit.measures.trust.reference import ResidualReference
from napari_denoisplit.measures.trust.residual import ResidualSums, tile_figures
from napari_denoisplit.measures.trust.verdict import judge_absolutely, judge_by_reference


def residual(seed, rest=0.25, noise=1.0, exposure=1.0, size=384):
    """Noise with a rest of structure, which is stronger where there is more; and the structure."""
    rng = np.random.default_rng(seed)
    where = gaussian_filter(rng.normal(size=(size, size)), 20)
    where = np.clip(1 + 0.4 * where / where.std(), 0, 2) * exposure
    structure = gaussian_filter(rng.normal(size=(size, size)), 2)
    structure *= where / structure.std()
    z = noise * rng.normal(size=(size, size)) + rest * structure
    return z.astype(np.float32), structure.astype(np.float32)


@pytest.fixture(scope="module")
def reference():
    planes = [residual(seed) for seed in range(3)]
    tiles = [tile_figures([z], signal, 128) for z, signal in planes]
    return ResidualReference.of(tiles, sum(z.size for z, _ in planes), 128)


def judged(plane, reference, noise_high=1.0):
    z, signal = plane
    sums = ResidualSums()
    sums.add_plane([z])
    tiles = tile_figures([z], signal, reference.edge)
    return judge_by_reference(sums.figures(), reference.departures(tiles, z.size), noise_high)


def test_other_images_of_the_same_kind_pass(reference):
    grades = [judged(residual(seed), reference).grade for seed in range(100, 120)]
    assert grades.count("good") >= 19


@pytest.mark.parametrize("exposure", [0.7, 1.3])
def test_so_do_other_exposures_although_more_light_leaves_more(reference, exposure):
    assert judged(residual(50, exposure=exposure), reference).grade == "good"


def test_an_image_that_leaves_more_of_its_structure_does_not(reference):
    verdict = judged(residual(7, rest=0.5), reference)
    assert verdict.grade == "do not use"
    assert "structure was left unexplained" in " ".join(verdict.reasons)


@pytest.mark.parametrize("noise", [0.5, 0.8, 1.2, 1.4])
def test_other_noise_that_a_model_stands_is_no_fault(reference, noise):
    assert judged(residual(7, noise=noise), reference).grade == "good"


@pytest.mark.parametrize(("noise", "grade"), [(1.6, "usable"), (2, "do not use")])
def test_much_more_noise_is_told(reference, noise, grade):
    verdict = judged(residual(7, noise=noise), reference)
    assert verdict.grade == grade
    assert "noisier" in verdict.reasons[0]


def test_noise_within_the_range_of_the_training_is_no_fault(reference):
    assert judged(residual(7, noise=2), reference, noise_high=2).grade == "good"
    assert judged(residual(7, noise=4), reference, noise_high=2).grade == "do not use"


def test_noise_that_rises_with_the_signal_otherwise_is_told(reference):
    z, signal = residual(7)
    level = (signal - signal.mean()) / signal.std()
    verdict = judged((z * np.sqrt(np.exp(0.4 * level)), signal), reference)
    assert verdict.grade != "good"
    assert "rises with the signal otherwise" in " ".join(verdict.reasons)


def test_less_structure_than_usual_is_no_fault(reference):
    assert judged(residual(7, rest=0.0), reference).grade == "good"


def test_a_model_that_leaves_much_of_its_own_kind_is_never_good():
    planes = [residual(seed, rest=1.0) for seed in range(3)]
    tiles = [tile_figures([z], signal, 128) for z, signal in planes]
    poor = ResidualReference.of(tiles, sum(z.size for z, _ in planes), 128)
    verdict = judged(residual(30, rest=1.0), poor)
    assert verdict.grade == "usable"
    assert "can tell little" in verdict.reasons[0]


def test_without_a_reference_nothing_is_called_good():
    for rest, grade in ((0.0, "usable"), (1.0, "do not use")):
        sums = ResidualSums()
        sums.add_plane([residual(3, rest=rest)[0]])
        verdict = judge_absolutely(sums.figures())
        assert verdict.grade == grade
        assert "rough judgement" in " ".join(verdict.reasons)


@pytest.mark.parametrize("of_mean", [False, True])
def test_an_image_far_less_noisy_than_the_noise_models_is_told(of_mean):
    sums = ResidualSums(of_mean=of_mean)
    sums.add_plane([residual(3, rest=0.0, noise=0.3)[0]])
    verdict = judge_absolutely(sums.figures())
    assert verdict.grade == "do not use"
    assert "less noisy" in verdict.reasons[0]


def test_too_few_tiles_make_no_reference():
    z, signal = residual(1, size=128)
    assert ResidualReference.of([tile_figures([z], signal, 128)], 128**2, 128) is None
