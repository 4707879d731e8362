from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_denoisplit.measures import ms_ssim as module
from napari_denoisplit.measures.ms_ssim import SMALLEST_EDGE, ms_ssim

VARIANTS = ("plain", "range_invariant", "least_squares")


def textured(rng, shape):
    return 100 + 3000 * gaussian_filter(rng.normal(size=shape), 2) ** 2


@pytest.fixture
def truth(rng):
    return textured(rng, (201, 230))


@pytest.fixture
def prediction(truth, rng):
    return 0.4 * truth + 30 + rng.normal(0, 5, size=truth.shape)


def by_torchmetrics(truth, prediction):
    torch = pytest.importorskip("torch")
    image = pytest.importorskip("torchmetrics.image")
    metric = image.MultiScaleStructuralSimilarityIndexMeasure(data_range=float(np.ptp(truth)))
    metric = metric.set_dtype(torch.float64)
    planes = (torch.from_numpy(np.asarray(a, float))[None, None] for a in (prediction, truth))
    return float(metric(*planes))


@pytest.mark.parametrize("shape", [(SMALLEST_EDGE, SMALLEST_EDGE), (201, 230), (256, 333)])
def test_plain_is_that_of_torchmetrics(rng, shape):
    truth = textured(rng, shape)
    prediction = truth + rng.normal(0, 30, size=shape)
    assert ms_ssim(truth, prediction, "plain") == pytest.approx(
        by_torchmetrics(truth, prediction), abs=1e-6
    )


def test_range_invariant_is_that_of_the_normalized_truth_and_the_fitted_prediction(
    truth, prediction
):
    # A wrong brightness on one side: without it the offset of the truth hardly counts.
    prediction = prediction + np.linspace(0, 300, truth.shape[1])
    low, high = np.percentile(truth, [3, 99.8])
    g = (truth - low) / (high - low)
    slope, offset = np.polyfit(prediction.ravel(), g.ravel(), 1)
    expected = by_torchmetrics(g, slope * prediction + offset)
    assert ms_ssim(truth, prediction) == pytest.approx(expected, abs=1e-6)


def test_least_squares_is_that_of_centred_images(truth, prediction):
    g, p = truth - truth.mean(), prediction - prediction.mean()
    scale = np.linalg.lstsq(p.reshape(-1, 1), g.ravel(), rcond=None)[0][0]
    expected = by_torchmetrics(g, scale * p)
    assert ms_ssim(truth, prediction, "least_squares") == pytest.approx(expected, abs=1e-6)


def test_one_scale_is_that_of_scikit_image(truth, prediction):
    metrics = pytest.importorskip("skimage.metrics")
    # A frame of one grey level: the two continue an image differently beyond its border.
    g, p = (np.pad(image[12:-12, 12:-12], 12, constant_values=100) for image in (truth, prediction))
    _, similarity = metrics.structural_similarity(
        g,
        p,
        data_range=np.ptp(g),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    ours = module.ssim(g, p)
    assert ours == pytest.approx(similarity.mean(), abs=1e-9)


@pytest.mark.parametrize("variant", VARIANTS)
def test_equal_images_score_one(truth, variant):
    assert ms_ssim(truth, truth, variant) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("variant", ["range_invariant", "least_squares"])
@pytest.mark.parametrize(("scale", "offset"), [(2.5, -7000), (-0.001, 3)])
def test_the_fitted_variants_ignore_unit_offset_and_sign(truth, prediction, variant, scale, offset):
    expected = ms_ssim(truth, prediction, variant)
    assert ms_ssim(truth, scale * prediction + offset, variant) == pytest.approx(expected)
    assert ms_ssim(abs(scale) * truth + offset, prediction, variant) == pytest.approx(expected)


def test_the_plain_variant_sees_a_wrong_scale(truth):
    assert ms_ssim(truth, 0.5 * truth, "plain") < 0.95


@pytest.mark.parametrize("variant", VARIANTS)
def test_more_noise_scores_lower(truth, rng, variant):
    noise = rng.normal(size=truth.shape)
    scores = [ms_ssim(truth, truth + level * noise, variant) for level in (200, 50, 10)]
    assert scores == sorted(scores)
    assert scores[0] < scores[2] - 0.05


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_constant_prediction_scores_next_to_nothing(truth, variant):
    assert 0 <= ms_ssim(truth, np.full_like(truth, truth.mean()), variant) < 0.5


def test_a_truth_of_mostly_background_is_still_compared(rng):
    truth = np.zeros((200, 200))
    truth[90:94, 90:92] = 500
    assert ms_ssim(truth, truth + rng.normal(0, 1, truth.shape)) > 0.5


def test_the_data_range_may_be_that_of_a_whole_series(truth, prediction):
    wide = ms_ssim(truth, prediction, "plain", data_range=10 * np.ptp(truth))
    assert wide > ms_ssim(truth, prediction, "plain")


def test_what_cannot_be_compared_is_named(truth):
    small = truth[: SMALLEST_EDGE - 1]
    with pytest.raises(ValueError, match=r"\(175, 230\).*at least 176 pixels"):
        ms_ssim(small, small)
    with pytest.raises(ValueError, match="one \\(Y, X\\) plane"):
        ms_ssim(truth, truth[1:])
    with pytest.raises(ValueError, match="one \\(Y, X\\) plane"):
        ms_ssim(truth[None], truth[None])
    with pytest.raises(ValueError, match="truth is constant"):
        ms_ssim(np.zeros_like(truth), truth)
    with pytest.raises(ValueError, match="truth holds pixels that are not finite"):
        ms_ssim(np.where(truth > 200, np.inf, truth), truth)
