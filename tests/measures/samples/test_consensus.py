"""A consensus keeps what most samples see."""

from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.measures.samples.consensus import consensus_of, local_threshold


def scene(rng, doubtful, size=80):
    """Two discs that every sample shows, and one that a share of the samples shows."""
    y, x = np.mgrid[:size, :size]
    image = rng.normal(0, 0.02, (size, size))
    for cy, cx in ((20, 20), (60, 22), *([(40, 60)] if doubtful else [])):
        image[(y - cy) ** 2 + (x - cx) ** 2 < 64] += 1
    return image.astype(np.float32)


@pytest.mark.parametrize(("shown_by", "n"), [(3, 2), (8, 3)])
def test_an_object_is_in_the_consensus_if_most_samples_show_it(rng, shown_by, n):
    found = consensus_of(scene(rng, k < shown_by) for k in range(10))
    assert found.labels.max() == n
    assert found.confidence[40, 60] == pytest.approx(shown_by / 10)
    assert sorted(set(found.n_objects)) == [2, 3]
    assert found.agreement[0] == pytest.approx(1, abs=0.1)


def test_touching_objects_are_parted_where_samples_part_them():
    def sample(bridge):
        image = np.zeros((40, 80), bool)
        image[10:30, 10:36] = image[10:30, 44:70] = True
        image[18:22, 36:44] = bridge
        return image

    samples = [sample(k < 7).astype(np.float32) for k in range(10)]
    kept = consensus_of(samples, lambda image: image > 0.5, separate=False)
    parted = consensus_of(samples, lambda image: image > 0.5)
    assert kept.labels.max() == 1
    assert parted.labels.max() == 2
    assert parted.labels[20, 12] != parted.labels[20, 60]
    assert ((parted.labels > 0) == (kept.labels > 0)).all()


def test_an_empty_background_is_no_foreground(rng):
    assert local_threshold(scene(rng, False))[60:, 50:].mean() < 0.01


def test_no_sample_is_no_consensus():
    with pytest.raises(ValueError, match="no sample"):
        consensus_of([])
