"""MAP and consensus of stacks."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import Progress, run
from napari_denoisplit.images.results.split import Split
from napari_denoisplit.jobs.trust.consensus import consensus_job, map_job


def split_of(samples, axes):
    """Samples (K, C, ..., Y, X)."""
    return Split(axes, tuple("abc"[: samples.shape[1]]), sample_arrays=np.moveaxis(samples, 1, 0))


def test_every_plane_has_its_mode_and_an_unfinished_one_none(rng):
    samples = rng.normal(size=(6, 2, 3, 16, 20)).astype(np.float32)
    samples[4:, :, 1] = np.nan  # stopped in the middle of this plane
    events = []
    mode = run(map_job(split_of(samples, "ZYX")), events.append)
    assert mode.shape == (2, 3, 16, 20)
    assert np.isfinite(mode[:, [0, 2]]).all()
    assert np.isnan(mode[:, 1]).all()
    assert [e for e in events if isinstance(e, Progress)][-1].done == 1


def test_a_stop_leaves_the_rest_empty(rng):
    stop = threading.Event()
    stop.set()
    assert np.isnan(run(map_job(split_of(rng.normal(size=(6, 1, 16, 16)), "YX"), stop=stop))).all()


def test_a_stop_gives_a_consensus_up_between_two_samples(rng):
    stop, seen = threading.Event(), []

    def segment(image):
        seen.append(image)
        stop.set()
        return image > 0

    samples = rng.normal(size=(6, 1, 16, 16)).astype(np.float32)
    found = run(consensus_job(split_of(samples, "YX"), 0, segment, stop=stop))
    assert len(seen) == 1
    assert not found.labels.any()
    assert np.isnan(found.confidence).all()


def test_a_stop_while_samples_are_read_reads_no_more_of_them(rng):
    stop, read = threading.Event(), []

    class Samples:
        shape = (6, 16, 16)

        def __getitem__(self, index):
            read.append(index[0])
            stop.set()
            return np.zeros((16, 16), np.float32)

    split = Split("YX", ("a", "b"), sample_arrays=(Samples(), Samples()))
    assert np.isnan(run(map_job(split, stop=stop))).all()
    assert read == [0, 1, 2, 3, 4, 5]  # of the first structure alone


@pytest.mark.parametrize("shape", [(4, 1, 32, 32), (9, 1, 8, 32)])
def test_samples_without_a_mode_are_refused(shape):
    with pytest.raises(ImageError, match="The MAP needs 5 samples"):
        run(map_job(split_of(np.zeros(shape), "YX")))


def test_labels_of_a_stack_are_unique():
    samples = np.zeros((3, 2, 60, 60), np.float32)
    samples[:, :, 10:20, 10:20] = samples[:, 1, 40:50, 40:50] = 1
    found = run(consensus_job(split_of(samples[:, None], "ZYX")))
    assert np.unique(found.labels[0]).tolist() == [0, 1]
    assert np.unique(found.labels[1]).tolist() == [0, 2, 3]
    assert found.n_objects == (3, 3, 3)
    assert found.summary.startswith("3 objects in the consensus of 3 answers")


def test_one_sample_is_no_consensus():
    with pytest.raises(ImageError, match="2 or more"):
        run(consensus_job(split_of(np.zeros((1, 1, 20, 20)), "YX")))
