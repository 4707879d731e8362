from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import kstest, poisson

from napari_denoisplit.noise.judging.pit import pit_curve, pit_values

N = 20_000


def normal(sigma):
    """Noise of constant sigma."""
    return lambda observation, signal: ndtr((observation - signal) / sigma)


def test_draws_of_the_model_are_uniform(rng):
    signal = rng.uniform(10, 50, N)
    values = pit_values(normal(4.0), signal, rng.normal(signal, 4.0), 0.0, rng)
    curve = pit_curve(values)
    assert curve.distance == pytest.approx(kstest(values, "uniform").statistic)
    assert curve.distance < 1.6 / np.sqrt(N)
    assert curve.density.mean() == pytest.approx(1)
    assert curve.observed == pytest.approx(curve.expected, abs=0.015)


@pytest.mark.parametrize("mean", [0.2, 3.0])
def test_rounded_draws_are_uniform_too(rng, mean):
    signal = np.full(N, mean)
    rounded = rng.poisson(signal).astype(float)
    assert pit_curve(pit_values(poisson.cdf, signal, rounded, 1.0, rng)).distance < 1.7 / np.sqrt(N)
    assert pit_curve(pit_values(poisson.cdf, signal, rounded, 0.0, rng)).distance > 0.1


def test_a_doubled_variance_leaves_the_known_gap(rng):
    signal = rng.uniform(10, 50, N)
    curve = pit_curve(pit_values(normal(np.sqrt(2)), signal, rng.normal(signal, 1.0), 0.0, rng))
    z = np.linspace(0, 4, 1000)
    assert curve.distance == pytest.approx(np.max(ndtr(z) - ndtr(z / np.sqrt(2))), abs=0.015)
    assert curve.density[10] > 1 > curve.density[0]
