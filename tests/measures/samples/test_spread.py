from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from napari_denoisplit.measures.samples.spread import SampleSpread, half_width
from napari_denoisplit.sampling.moments import Moments


def pairs(rng, n, correlation, size=20_000):
    """Samples (n, size) of variance 1, of which each two in turn have this correlation."""
    common, own = rng.normal(size=(2, n // 2, size))
    a, b = np.sqrt((1 + correlation) / 2), np.sqrt((1 - correlation) / 2)
    return np.stack([a * common + b * own, a * common - b * own], axis=1).reshape(n, size)


def spread_of(samples, *, mirrored):
    found = SampleSpread(mirrored=mirrored)
    for sample in samples:
        found.add(sample)
    return found


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("n", [2, 3, 7, 8])
def test_kept_samples_have_the_spread_that_was_taken_while_they_were_drawn(rng, n, mirrored):
    samples = pairs(rng, 8, -0.6, 12)[:n].reshape(n, 3, 4).astype("f4")
    running = Moments((3, 4), torch.device("cpu"), antithetic=mirrored)
    for sample in samples:
        running.add(torch.from_numpy(sample))
    found = spread_of(samples, mirrored=mirrored)
    assert_allclose(np.sqrt(found.variance), running.std.numpy(), rtol=1e-4, atol=1e-6)
    assert_allclose(found.mean, running.mean.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n", [4, 5, 10])
@pytest.mark.parametrize("correlation", [-1.0, -0.7, 0.0])
def test_the_variance_of_mirrored_samples_has_no_bias(rng, correlation, n):
    samples = pairs(rng, n + n % 2, correlation)[:n]
    assert spread_of(samples, mirrored=True).variance.mean() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("correlation", [-1.0, -0.7, 0.0])
@pytest.mark.parametrize("n", [6, 10])
def test_the_interval_of_mirrored_samples_holds_the_next_draw_as_often_as_it_says(
    rng, correlation, n
):
    found = spread_of(pairs(rng, n, correlation), mirrored=True)
    half = half_width(np.sqrt(found.variance), n, within=found.within)
    held = np.abs(rng.normal(size=half.shape) - found.mean) < half
    assert held.mean() == pytest.approx(0.95, abs=0.015)


def test_the_interval_of_few_samples_holds_the_next_draw_as_often_as_it_says(rng):
    draws = rng.normal(3.0, 2.0, size=(20_000, 6))
    half = half_width(1.0, 5) * draws[:, :5].std(axis=1, ddof=1)
    held = np.abs(draws[:, 5] - draws[:, :5].mean(axis=1)) < half
    assert held.mean() == pytest.approx(0.95, abs=0.01)


def test_what_is_too_little_to_tell_a_spread_has_no_interval():
    assert half_width(1.0, 2) == np.inf
    assert half_width(1.0, 3, within=0.9) == np.inf
    assert half_width(0.0, 2) == 0
