from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.fitting.selection import fit_steps, mixture_from_line
from napari_denoisplit.noise.pairs.estimation import estimate_noise
from napari_denoisplit.noise.pairs.pairs import Pairs
from napari_denoisplit.settings import NoiseFitSettings

GAUSSIAN, SKEWED = "gaussian", "skewed"


def pairs(noise: str, n: int = 60_000) -> Pairs:
    """Pairs with noise of sigma 20, normal or as skewed as an exponential."""
    rng = np.random.default_rng(0)
    signal = rng.uniform(100, 200, n)
    standard = rng.normal(size=n) if noise == GAUSSIAN else rng.exponential(size=n) - 1
    x = (signal + 20 * standard).astype(np.float32)
    return Pairs("pairs", signal.astype(np.float32), x, signal_range=(100.0, 200.0))


def choose(given: Pairs, **settings):
    """Fitted model, what was tried, and the events."""
    steps, events = fit_steps(given, NoiseFitSettings(**settings)), []
    while True:
        try:
            events.append(next(steps))
        except StopIteration as done:
            return *done.value, events


def test_normal_noise_is_one_gaussian():
    model, tried, _ = choose(pairs(GAUSSIAN))
    assert (model.n_gaussians, model.n_coefficients) == (1, 2)
    assert len(tried) > 2  # larger ones were looked at


def test_skewed_noise_takes_several_gaussians_and_comes_close_to_its_entropy():
    model, tried, _ = choose(pairs(SKEWED))
    entropy = 1 + np.log(20)
    assert model.n_gaussians > 2
    assert min(tried.values()) < entropy + 0.1 < tried["1 Gaussian, 2 coefficients"]


@pytest.mark.parametrize("source", ["single", "bootstrap"])
def test_correlated_noise_asks_for_repeats_or_pairs(source):
    with pytest.raises(NoiseModelError, match="repeats"):
        choose(replace(pairs(GAUSSIAN), source=source), kind="correlated")


def test_what_the_user_asks_for_is_what_is_fitted():
    model, tried, _ = choose(pairs(SKEWED), n_gaussians=2, n_coefficients=3)
    assert (model.n_gaussians, model.n_coefficients) == (2, 3)
    assert list(tried) == ["2 Gaussians, 3 coefficients"]


def test_every_round_is_told_and_rounds_of_a_candidate_do_not_get_worse_than_its_start():
    _, tried, events = choose(pairs(SKEWED), n_gaussians=3, n_coefficients=2)
    assert [e.text for e in events] == list(tried) * len(events)
    assert tried["3 Gaussians, 2 coefficients"] == pytest.approx(
        min(e.held_out_nll for e in events), abs=1e-4
    )


@pytest.mark.parametrize("kind", ["poisson_gaussian", "histogram"])
def test_other_kinds_are_compared_on_the_same_pixels(kind):
    given = pairs(GAUSSIAN)
    model, tried, events = choose(given, kind=kind, n_bins=64)
    (nll,) = tried.values()
    assert model.kind == kind
    assert nll == pytest.approx(min(choose(given)[1].values()), abs=0.1)
    assert events[-1].held_out_nll == nll


def single(seed: int = 0) -> Pairs:
    rng = np.random.default_rng(seed)
    ramp = np.linspace(200, 2000, 256) * np.ones((256, 1))
    image = ramp + rng.normal(size=ramp.shape) * np.sqrt(4 * ramp)
    return replace(pairs(GAUSSIAN), source="single", line=estimate_noise(image).line)


@pytest.mark.parametrize("kind", ["gaussian_mixture", "poisson_gaussian"])
def test_a_single_image_gives_its_line_whatever_the_pairs(kind):
    model, _, _ = choose(single(), kind=kind)
    s = torch.tensor([500.0, 1000.0, 1500.0])
    torch.testing.assert_close(model.variance(s), 4 * s, rtol=0.1, atol=0)


@pytest.mark.parametrize("asked", [{"kind": "histogram"}, {"n_gaussians": 3}])
def test_a_single_image_cannot_tell_the_shape_of_the_noise(asked):
    with pytest.raises(NoiseModelError, match="bootstrap"):
        choose(single(), **asked)


def test_the_line_of_a_single_image_becomes_its_variance():
    line = single().line
    model = mixture_from_line(line)
    s = torch.tensor([300.0, 1900.0])
    expected = torch.from_numpy(line.variance(s.double().numpy())).float()
    torch.testing.assert_close(model.variance(s), expected)


def test_too_few_pairs_are_refused():
    with pytest.raises(NoiseModelError, match="too few"):
        choose(pairs(GAUSSIAN, 100))
