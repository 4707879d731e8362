"""What comes back of parts that are put together anew tells the error to expect."""

from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.measures.trust.round_trip import (
    RoundTrip,
    RoundTripSums,
    expected_errors,
    judge_round_trip,
    turned_apart,
)

NAMES = ("nuclei", "actin")
OWN = RoundTrip(errors=(0.2, 0.3), alike=(0.1,))


@pytest.fixture
def parts(rng):
    return rng.normal(size=(2, 200, 300)).astype(np.float32)


def found(parts, turned, again):
    sums = RoundTripSums(len(parts))
    for half in (np.s_[:, :100], np.s_[:, 100:]):
        sums.add(parts[half], turned[half], again[half])
    return sums.figures()


def test_what_comes_back_but_for_its_scale_has_no_error(parts):
    assert found(parts, parts, 2 * parts + 5).errors == pytest.approx((0, 0), abs=1e-3)


def test_the_error_is_the_root_of_the_share_that_was_lost(parts, rng):
    again = parts + np.float32([0.5, 2])[:, None, None] * rng.normal(size=parts.shape)
    expected = [np.sqrt(v / (1 + v)) for v in (0.25, 4)]
    assert found(parts, parts, again).errors == pytest.approx(expected, abs=0.01)


def test_parts_that_show_the_same_are_alike(parts, rng):
    same = np.stack([parts[0], 3 * parts[0] + 4 * rng.normal(size=parts[0].shape)])
    assert found(same, parts, parts).alike == pytest.approx((0.6,), abs=0.01)
    assert found(parts, parts, parts).alike == pytest.approx((0,), abs=0.02)


def test_parts_that_are_turned_apart_have_nothing_in_common_but_keep_their_pixels(parts):
    turned = turned_apart(np.stack([parts[0]] * 6)).reshape(6, -1)
    for part in turned:
        np.testing.assert_array_equal(np.sort(part), np.sort(parts[0].ravel()))
    assert np.abs(np.corrcoef(turned) - np.eye(6)).max() < 0.03


def test_a_flat_structure_has_no_figures(parts):
    assert found(parts, parts, np.zeros_like(parts)) is None


@pytest.mark.parametrize(
    ("errors", "alike", "grade"),
    [
        ((0.2, 0.3), 0.1, "good"),
        ((0.25, 0.2), 0.3, "good"),
        ((0.3, 0.3), 0.1, "usable"),
        ((0.2, 0.65), 0.1, "do not use"),
        ((0.2, 0.3), 0.4, "usable"),
    ],
)
def test_an_error_is_judged_by_that_of_the_own_kind(errors, alike, grade):
    verdict = judge_round_trip(NAMES, RoundTrip(errors=errors, alike=(alike,)), OWN)
    assert verdict.grade == grade
    assert bool(verdict.reasons) == (grade != "good")
    assert verdict.figures["expected error of actin"] == errors[1]


def test_where_the_own_kind_is_not_known_the_error_is_told_and_nothing_is_good():
    verdict = judge_round_trip(NAMES, RoundTrip(errors=(0.1, 0.2), alike=(0.1,)), None)
    assert verdict.grade == "usable"
    assert "--reference" in verdict.reasons[0]
    assert expected_errors(verdict) == {"nuclei": 0.1, "actin": 0.2}
