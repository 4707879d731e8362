"""What a prediction holds of each structure is found, from noisy recordings too."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.ndimage import gaussian_filter

from napari_denoisplit.measures.separation import (
    KEY,
    Separation,
    doubt_about,
    judge_separation,
    separation_of,
    separation_title,
)

NAMES = ("nuclei", "actin")


@pytest.fixture
def structures(rng):
    """(C, Y, X), of unequal strength."""
    drawn = [gaussian_filter(rng.normal(size=(256, 256)), width) for width in (3, 2)]
    return np.stack([s * d / d.std() for s, d in zip((10, 5), drawn, strict=True)]).astype("f4")


def shares(recorded, predicted):
    separation = Separation(len(recorded))
    separation.add(recorded, predicted)
    return separation.shares()


def test_the_parts_of_a_mix_are_found(structures):
    mix = np.array([[0.8, 0.2], [0.1, 0.5]])
    found = shares(structures, np.einsum("ab,byx->ayx", mix, structures))
    strength = np.array([[1, 0.5], [2, 1]])  # of a column's structure, in units of the row's
    assert_allclose(found, mix * strength, rtol=0.1)


def test_noise_of_the_recordings_changes_nothing(structures, rng):
    noise = rng.normal(0, 8, structures.shape).astype("f4")
    noisy = structures + noise
    # The prediction holds some of the same noise.
    predicted = 0.7 * structures + 0.1 * structures[::-1] + 0.05 * noise
    assert_allclose(shares(noisy, predicted), shares(structures, predicted), atol=0.06)


@pytest.mark.parametrize(
    ("found", "grade", "reason"),
    [
        ([[0.84, 0.15], [0.19, 0.80]], "good", "in its own image"),
        (
            [[0.75, 0.34], [0.18, 0.62]],
            "usable",
            "image of nuclei holds actin, with 45%",
        ),
        ([[0.83, 0.20], [0.05, 0.29]], "do not use", "29% of the contrast of actin comes back"),
        ([[0.67, 0.10], [0.48, 0.61]], "do not use", "image of actin holds nuclei, with 79%"),
    ],
)
def test_a_verdict_names_what_is_wrong(found, grade, reason):
    verdict = judge_separation(NAMES, np.array(found))
    assert verdict.grade == grade
    assert reason in verdict.reasons[0]
    assert separation_of({KEY: verdict.model_dump(mode="json")}) == verdict


@pytest.mark.parametrize(("share", "grade"), [(0.9, "good"), (0.5, "usable"), (0.0, "do not use")])
def test_of_a_single_structure_the_contrast_is_judged(share, grade):
    verdict = judge_separation(("nuclei",), np.array([[share]]))
    assert verdict.grade == grade
    assert "contrast" in verdict.reasons[0]
    assert separation_title(verdict) == "Contrast"
    doubt = doubt_about({KEY: verdict.model_dump(mode="json")})
    assert doubt is None if grade == "good" else "does not keep the contrast" in doubt.reasons[0]


def test_nothing_is_said_where_nothing_can_be(structures):
    flat = np.stack([structures[0], np.zeros_like(structures[0])])
    assert judge_separation(NAMES, shares(flat, structures)) is None
    assert separation_of({}) is None
