"""The mode takes sides where the mean compromises."""

from __future__ import annotations

import numpy as np

from napari_denoisplit.measures.samples.mode_seeking import Modes, find_modes


def two_answers(rng, n=30, size=24, share=0.7):
    """Samples that show a bar in one of two places, in one structure or in the other."""
    first = rng.random(n) < share
    first[:2] = True, False
    samples = rng.normal(0, 0.3, size=(n, 2, size, size)).astype(np.float32)
    samples[first, 0, 4:8, 4:20] += 10
    samples[~first, 1, 4:8, 4:20] += 10
    return samples


def test_the_mode_is_the_answer_of_the_majority(rng):
    samples = two_answers(rng)
    modes = Modes(samples)
    assert list(modes.rows())[-1] == 1
    bar = (slice(None), slice(4, 8), slice(4, 20))
    mean = samples.mean(axis=0)[bar].mean(axis=(1, 2))
    mode = modes.image[bar].mean(axis=(1, 2))
    assert 0.1 * 10 < mean[1] < 0.45 * 10  # the compromise
    assert mode[0] > 9.5
    assert mode[1] < 0.5


def test_samples_of_one_answer_have_their_mean_as_mode(rng):
    samples = rng.normal(size=(1, 400, 3))
    (weights,) = find_modes(samples)
    mode = weights @ samples[0]
    assert np.abs(mode).max() < 0.5
    assert weights.sum() == 1 or abs(weights.sum() - 1) < 1e-9


def test_samples_that_are_equal_are_their_mode():
    samples = np.ones((5, 1, 12, 15), np.float32)
    modes = Modes(samples)
    list(modes.rows())
    assert np.allclose(modes.image, 1)
