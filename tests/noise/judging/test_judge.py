from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage, signal

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.fitting.correlated import correlated
from napari_denoisplit.noise.judging.judge import judge
from napari_denoisplit.noise.models.gaussian_mixture import GaussianMixture
from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian
from napari_denoisplit.noise.pairs.pairs import Pairs

N = 150_000
LOW, HIGH = 10.0, 200.0


def camera(gain: float, read_variance: float = 4.0, high: float = HIGH) -> GaussianMixture:
    """Gaussian noise of variance gain * signal + read_variance."""
    rows = [0, 0], [math.log(gain * LOW + read_variance), math.log(gain * (high - LOW))], [0, 0]
    return GaussianMixture(torch.tensor(rows), LOW, high, 1e-3)


def pairs(model: GaussianMixture, n: int = N, **values) -> Pairs:
    """Draws of a model over signals most of which are dark, with independent neighbours."""
    rng = np.random.default_rng(0)
    signal = (LOW + (HIGH - LOW) * rng.beta(1, 4, n)).astype(np.float32)
    x = model.sample(torch.from_numpy(signal), torch.Generator().manual_seed(0)).numpy()
    windows = (rng.normal(size=(256, 256)).astype(np.float32),)
    ends = (float(x.min()), float(x.max()))
    drawn = Pairs("pairs", signal, x, windows, signal_range=(LOW, HIGH), observed_range=ends)
    return replace(drawn, **values)


@pytest.fixture(scope="module")
def data() -> Pairs:
    return pairs(camera(1.5))


def test_a_model_is_good_by_its_own_draws(data):
    curves, verdict = judge(camera(1.5), data)
    assert verdict.grade == "good"
    assert len(verdict.reasons) == 1
    assert curves.pit.distance < 0.01
    assert curves.coverage > 0.9
    assert curves.nll < curves.gaussian_nll
    expected = 1.5 * curves.variance.signal + 4.0
    deviations = (curves.variance.variance - expected) / curves.variance.standard_error
    assert np.abs(deviations).max() < 5
    assert len(curves.bins) == len(curves.variance.signal) > 15


def test_noise_that_a_model_foretells_is_no_fault_of_it(data):
    noise = signal.lfilter([1], [1, -0.6], np.random.default_rng(1).normal(size=(256, 256)))
    window = (noise / noise.std()).astype(np.float32)
    of_rows = replace(data, residuals=(window,))
    model = correlated(PoissonGaussian(1.5, 0.0, 2.0, LOW, HIGH), [window])
    curves, verdict = judge(model, of_rows)
    assert verdict.grade == "good"
    assert max(map(abs, curves.autocorrelation.x)) < 0.08
    assert judge(camera(1.5), of_rows)[1].grade == "do not use"


def test_rounding_to_whole_grey_levels_is_no_fault(data):
    curves, verdict = judge(camera(1.5), replace(data, observation=np.rint(data.observation)))
    assert verdict.grade == "good"
    assert curves.pit.distance < 0.01


def test_the_densities_of_the_bins_hold_all_probability(data):
    curves, _ = judge(camera(1.5), data)
    for signal_bin in curves.bins:
        assert np.sum(signal_bin.histogram * np.diff(signal_bin.edges)) > 0.99
        assert np.trapezoid(signal_bin.density, signal_bin.density_at) == pytest.approx(1, abs=0.02)
        assert signal_bin.model_variance == pytest.approx(signal_bin.variance, rel=0.25)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_variance_wrong_by_two_is_not_to_be_used(data, factor):
    _, verdict = judge(camera(1.5 * factor, 4.0 * factor), data)
    assert verdict.grade == "do not use"
    assert "variance" in verdict.headline
    assert verdict.figures["variance_ratio"] == pytest.approx(1 / factor, rel=0.02)


def test_a_gain_that_is_somewhat_wrong_is_usable(data):
    _, verdict = judge(camera(1.5 * 0.7), data)
    assert verdict.grade == "usable"
    assert "Between grey levels 1" in verdict.headline


def test_another_camera_is_not_to_be_used(data):
    _, verdict = judge(camera(0.2, 30.0), data)
    assert verdict.grade == "do not use"


def test_another_offset_is_told(data):
    _, verdict = judge(camera(1.5), replace(data, observation=data.observation + 12))
    assert verdict.grade == "do not use"
    assert any("brighter than the model expects" in reason for reason in verdict.reasons)


def test_correlated_noise_is_told_first_and_in_words(data):
    blurred = ndimage.uniform_filter(data.residuals[0], 2)
    _, verdict = judge(camera(1.5), replace(data, residuals=(blurred,)))
    assert verdict.grade == "do not use"
    assert "neighbouring pixels is correlated (0.5" in verdict.headline
    assert "fit the kind 'correlated' to repeats" in verdict.headline
    assert "bin the images 2 x 2" in verdict.headline


