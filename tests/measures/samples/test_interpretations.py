"""Clusters among samples are found, and told from mere spread."""

from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.measures.samples.interpretations import interpret


def test_two_answers_are_told_apart_with_their_support(rng):
    samples = rng.normal(0, 0.5, size=(20, 2, 8, 8)).astype(np.float32)
    samples[:14, 0] += 3
    samples[14:, 1] += 3
    found = interpret(samples, 2)
    assert [answer.support for answer in found.answers] == [0.7, 0.3]
    assert found.answers[0].members == tuple(range(14))
    assert found.answers[0].sample in range(14)
    assert found.answers[1].mean[1].mean() == pytest.approx(3, abs=0.2)
    assert found.separation > found.by_chance + 0.1


def test_spread_without_answers_separates_no_better_than_chance(rng):
    samples = rng.normal(size=(30, 1, 6, 6)).astype(np.float32)
    found = interpret(samples, 3)
    assert found.separation == pytest.approx(found.by_chance, abs=0.1)


def test_more_answers_than_samples_are_refused():
    with pytest.raises(ValueError, match="3 samples cannot be sorted into 4"):
        interpret(np.zeros((3, 1, 4, 4), np.float32), 4)


def test_mean_shift_finds_as_many_answers_as_there_are(rng):
    centres = 1000 * rng.normal(size=(3, 1, 1, 4, 4))
    samples = np.concatenate(
        [c + rng.normal(size=(n, 1, 4, 4)) for c, n in zip(centres, (60, 30, 10), strict=True)]
    )
    found = interpret(samples.astype(np.float32), 1, bandwidth=800.0)
    assert [answer.support for answer in found.answers] == pytest.approx([0.6, 0.3, 0.1])
    np.testing.assert_allclose(found.answers[0].mean, centres[0, 0], atol=1)
    assert found.separation > 0.99


def test_of_many_answers_the_best_supported_are_named(rng):
    samples = 1000 * np.arange(20, dtype=np.float32)[:, None, None, None] * np.ones((1, 4, 4))
    summary = interpret(samples.astype(np.float32), 1, bandwidth=10.0).summary
    assert summary.startswith("20 alternatives with" + 9 * " 5%," + " … of the 20 answers.")
