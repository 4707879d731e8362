"""Samples of a split, for Python."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.calibrations import calibrated_by

import napari_denoisplit as nd


@pytest.fixture
def split(rng):
    samples = rng.normal(50, 4, size=(6, 2, 12, 14)).astype("f4")
    image = nd.Image(samples.mean(0), "CYX", channel_names=("a", "b"), name="cell")
    return nd.Split.of_image(
        image,
        mmse=image.data,
        sigma=samples.std(0, ddof=1),
        samples=samples,
        n_samples=6,
        calibration=calibrated_by(2.0, 2.0),
    )


def test_the_samples_of_a_split_are_measured_at_a_place(split):
    mask = np.zeros((12, 14), dtype=np.uint8)
    mask[2:5, 3:9] = 1
    image = nd.Image(split.samples.sum(axis=(0, 1)), "YX")
    found = nd.measure_samples(split, mask=mask, observed=image)
    means = split.samples[:, 0, 2:5, 3:9].mean(axis=(1, 2))
    assert found.estimates[0].mean == pytest.approx(means.mean(), rel=1e-5)
    assert found.estimates[0].sigma == pytest.approx(2 * means.std(ddof=1), rel=1e-4)
    assert found.observed == pytest.approx(image.data[2:5, 3:9].mean(), rel=1e-5)
    with pytest.raises(nd.ImageError, match="one place"):
        nd.measure_samples(split)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mask": np.ones((5, 5))}, "mask has shape"),
        ({"pixel": (2, 2), "plane": (3,)}, "no plane"),
        ({"pixel": (2, 2), "observed": nd.Image(np.zeros((4, 4)), "YX")}, "image that was split"),
    ],
)
def test_what_does_not_fit_the_samples_is_refused(split, wrong, said):
    with pytest.raises(nd.ImageError, match=said):
        nd.measure_samples(split, **wrong)


def test_mirrored_pairs_of_samples_have_another_spread(split):
    plain = nd.measure_samples(split, mask=np.ones((12, 14))).estimates[0]
    split = replace(split, mirrored=True)
    assert nd.measure_samples(split, mask=np.ones((12, 14))).estimates[0].sigma != plain.sigma


def test_a_film_of_a_split_is_written(split, tmp_path):
    settings = nd.FilmSettings(layout="side by side")
    assert nd.write_film(split, tmp_path / "a.gif", settings).stat().st_size > 100
    with pytest.raises(nd.ImageError, match="keep samples"):
        nd.write_film(replace(split, sample_arrays=None), tmp_path / "b.gif", settings)


def test_samples_are_measured_against_the_truth(split, rng):
    truth = nd.Image(rng.normal(50, 9, size=(2, 12, 14)), "CYX", channel_names=("b", "a"))
    scores = nd.evaluate_samples(truth, split)
    each = [nd.range_invariant_psnr(truth.data[0], sample[1]) for sample in split.samples]
    assert [score.name for score in scores] == ["b", "a"]
    assert scores[0].psnr == pytest.approx(np.mean(each))
    assert scores[0].psnr_spread == pytest.approx(np.std(each))
