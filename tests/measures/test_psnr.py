from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.measures.psnr import psnr, psnr_spread, range_invariant_psnr


@pytest.fixture
def truth(rng):
    return rng.gamma(2, 300, size=(60, 70))


@pytest.fixture
def prediction(truth, rng):
    return truth + rng.normal(0, 80, size=truth.shape)


def test_psnr_is_that_of_scikit_image(truth, prediction):
    metrics = pytest.importorskip("skimage.metrics")
    expected = metrics.peak_signal_noise_ratio(truth, prediction, data_range=np.ptp(truth))
    assert psnr(truth, prediction) == pytest.approx(expected, abs=1e-9)


def test_an_error_of_a_tenth_of_the_range_is_20_decibel():
    truth = np.tile([0.0, 50.0], (8, 8))
    assert psnr(truth, truth + 5) == pytest.approx(20)


def test_range_invariant_psnr_is_plain_psnr_of_the_best_affine_fit(truth, prediction):
    slope, offset = np.polyfit(prediction.ravel(), truth.ravel(), 1)
    expected = psnr(truth, slope * prediction + offset)
    assert range_invariant_psnr(truth, prediction) == pytest.approx(expected, abs=1e-9)


def test_range_invariant_psnr_follows_the_published_formula(truth, prediction):
    g = (truth - truth.mean()) / truth.std(ddof=1)
    p = prediction - prediction.mean()
    error = g - np.sum(g * p) / np.sum(p * p) * p
    expected = 20 * np.log10((g.max() - g.min()) / np.sqrt(np.mean(error**2)))
    assert range_invariant_psnr(truth, prediction) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("scale", "offset"), [(3.7, -20), (-0.01, 1e4), (1e-6, 0)])
def test_range_invariant_psnr_ignores_unit_offset_and_sign(truth, prediction, scale, offset):
    expected = range_invariant_psnr(truth, prediction)
    assert range_invariant_psnr(truth, scale * prediction + offset) == pytest.approx(expected)
    assert range_invariant_psnr(scale * truth + offset, prediction) == pytest.approx(expected)


def test_range_invariant_psnr_is_not_symmetric(truth, prediction):
    assert range_invariant_psnr(truth, prediction) != pytest.approx(
        range_invariant_psnr(prediction, truth), abs=0.01
    )


def test_less_noise_is_a_higher_ratio(truth, rng):
    noise = rng.normal(size=truth.shape)
    ratios = [range_invariant_psnr(truth, truth + level * noise) for level in (160, 80, 20)]
    assert ratios == sorted(ratios)


def test_large_offsets_do_not_cost_precision(truth, prediction):
    expected = range_invariant_psnr(truth, prediction)
    shifted = range_invariant_psnr(truth, (prediction + 60_000).astype(np.float32))
    assert shifted == pytest.approx(expected, abs=1e-3)


def test_equal_images_have_an_infinite_ratio(truth):
    assert psnr(truth, truth) == np.inf
    assert range_invariant_psnr(truth, truth) > 250


def test_a_constant_prediction_is_worth_no_more_than_the_range_over_the_spread(truth):
    expected = 20 * np.log10(np.ptp(truth) / truth.std())
    for constant in (0.0, 0.1, 1e5):
        flat = np.full_like(truth, constant)
        assert range_invariant_psnr(truth, flat) == pytest.approx(expected)


@pytest.mark.parametrize("measure", [psnr, range_invariant_psnr])
def test_what_cannot_be_compared_is_named(measure, truth):
    with pytest.raises(ValueError, match="truth is constant"):
        measure(np.full((4, 4), 0.1), np.eye(4))
    with pytest.raises(ValueError, match=r"\(60, 70\).*\(60, 69\)"):
        measure(truth, truth[:, 1:])
    with pytest.raises(ValueError, match="prediction holds pixels that are not finite"):
        measure(truth, np.where(truth > 500, np.nan, truth))


def test_the_spread_of_samples_is_the_standard_deviation_of_the_decibels():
    truth = np.array([0.0, 1.0] * 50)
    # Errors of 0.1 and 0.01 everywhere: 20 and 40 dB.
    assert psnr_spread(truth, [truth + 0.1, truth - 0.01]) == pytest.approx(10)


def test_one_sample_has_no_spread():
    with pytest.raises(ValueError, match="two or more"):
        psnr_spread(np.arange(4.0), [np.arange(4.0)])
