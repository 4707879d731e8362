from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.calibration_record import CalibrationScore
from napari_denoisplit.measures.calibration.fit import ErrorPixels
from napari_denoisplit.measures.calibration.reliability import INTERVALS, coverage, reliability
from napari_denoisplit.measures.calibration.verdict import judge_sigma

N = 100_000


@pytest.fixture
def true(rng) -> ErrorPixels:
    """Pixels whose spread is their error."""
    spread = rng.uniform(1, 5, N)
    return ErrorPixels(spread, spread * rng.normal(size=N), np.zeros(N))


@pytest.mark.parametrize("binning", ["equal_count", "equal_width"])
def test_a_true_sigma_lies_on_the_diagonal(true, binning):
    curve = reliability(true, true.spread, binning=binning)
    assert curve.line == pytest.approx((1.0, 0.0), abs=0.06)
    assert curve.correlation > 0.99
    assert curve.relative_ece < 0.02
    assert curve.counts.sum() == N
    low, high = curve.rmse_range
    assert ((low <= curve.rmv) & (curve.rmv <= high)).mean() > 0.4


def test_bins_hold_equally_many_pixels_or_are_equally_wide(true):
    counts = reliability(true, true.spread, n_bins=7).counts
    assert np.ptp(counts) <= 1
    rmv = reliability(true, true.spread**3, n_bins=7, binning="equal_width").rmv
    np.testing.assert_allclose(np.diff(rmv)[1:], (125 - 1) / 7, rtol=0.05)


def test_half_a_sigma_doubles_the_slope_and_misses_half_of_the_error(true):
    curve = reliability(true, true.spread / 2)
    assert curve.line[0] == pytest.approx(2.0, abs=0.1)
    assert curve.relative_ece == pytest.approx(1.0, abs=0.03)
    assert curve.ece == pytest.approx(true.spread.mean() / 2, rel=0.03)


def test_intervals_of_a_true_sigma_hold_what_they_say(true):
    for name, share in coverage(true, true.spread).items():
        assert share == pytest.approx(int(name) / 100, abs=0.01), name
    assert set(INTERVALS) == {"50", "68", "90", "95"}


def test_noise_of_the_targets_is_taken_out_of_the_error(true, rng):
    noisy = ErrorPixels(true.spread, true.residual + 3 * rng.normal(size=N), np.full(N, 9.0))
    curve = reliability(noisy, true.spread)
    assert curve.line[0] == pytest.approx(1.0, abs=0.15)
    assert coverage(noisy, true.spread)["95"] == pytest.approx(0.95, abs=0.01)


def test_more_bins_than_pixels_can_fill_are_made_fewer(true):
    few = ErrorPixels(true.spread[:1000], true.residual[:1000], true.noise[:1000])
    for binning in ("equal_count", "equal_width"):
        curve = reliability(few, few.spread, n_bins=500, binning=binning)
        assert len(curve.rmv)
        assert curve.counts.min() >= 20


def score(**changes) -> CalibrationScore:
    values = {
        "channel": "actin",
        "ece_before": 4.0,
        "ece_after": 1.0,
        "relative_ece_before": 0.5,
        "relative_ece_after": 0.1,
        "slope": 1.02,
        "correlation": 0.99,
        "coverage": {"50": 0.52, "68": 0.7, "90": 0.9, "95": 0.94},
        "n_pixels": 9999,
    }
    return CalibrationScore(**(values | changes))


def held(*percents) -> dict[str, float]:
    """Percent of the pixels within the intervals of 50, 68, 90 and 95 %."""
    shares = [percent / 100 for percent in percents]
    return {"coverage": dict(zip(("50", "68", "90", "95"), shares, strict=True))}


@pytest.mark.parametrize(
    ("changes", "grade"),
    [
        ({}, "good"),
        ({"slope": 0.85}, "usable"),
        ({"correlation": 0.9}, "usable"),
        (held(50, 60, 80, 86), "usable"),
        ({"ece_after": 5.0}, "usable"),  # 4.0 before
        ({"slope": 1.6}, "do not use"),
    ],
)
def test_the_verdict_follows_slope_correlation_and_coverage(changes, grade):
    verdict = judge_sigma(score(**changes), is_clean=True)
    assert verdict.grade == grade
    assert "actin" in verdict.reasons[0]


@pytest.mark.parametrize(
    ("shares", "grade", "words"),
    [
        (held(61, 75, 90, 94), "good", "near enough"),  # tails of a Laplace distribution
        (held(70, 84, 94, 96), "usable", "Those of 50% and 68% are too wide"),
        (held(70, 78, 87, 88), "usable", "That of 95% is too narrow"),
        (held(52, 61, 88, 94), "usable", "That of 68% is too narrow"),
        (held(48, 54, 88, 94), "do not use", "That of 68% is too narrow"),
        (held(99, 99, 99, 99), "usable", "too wide"),  # a sigma on the safe side can be used
    ],
)
def test_an_interval_that_is_off_is_named_with_its_direction(shares, grade, words):
    verdict = judge_sigma(score(**shares), is_clean=True)
    assert verdict.grade == grade
    assert words in " ".join(verdict.reasons)


def test_what_decides_the_grade_is_said_first():
    verdict = judge_sigma(score(**held(30, 45, 70, 80)), is_clean=True)
    assert "hold 30%, 45%, 70% and 80%" in verdict.reasons[0]


def test_samples_that_know_nothing_of_the_error_are_not_calibrated():
    verdict = judge_sigma(score(), 38.0, is_clean=True)
    assert verdict.grade == "do not use"
    assert "38 times" in verdict.reasons[0]


def test_coverage_of_noisy_targets_is_not_judged():
    missed = score(**held(10, 20, 30, 40))
    assert judge_sigma(missed, is_clean=False).grade == "good"
