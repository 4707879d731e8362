"""Means of objects and their intervals."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_denoisplit.measures.samples.objects import (
    connected_objects,
    summarize_objects,
    write_objects,
)


def blobs(rng, n_samples=40, size=64):
    """Two bright squares whose samples err together, pixel by pixel correlated over 6 pixels."""
    truth = np.full((size, size), 10.0)
    truth[8:24, 8:24] = 60
    truth[36:56, 30:60] = 100
    noise = gaussian_filter(rng.normal(size=(n_samples, size, size)), (0, 6, 6))
    samples = truth + 4 * noise / noise.std()
    return truth, samples.astype(np.float32)


def test_the_interval_of_an_object_keeps_the_covariance_of_its_pixels(rng):
    truth, samples = blobs(rng, n_samples=400)
    labels = connected_objects(truth > 10)
    spread = samples.std(axis=0, ddof=1)
    one, two = summarize_objects(labels, samples.mean(axis=0), spread, truth > 10, samples)
    means = samples[:, 8:24, 8:24].mean(axis=(1, 2))
    assert one.sigma == pytest.approx(means.std(ddof=1), rel=0.01)
    # Far above what independent pixels would have.
    assert one.sigma > 5 * spread.mean() / np.sqrt(one.n_pixels)
    assert one.low < 60 < one.high
    assert two.low < 100 < two.high
    assert (one.y, one.x) == (15.5, 15.5)
    assert one.trusted == 1


def test_the_calibration_of_the_pixels_is_that_of_the_object(rng):
    truth, samples = blobs(rng)
    labels = connected_objects(truth > 10)
    spread = samples.std(axis=0, ddof=1)
    plain = summarize_objects(labels, truth, spread, truth > 10, samples)
    calibrated = summarize_objects(labels, truth, 2 * spread, truth > 10, samples)
    assert calibrated[0].sigma == pytest.approx(2 * plain[0].sigma, rel=1e-3)


def test_mirrored_samples_give_the_mean_of_an_object_its_own_spread(rng):
    halves = rng.normal(size=(2, 1, 1)) + np.zeros((2, 8, 8))
    samples = 100 + np.stack([halves, -halves], axis=1).reshape(4, 8, 8)
    labels = np.ones((8, 8), int)
    one = summarize_objects(labels, samples[0], None, labels > 0, samples, mirrored=True)[0]
    assert one.sigma == pytest.approx(np.sqrt((halves[:, 0, 0] ** 2).mean()))
    three = summarize_objects(labels, samples[0], None, labels > 0, samples[:3], mirrored=True)
    assert three[0].sigma is None


def test_an_object_says_in_which_plane_it_lies(tmp_path):
    labels = np.zeros((2, 3, 8, 8), int)
    labels[1, 2, 3:5, 4:6] = 7
    (found,) = summarize_objects(labels, labels * 1.0, None, labels > 0)
    assert (found.plane, found.y, found.x) == ((1, 2), 3.5, 4.5)
    write_objects(tmp_path / "t.csv", (found,))
    assert (tmp_path / "t.csv").read_text().splitlines()[1].endswith("1 2")


def test_without_samples_an_object_has_no_interval(rng, tmp_path):
    truth, samples = blobs(rng)
    labels = connected_objects(truth > 10)
    objects = summarize_objects(labels, truth, samples.std(axis=0), truth > 50)
    assert objects[0].sigma is None
    write_objects(tmp_path / "objects.csv", objects)
    with (tmp_path / "objects.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == ["1", "2"]
    assert rows[0]["sigma"] == ""
    assert float(rows[1]["mean"]) == 100


def test_small_objects_are_left_out_and_labels_go_on_from_plane_to_plane():
    mask = np.zeros((2, 10, 10), bool)
    mask[0, :4, :4] = mask[0, 8, 8] = mask[1, 5:, 5:] = True
    labels = connected_objects(mask, least_pixels=2)
    assert np.unique(labels[0]).tolist() == [0, 1]
    assert np.unique(labels[1]).tolist() == [0, 2]


def test_pixels_that_were_not_split_and_samples_that_were_not_drawn_are_left_out(rng):
    truth, samples = blobs(rng)
    labels = connected_objects(truth > 10)
    mmse, spread = samples.mean(axis=0), samples.std(axis=0, ddof=1)
    whole = summarize_objects(labels, mmse, spread, truth > 10, samples)
    lacking = np.concatenate([samples, np.full((3, *truth.shape), np.nan)])
    assert summarize_objects(labels, mmse, spread, truth > 10, lacking) == whole
    mmse[:16] = np.nan
    one, two = summarize_objects(labels, mmse, spread, truth > 10, samples)
    assert (one.n_pixels, two) == (8 * 16, whole[1])
