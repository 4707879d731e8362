"""Objects of a structure, from arrays as a split leaves them."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from napari_denoisplit import ObjectSettings, sum_up_objects
from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import Progress, run
from napari_denoisplit.images.results.split import Split
from napari_denoisplit.jobs.trust.objects import objects_job
from napari_denoisplit.measures.samples.objects import write_objects


@pytest.fixture
def split(rng):
    """MMSE, sigma, samples of two squares on a background of 10."""
    truth = np.full((2, 48, 48), 10.0, np.float32)
    truth[0, 8:24, 8:24] = 60
    truth[1, 30:40, 20:44] = 100
    samples = (truth + rng.normal(0, 3, (12, 2, 48, 48))).astype(np.float32)
    mmse, sigma = samples.mean(axis=0), samples.std(axis=0, ddof=1)
    return Split("ZYX", ("a",), mmse_arrays=[mmse], sigma_arrays=[sigma], sample_arrays=[samples])


def test_the_parts_of_the_mask_are_found_with_their_means(split):
    found = sum_up_objects(split)
    assert found.background == pytest.approx(9, abs=1)
    assert [(one.plane, round(one.mean)) for one in found.objects] == [((0,), 60), ((1,), 100)]
    assert "2 objects, intervals from 12 answers" in found.summary


def test_own_labels_are_summed_up_whatever_is_trusted(split):
    labels = np.zeros((2, 48, 48), int)
    labels[0, :4] = 5
    (one,) = sum_up_objects(split, labels=labels).objects
    assert (one.label, one.n_pixels, one.trusted) == (5, 4 * 48, 0)


def test_a_stop_keeps_the_intervals_of_the_samples_so_far(split):
    stop = threading.Event()

    def end(event):
        if isinstance(event, Progress) and event.text.startswith("answer 6"):
            stop.set()

    found = run(objects_job(split, 0, ObjectSettings(), stop=stop), end)
    assert (found.n_samples, found.stopped_early) == (5, True)
    assert all(one.low < one.mean < one.high for one in found.objects)


def test_without_objects_or_samples_it_says_so(split):
    unsure = replace(split, sigma_arrays=[1000 * split.sigma_arrays[0]])
    assert sum_up_objects(unsure).summary.startswith("0 objects")
    assert "too few answers" in sum_up_objects(replace(split, sample_arrays=None)).summary
    with pytest.raises(ImageError, match=r"no uncertainty \(sigma\).*give labels"):
        sum_up_objects(replace(split, sigma_arrays=None))


def test_without_sigma_own_labels_have_their_means(split, tmp_path):
    labels = np.zeros((2, 48, 48), int)
    labels[0, 10:20, 10:20] = 5
    bare = replace(split, sigma_arrays=None, sample_arrays=None)
    (one,) = sum_up_objects(bare, labels=labels).objects
    assert (round(one.mean), one.n_pixels) == (60, 100)
    assert (one.sigma, one.low, one.high, one.trusted) == (None, None, None, None)
    write_objects(tmp_path / "objects.csv", [one])
    assert ",,,,0" in (tmp_path / "objects.csv").read_text()  # what is not known is left empty


def test_labels_of_another_shape_are_refused(split):
    with pytest.raises(ImageError, match=r"the labels \(3, 4\)"):
        sum_up_objects(split, labels=np.ones((3, 4), int))


def test_what_does_not_fit_into_memory_is_refused_unread():
    huge = np.broadcast_to(np.float32(0), (30_000, 30_000))
    known = Split("YX", ("a",), mmse_arrays=[huge], sigma_arrays=[huge])
    with pytest.raises(ImageError, match="134,217,728 pixels at most"):
        run(objects_job(known, "a", ObjectSettings()))
