from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from napari_denoisplit.calibration_record import ChannelCalibration
from napari_denoisplit.errors import CalibrationError
from napari_denoisplit.measures.calibration.fit import (
    ErrorPixels,
    fit_channel,
    likelihood_factor,
    monotone_map,
    noise_scale,
    variance_factor,
)
from napari_denoisplit.measures.calibration.sigma import mapped

N = 200_000


def pixels(rng, error, noise=0.0, seen=None) -> ErrorPixels:
    """Residuals of a given error, which is a function of the spread, and of given noise."""
    spread = rng.lognormal(0, 0.7, N)
    residual = error(spread) * rng.normal(size=N) + np.sqrt(noise) * rng.normal(size=N)
    return ErrorPixels(spread, residual, np.full(N, noise if seen is None else seen))


def test_the_likelihood_factor_of_clean_targets_is_the_closed_form(rng):
    p = pixels(rng, lambda s: 2 * s + 1)
    closed = np.sqrt((p.residual**2 / p.spread**2).mean())
    assert likelihood_factor(p) == pytest.approx(closed, rel=1e-9)
    factors = np.linspace(0.9, 1.1, 21) * closed
    likelihoods = [norm.logpdf(p.residual, scale=f * p.spread).mean() for f in factors]
    assert np.argmax(likelihoods) == 10


@pytest.mark.parametrize("factor", [likelihood_factor, variance_factor])
def test_a_factor_follows_the_unit_of_the_error(rng, factor):
    p = pixels(rng, lambda s: s, noise=4.0)
    other = ErrorPixels(p.spread, 3 * p.residual, 9 * p.noise)
    assert factor(other) == pytest.approx(3 * factor(p), rel=1e-6)


@pytest.mark.parametrize("noise", [1.0, 4.0, 30.0])
@pytest.mark.parametrize("factor", [likelihood_factor, variance_factor])
def test_noise_of_the_targets_does_not_move_the_factor(rng, factor, noise):
    p = pixels(rng, lambda s: 1.6 * s, noise=noise)
    assert factor(p) == pytest.approx(1.6, rel=0.04)
    ignored = replace(p, noise=np.zeros(N))
    assert factor(ignored) > 1.6 * 1.05


def test_noise_that_is_in_the_prediction_too_is_counted_twice_its_covariance(rng):
    # A predictor that keeps the share w of its noisy input: its error is known.
    w, v = 0.3, 4.0
    signal, noise = rng.normal(0, 1, N), np.sqrt(v) * rng.normal(size=N)
    prediction = w * (signal + noise)
    error = ((prediction - signal) ** 2).mean()
    residual, spread = signal + noise - prediction, np.ones(N)
    stein = ErrorPixels(spread, residual, np.full(N, v - 2 * w * v))
    plain = ErrorPixels(spread, residual, np.full(N, v))
    assert variance_factor(stein) ** 2 == pytest.approx(error, rel=0.05)
    with pytest.raises(CalibrationError, match="hides the error"):
        variance_factor(plain)


def test_a_map_finds_an_error_that_is_not_proportional_to_the_spread(rng):
    curved = fit_channel(pixels(rng, lambda s: s**2), "map")
    at = np.array([0.5, 1.0, 2.0])
    np.testing.assert_allclose(mapped(at, curved), at**2, rtol=0.08)
    straight = fit_channel(pixels(rng, lambda s: 0.7 * s), "map")
    np.testing.assert_allclose(mapped(at, straight), 0.7 * at, rtol=0.05)


def test_a_map_rises_even_where_chance_does_not(rng):
    p = pixels(rng, lambda s: np.full_like(s, 2.0), noise=20.0)
    spread, sigma = monotone_map(p)
    assert (np.diff(spread) > 0).all()
    assert (np.diff(sigma) >= 0).all()
    assert sigma == pytest.approx(np.full(len(sigma), 2.0), rel=0.1)


def test_where_noise_hides_the_error_a_map_falls_back_on_the_factor(rng):
    p = pixels(rng, lambda s: 1.5 * s, noise=400.0)
    channel = fit_channel(p, "map")
    small = np.quantile(p.spread, 0.05)
    assert mapped(small, channel) == pytest.approx(channel.factor * small, rel=0.01)


def test_wrong_noise_is_found_where_the_prediction_is_certain(rng):
    p = pixels(rng, lambda s: s, noise=100.0, seen=105.0)
    scale = noise_scale(p)
    assert scale == pytest.approx(100 / 105, abs=0.01)
    assert variance_factor(p.scaled(scale)) == pytest.approx(1.0, abs=0.15)


def test_an_error_where_the_prediction_is_certain_is_not_taken_for_noise(rng):
    assert noise_scale(pixels(rng, lambda s: 5 + s, noise=100.0)) == 1.0


def test_noise_is_taken_as_it_is_where_no_prediction_is_certain(rng):
    assert noise_scale(pixels(rng, lambda s: s, noise=1.0, seen=1.2)) == 1.0


def test_samples_that_are_all_alike_cannot_be_calibrated(rng):
    alike = ErrorPixels(np.zeros(N), rng.normal(size=N), np.zeros(N))
    for method in ("variance", "likelihood", "map"):
        with pytest.raises(CalibrationError, match="spread is 0"):
            fit_channel(alike, method)


def test_few_pixels_are_refused_with_their_number():
    with pytest.raises(CalibrationError, match="12 pixels"):
        ErrorPixels(np.ones(12), np.ones(12), np.zeros(12))


def test_a_factor_is_kept_without_knots(rng):
    p = pixels(rng, lambda s: 2 * s)
    assert fit_channel(p, "variance") == ChannelCalibration(factor=variance_factor(p))
