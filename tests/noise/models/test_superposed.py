"""Noise of channels adds up with the squares of their weights."""

from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian
from napari_denoisplit.noise.models.superposed import superposed_noise, superposed_variance

MODELS = (PoissonGaussian(4.0, 100.0, 8.0, 0, 1e4), PoissonGaussian(1.0, 50.0, 3.0, 0, 1e4))


def test_drawn_noise_has_the_stated_variance():
    signal = np.stack([np.full((150, 200), 600.0), np.full((150, 200), 90.0)]).astype(np.float32)
    weights = (0.7, 2.0)
    variance = superposed_variance(MODELS, weights, signal)
    expected = 0.49 * (4 * 500 + 64) + 4 * (40 + 9)
    assert variance == pytest.approx(np.full((150, 200), expected), rel=1e-4)
    noise = superposed_noise(MODELS, weights, signal, seed=1)
    assert noise.var() == pytest.approx(expected, rel=0.02)
    assert noise.mean() == pytest.approx(0, abs=4 * (expected / noise.size) ** 0.5)


def test_a_model_too_few_is_refused():
    with pytest.raises(NoiseModelError, match="1 noise models"):
        superposed_variance(MODELS[:1], (1.0, 1.0), np.ones((2, 8, 8), np.float32))