@pytest.mark.parametrize(
    ("correlation", "grade"),
    [(0.0, "good"), (0.06, "good"), (0.17, "usable"), (-0.5, "do not use")],
)
def test_a_single_image_brings_its_own_correlation(data, correlation, grade):
    alone = replace(
        data, source="single", residuals=(), neighbour_correlation=(correlation, 0.0, 0.0)
    )
    assert judge(camera(1.5), alone)[1].grade == grade


def test_what_a_denoiser_kept_of_correlated_noise_is_seen_in_the_raw_image(data):
    kept = replace(data, source="bootstrap", neighbour_correlation=(0.5, 0.2, 0.1))
    assert judge(camera(1.5), replace(kept, neighbour_correlation=None))[1].grade == "good"
    assert "is correlated (0.50 at 1 pixel" in judge(camera(1.5), kept)[1].headline
    residual = ndimage.uniform_filter(data.residuals[0], 2)
    left = replace(kept, residuals=(residual,), neighbour_correlation=(0.0, 0.0, 0.0))
    assert judge(camera(1.5), left)[1].grade == "do not use"


def test_signals_that_the_model_does_not_know_are_told(data):
    curves, verdict = judge(camera(1.5, high=60.0), data)
    assert verdict.grade == "do not use"
    assert curves.coverage < 0.5
    assert any("knows signals from 10 to 60" in reason for reason in verdict.reasons)


def test_saturation_is_told_where_the_model_ends_with_it(data):
    dark = data.signal < 60
    cut = replace(data, signal=data.signal[dark], observation=data.observation[dark])
    _, verdict = judge(camera(1.5, high=60.0), replace(cut, max_signal=61.0))
    assert "saturated above a signal of 61" in verdict.headline
    _, verdict = judge(camera(1.5, high=60.0), replace(cut, max_signal=150.0))
    assert "as bright and as dark" in verdict.headline


def test_signals_of_one_value_can_be_judged(data):
    flat = np.full_like(data.signal, 50.0)
    noise = 50 + (data.observation - data.signal) / np.sqrt(1.5 * data.signal + 4) * np.sqrt(79)
    curves, verdict = judge(camera(1.5), replace(data, signal=flat, observation=noise))
    assert len(curves.bins) == 1
    assert verdict.grade == "good"


def test_another_shape_is_usable_where_mean_and_variance_are_right(rng):
    counts = rng.uniform(0.5, 4, N)
    x = rng.normal(25.0 * rng.poisson(counts), 3.0)
    given = pairs(camera(1.0), signal=(25 * counts).astype(np.float32), observation=x)
    gain_25 = [0, 0], [math.log(25 * 12.5), math.log(25 * 87.5)], [0, 0]
    gaussian = GaussianMixture(torch.tensor(gain_25), 12.5, 100.0, 1e-3)
    curves, verdict = judge(gaussian, replace(given, observed_range=(0.0, 200.0)))
    assert verdict.grade == "usable"
    assert "do not fall where the model expects them" in verdict.headline
    assert curves.pit.distance > 0.05


def test_pixels_that_are_no_numbers_change_nothing(data):
    holes = data.observation.copy()
    holes[::7] = np.nan
    whole, rest = (
        judge(camera(1.5), replace(data, observation=o))[0] for o in (data.observation, holes)
    )
    assert rest.nll == pytest.approx(whole.nll, abs=0.02)
    assert rest.pit.distance < 0.015


def test_few_pixels_are_told(data):
    _, verdict = judge(camera(1.5), pairs(camera(1.5), 3000))
    assert verdict.grade == "usable"
    assert "Only 3000 pixels" in verdict.headline
    with pytest.raises(NoiseModelError, match="60 pairs of signal"):
        judge(camera(1.5), pairs(camera(1.5), 60))


def test_a_bootstrap_says_what_it_cannot_see(data):
    _, verdict = judge(camera(1.5), replace(data, source="bootstrap"))
    assert verdict.grade == "good"
    assert "found by a denoiser" in verdict.reasons[-1]


class Broken(GaussianMixture):
    """A model with a hole in it."""

    def variance(self, signal):
        return super().variance(signal) * float("nan")


class Sure(GaussianMixture):
    """A model that holds some observations for impossible."""

    def log_likelihood(self, observation, signal, **_):
        return torch.where(
            observation > 50, -torch.inf, super().log_likelihood(observation, signal)
        )


def test_a_model_without_numbers_is_refused(data):
    of = camera(1.5)
    values = of.weight, LOW, HIGH, 1e-3
    with pytest.raises(NoiseModelError, match="not numbers"):
        judge(Broken(*values), data)
    curves, verdict = judge(Sure(*values), data)
    assert verdict.grade == "do not use"
    assert math.isfinite(curves.nll)


def test_every_figure_is_a_finite_number(data):
    _, verdict = judge(camera(1.5), data)
    assert all(math.isfinite(value) for value in verdict.figures.values())
