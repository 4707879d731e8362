"""A reference tells images of a model's own kind from others, whatever the model leaves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_denoisplit.measures.residual import ResidualSums, tile_figures
from napari_denoisplit.measures.residual_reference import ResidualReference
from napari_denoisplit.measures.residual_verdict import judge_absolutely, judge_by_reference


def residual(seed, rest=0.25, noise=1.0, size=384):
    """Noise with a rest of structure, which is stronger at some places than at others."""
    rng = np.random.default_rng(seed)
    where = gaussian_filter(rng.normal(size=(size, size)), 20)
    where = np.clip(1 + 0.4 * where / where.std(), 0, 2)
    structure = gaussian_filter(rng.normal(size=(size, size)), 2)
    structure *= rest * where / structure.std()
    return (noise * rng.normal(size=(size, size)) + structure).astype(np.float32)


@pytest.fixture(scope="module")
def reference():
    planes = [residual(seed) for seed in range(3)]
    return ResidualReference.of([tile_figures([z], 128) for z in planes], 3 * planes[0].size, 128)


def judged(z, reference):
    sums = ResidualSums()
    sums.add_plane([z])
    return judge_by_reference(
        sums.figures(), reference.departures(tile_figures([z], reference.edge), z.size)
    )


def test_other_images_of_the_same_kind_pass(reference):
    grades = [judged(residual(seed), reference).grade for seed in range(100, 120)]
    assert grades.count("good") >= 19


def test_an_image_that_leaves_more_structure_does_not(reference):
    verdict = judged(residual(7, rest=0.5), reference)
    assert verdict.grade == "do not use"
    assert "structure was left unexplained" in " ".join(verdict.reasons)


@pytest.mark.parametrize(("noise", "word"), [(1.2, "noisier"), (0.8, "less noisy")])
def test_another_level_of_noise_is_told(reference, noise, word):
    verdict = judged(residual(7, noise=noise), reference)
    assert verdict.grade != "good"
    assert word in verdict.reasons[0]


def test_less_structure_than_usual_is_no_fault(reference):
    assert judged(residual(7, rest=0.0), reference).grade == "good"


def test_without_a_reference_nothing_is_called_good():
    for rest, grade in ((0.0, "usable"), (1.0, "do not use")):
        sums = ResidualSums()
        sums.add_plane([residual(3, rest=rest)])
        verdict = judge_absolutely(sums.figures())
        assert verdict.grade == grade
        assert "rough judgement" in " ".join(verdict.reasons)


def test_too_few_tiles_make_no_reference():
    assert ResidualReference.of([tile_figures([residual(1, size=128)], 128)], 128**2, 128) is None
