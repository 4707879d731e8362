"""Quality of single samples against the truth."""

from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.results.split import Split
from napari_denoisplit.measures.psnr import range_invariant_psnr
from napari_denoisplit.measures.samples.quality import sample_scores


@pytest.fixture
def truth(rng):
    return Image(rng.normal(size=(2, 3, 16, 18)).astype("f4"), "CZYX", channel_names=("a", "b"))


def samples(truth, rng, amounts, order=("a", "b")):
    """Samples with noise of the given amounts, structures in the given order."""
    parts = tuple(
        np.stack([truth.data["ab".index(n)] + k * rng.normal(size=(3, 16, 18)) for k in amounts])
        for n in order
    )
    return Split("ZYX", order, sample_arrays=parts)


def test_it_is_mean_and_spread_of_the_samples_plane_by_plane(truth, rng):
    stack = samples(truth, rng, (0.1, 0.3, 0.9), order=("b", "a"))
    scores = sample_scores(truth, stack)
    assert [score.name for score in scores] == ["a", "b"]
    part = stack.sample_arrays[1]  # of "a"
    each = np.array(
        [[range_invariant_psnr(truth.data[0, z], part[k, z]) for k in range(3)] for z in range(3)]
    )
    assert scores[0].psnr == pytest.approx(each.mean())
    assert scores[0].psnr_spread == pytest.approx(each.std(axis=1).mean())


def test_structures_are_paired_as_those_of_the_mean(truth, rng):
    # One name alone is alike: every structure is compared with the one at its place.
    stack = samples(truth, rng, (0.1, 0.2))
    other = Image(truth.data, "CZYX", channel_names=("b", "x"))
    scores = sample_scores(other, stack)
    assert [score.psnr for score in scores] == [score.psnr for score in sample_scores(truth, stack)]
    assert [score.name for score in scores] == ["b", "x"]


def test_samples_that_differ_more_in_quality_spread_more(truth, rng):
    alike, apart = (
        sample_scores(truth, samples(truth, rng, amounts))[0].psnr_spread
        for amounts in ((0.3, 0.3, 0.3), (0.1, 0.3, 0.9))
    )
    assert apart > 5 * alike


@pytest.mark.parametrize("change", ["one", "size", "constant"])
def test_what_cannot_be_measured_is_said(truth, rng, change):
    stack = samples(truth, rng, (0.1,) if change == "one" else (0.1, 0.2))
    if change == "size":
        truth = Image(truth.data[..., :9], "CZYX")
    if change == "constant":
        truth = Image(np.ones_like(truth.data), "CZYX")
    words = {"one": "keep 2 or more", "size": "same size", "constant": "constant"}[change]
    with pytest.raises(ImageError, match=words):
        sample_scores(truth, stack)
