"""Uncertainty of structures."""

from __future__ import annotations

import numpy as np

from napari_denoisplit.measures.trust.mask import background_of, relative_uncertainty


def test_structure_far_above_its_sigma_is_certain(rng):
    truth = np.full((64, 64), 10.0)
    truth[8:24, 8:24] = 60
    truth[36:56, 30:60] = 100
    samples = truth + rng.normal(0, 4, (40, 64, 64))
    mmse, sigma = samples.mean(axis=0), samples.std(axis=0, ddof=1)
    assert background_of(truth) == 10
    ratio = relative_uncertainty(mmse, sigma, 10.0)
    assert (ratio[truth > 10] < 1 / 3).all()
    assert np.median(ratio[truth == 10]) > 1
    assert relative_uncertainty(np.zeros(2), np.ones(2), 0.0).tolist() == [np.inf, np.inf]
