from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import Image
from napari_denoisplit.measures.comparison import compare
from napari_denoisplit.measures.ms_ssim import ssim
from napari_denoisplit.measures.psnr import psnr, range_invariant_psnr


@pytest.fixture
def truth(rng) -> Image:
    data = rng.normal(size=(2, 3, 180, 190)).astype("f4")
    return Image(data, "CZYX", channel_names=("nuclei", "actin"), name="truth")


def test_a_score_is_the_mean_over_planes(truth, rng):
    prediction = replace(truth, data=truth.data + rng.normal(size=truth.shape))
    nuclei, _ = compare(truth, prediction)
    planes = zip(truth.data[0], prediction.data[0], strict=True)
    expected = np.mean([range_invariant_psnr(g, p) for g, p in planes])
    assert nuclei.name == "nuclei"
    assert nuclei.n_planes == 3
    assert nuclei.psnr == pytest.approx(expected)


def test_the_unit_of_the_prediction_does_not_matter(truth, rng):
    noisy = truth.data + rng.normal(size=truth.shape)
    first, second = (compare(truth, replace(truth, data=data)) for data in (noisy, 3 * noisy + 100))
    assert [s.psnr for s in first] == pytest.approx([s.psnr for s in second])
    assert [s.ms_ssim for s in first] == pytest.approx([s.ms_ssim for s in second])


def test_the_plain_measures_are_of_the_prediction_as_it_is(truth, rng):
    noisy = truth.data + rng.normal(size=truth.shape)
    first, second = (compare(truth, replace(truth, data=data)) for data in (noisy, 3 * noisy + 100))
    planes = list(zip(truth.data[0], noisy[0], strict=True))
    assert first[0].plain_psnr == pytest.approx(np.mean([psnr(g, p) for g, p in planes]))
    assert first[0].ssim == pytest.approx(np.mean([ssim(g, p) for g, p in planes]))
    assert second[0].plain_psnr < first[0].plain_psnr - 10
    assert second[0].ssim < first[0].ssim / 2
    tiny = replace(truth, data=truth.data[..., :8, :8])
    assert np.isfinite(compare(tiny, replace(tiny, data=noisy[..., :8, :8]))[0].ssim)


def test_the_order_of_the_axes_does_not_matter(truth, rng):
    noisy = replace(truth, data=truth.data + rng.normal(size=truth.shape))
    assert compare(truth, noisy) == compare(truth, noisy.transposed("ZCYX"))


def test_channels_in_another_order_are_told_by_their_names(truth, rng):
    noisy = replace(truth, data=truth.data + rng.normal(size=truth.shape))
    swapped = replace(noisy, data=noisy.data[::-1], channel_names=("actin", "nuclei"))
    assert compare(truth, swapped) == compare(truth, noisy)
    unnamed = compare(truth, replace(swapped, channel_names=()))
    assert unnamed[0].psnr < compare(truth, noisy)[0].psnr - 1


def test_planes_too_small_for_ms_ssim_still_have_a_psnr(truth, rng):
    small = replace(truth, data=truth.data[..., :100])
    scores = compare(small, replace(small, data=small.data + rng.normal(size=small.shape)))
    assert all(score.ms_ssim is None and np.isfinite(score.psnr) for score in scores)


def test_images_of_different_size_are_refused_with_both_sizes(truth):
    with pytest.raises(ImageError, match=r"X 190.*X 100"):
        compare(truth, replace(truth, data=truth.data[..., :100]))
