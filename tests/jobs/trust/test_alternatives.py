"""Alternatives of a region are those of its samples."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import napari_denoisplit as nd
from napari_denoisplit.errors import ImageError, JobError
from napari_denoisplit.events import run
from napari_denoisplit.images.plane_region import PlaneRegion
from napari_denoisplit.images.results.split import Split
from napari_denoisplit.jobs.trust.alternatives import alternatives_job

REGION = PlaneRegion((4, 12), (6, 16))


def two_answers(rng, n_first=14) -> Split:
    """20 samples of two planes; in the region of the second one structure or the other is there."""
    samples = rng.normal(0, 0.5, size=(2, 20, 2, 24, 32)).astype(np.float32)
    samples[0, :n_first, 1, 4:12, 6:16] += 3
    samples[1, n_first:, 1, 4:12, 6:16] += 3
    return Split("TYX", ("a", "b"), sample_arrays=samples)


def test_what_samples_of_a_region_disagree_on_is_told_apart(rng):
    split = two_answers(rng)
    found = run(alternatives_job(split, REGION, (1,), n_alternatives=2))
    assert [answer.support for answer in found.answers] == [0.7, 0.3]
    assert found.answers[0].mean.shape == (2, 8, 10)
    assert found.answers[0].mean.mean(axis=(1, 2)) == pytest.approx((3, 0), abs=0.2)
    assert found.summary.startswith("2 alternatives with 70%, 30% of the 20 answers.")
    assert found.summary.endswith("the alternatives are distinct.")
    elsewhere = run(alternatives_job(split, REGION, n_alternatives=2))
    assert "read them as spread" in elsewhere.summary


def test_a_bandwidth_finds_how_many_there_are_also_in_python(rng):
    region = np.s_[4:12, 6:16]
    found = nd.find_alternatives(two_answers(rng), region, plane=(1,), bandwidth=15.0)
    assert [answer.support for answer in found.answers] == [0.7, 0.3]
    one = nd.find_alternatives(two_answers(rng), region, bandwidth=15.0)
    assert one.summary.startswith("1 alternative with 100%")


@pytest.mark.parametrize("text", ["0:1,0:9", "0:300,0:9", "20:30,0:9", "4:12,30:"])
def test_a_region_that_is_no_small_part_is_refused(rng, text):
    split = Split("YX", ("a",), sample_arrays=np.zeros((1, 3, 24, 31), np.float32))
    with pytest.raises(ImageError, match=rf"The region {text} has .* 2 to 256 pixels"):
        run(alternatives_job(split, PlaneRegion.parse(text)))


def test_a_plane_that_was_not_split_to_its_end_is_refused(rng):
    split = two_answers(rng)
    split.sample_arrays[0][19, 0] = np.nan
    with pytest.raises(ImageError, match="not split to its end in the region 4:12,6:16"):
        run(alternatives_job(split, REGION))
    assert len(run(alternatives_job(split, REGION, (1,))).answers) == 3


def test_a_stop_ends_it(rng):
    stop = threading.Event()
    stop.set()
    with pytest.raises(JobError, match="stopped before the answers"):
        run(alternatives_job(two_answers(rng), REGION, bandwidth=15.0, stop=stop))
