from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.estimation import NoiseLine
from napari_denoisplit.noise.poisson_gaussian_fitting import (
    fit_poisson_gaussian,
    poisson_gaussian_from_line,
)


def pairs(rng, gain, offset, read_noise, n=60_000, photons=100.0):
    signal = offset + gain * photons * rng.uniform(0, 1, n)
    counts = rng.poisson((signal - offset) / gain)
    return signal, offset + gain * counts + read_noise * rng.normal(size=n)


@pytest.mark.parametrize(("gain", "offset", "read_noise"), [(57.0, 300.0, 0.0), (0.5, 0.0, 3.0)])
def test_a_camera_is_found_again(gain, offset, read_noise, rng):
    model = fit_poisson_gaussian(*pairs(rng, gain, offset, read_noise))
    assert model.gain == pytest.approx(gain, rel=0.08)
    assert model.offset == pytest.approx(offset, abs=gain)
    assert model.read_noise == pytest.approx(read_noise, rel=0.05, abs=0.05 * gain)


def test_the_variance_is_found_where_offset_and_read_noise_look_alike(rng):
    signal, observation = pairs(rng, 2.0, 100.0, 10.0, photons=3000.0)
    model = fit_poisson_gaussian(signal, observation)
    for level in (200.0, 1000.0, 5000.0):
        variance = model.gain * (level - model.offset) + model.read_noise**2
        assert variance == pytest.approx(2.0 * (level - 100) + 100, rel=0.08)


def test_the_smallest_read_noise_makes_the_line():
    for intercept, offset, read_noise in ((-600.0, 300.0, 0.0), (9.0, 0.0, 3.0)):
        line = NoiseLine(2.0, intercept, 1.0, (310.0, 900.0), np.zeros(1), np.zeros(1))
        model = poisson_gaussian_from_line(line)
        assert (model.gain, model.offset, model.read_noise) == (2.0, offset, read_noise)


def test_pairs_that_tell_nothing_are_refused(rng):
    signal, observation = pairs(rng, 1.0, 0.0, 1.0, n=5000)
    with pytest.raises(NoiseModelError, match="equal"):
        fit_poisson_gaussian(signal, signal)
    with pytest.raises(NoiseModelError, match="too few"):
        fit_poisson_gaussian(signal[:50], observation[:50])
    with pytest.raises(NoiseModelError, match="everywhere"):
        fit_poisson_gaussian(np.full(5000, 3.0), observation)
    with pytest.raises(NoiseModelError, match="each observed"):
        fit_poisson_gaussian(signal[:7], observation)
