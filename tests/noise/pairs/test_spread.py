from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.noise.pairs.spread import clipped_levels, unsaturated_signal


def test_only_piles_at_the_ends_count_as_clipped():
    values = np.random.default_rng(0).normal(100, 30, 100_000).round()
    assert clipped_levels(values) == (-np.inf, np.inf)
    assert clipped_levels(values.clip(40, 180)) == (40, 180)
    assert clipped_levels(values.clip(max=180)) == (-np.inf, 180)
    assert clipped_levels(np.full(1000, 7.0)) == (-np.inf, np.inf)


def test_a_few_hot_pixels_do_not_hide_saturation():
    values = np.random.default_rng(0).normal(100, 30, 100_000).round().clip(max=130)
    values[:200] = np.arange(200, 400)
    assert clipped_levels(values) == (-np.inf, 130)


def test_empty_counts_of_photons_are_not_clipped():
    values = np.random.default_rng(0).poisson(0.3, 100_000).astype(float)
    assert clipped_levels(values) == (-np.inf, np.inf)


def test_signals_end_where_observations_saturate():
    rng = np.random.default_rng(0)
    signal = rng.uniform(0, 255, 200_000)
    noisy = (signal + rng.normal(0, 10, signal.size)).round()
    assert unsaturated_signal(signal, noisy) == np.inf
    limit = unsaturated_signal(signal, noisy.clip(max=255))
    assert limit == pytest.approx(255 - 27, abs=6)
