from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_denoisplit.measures.trust.degeneracy import judge_denoised


@pytest.fixture
def signal(rng):
    return 100 + 400 * ndimage.gaussian_filter(rng.normal(size=(128, 128)), 3)


@pytest.fixture
def noisy(rng, signal):
    return signal + rng.normal(0, 20, signal.shape)


def test_the_truth_is_a_good_result(noisy, signal):
    assert judge_denoised([noisy], [signal]).grade == "good"


def test_a_blurred_image_is_a_good_result(noisy):
    assert judge_denoised([noisy], [ndimage.gaussian_filter(noisy, 1.5)]).grade == "good"


@pytest.mark.parametrize(("share", "grade"), [(0.05, "good"), (0.3, "usable")])
def test_structure_in_what_was_removed_is_told(noisy, signal, share, grade):
    result = signal - share * (signal - signal.mean())
    assert judge_denoised([noisy], [result]).grade == grade


def test_a_constant_result_is_blank(noisy):
    verdict = judge_denoised([noisy], [np.full_like(noisy, noisy.mean())])
    assert verdict.grade == "do not use"
    assert "nearly blank" in verdict.reasons[0]


def test_the_input_itself_is_no_result(noisy):
    verdict = judge_denoised([noisy], [noisy])
    assert verdict.grade == "do not use"
    assert "the input again" in verdict.reasons[0]


def test_a_checkerboard_is_seen(noisy, signal):
    y, x = np.indices(signal.shape)
    verdict = judge_denoised([noisy], [signal + 3 * (-1.0) ** (y + x)])
    assert verdict.grade == "do not use"
    assert "checkerboard" in verdict.reasons[0]


def test_stripes_of_period_two_are_seen(noisy, signal):
    stripes = 3 * (-1.0) ** np.arange(signal.shape[1])
    assert judge_denoised([noisy], [signal + stripes]).grade == "do not use"


def test_values_that_are_no_numbers_are_no_result(noisy, signal):
    signal[3, 4] = np.nan
    assert judge_denoised([noisy], [signal]).grade == "do not use"


def test_planes_that_were_not_begun_are_passed_over(noisy, signal):
    stack = np.stack([signal, np.full_like(signal, np.nan)])
    assert judge_denoised([np.stack([noisy, noisy])], [stack]).grade == "good"


def test_noise_without_structure_may_become_flat(rng):
    verdict = judge_denoised([rng.normal(50, 3, (128, 128))], [np.full((128, 128), 50.0)])
    assert verdict.grade == "usable"
    assert "no structure" in verdict.reasons[0]
