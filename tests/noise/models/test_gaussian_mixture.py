from __future__ import annotations

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.models.gaussian_mixture import GaussianMixture
from napari_denoisplit.noise.models.mixture_density import Coefficients, log_density

DATA = Path(os.environ.get("DENOISPLIT_DATA", Path(__file__).parents[4] / "shared" / "data"))
FIXTURES = sorted((DATA / "interop" / "noise_models").glob("*.npz"))
needs_fixtures = pytest.mark.skipif(not FIXTURES, reason=f"no noise models under {DATA}")


def random_mixture(k: int = 3, n: int = 2, seed: int = 0) -> GaussianMixture:
    weight = torch.randn(3 * k, n, generator=torch.Generator().manual_seed(seed))
    weight[:k] *= 5
    weight[k : 2 * k] += 3
    return GaussianMixture(weight, 10.0, 210.0, 4.0)


def pixels(model: GaussianMixture, n: int = 4000, spread: float = 3.0, seed: int = 1):
    generator = torch.Generator().manual_seed(seed)
    low, high = model.signal_range
    signal = low + (high - low) * torch.rand(n, generator=generator)
    deviation = spread * model.variance(signal).sqrt() * torch.randn(n, generator=generator)
    return signal + deviation, signal


def published_density(arrays, observation, signal):
    """p(x | s) + 1e-10 as published, in float64."""
    weight = arrays["trained_weight"].astype(float)
    low, high = (float(arrays[name].ravel()[0]) for name in ("min_signal", "max_signal"))
    t = (signal - low) / (high - low)
    powers = np.stack([t**j for j in range(weight.shape[1])])  # (n, N)
    means, log_variances, logits = np.split(weight, 3)
    variances = np.maximum(np.exp(log_variances) @ powers, float(arrays["min_sigma"]))
    weights = np.exp(logits @ powers + 1e-10)
    weights = weights / weights.sum(0)
    offsets = means @ powers
    centres = signal + offsets - (weights * offsets).sum(0)
    normal = np.exp(-((observation - centres) ** 2) / (2 * variances))
    return (weights * normal / np.sqrt(2 * np.pi * variances)).sum(0) + 1e-10


def fixture_pixels(arrays):
    rng = np.random.default_rng(0)
    low, high = (float(arrays[name].ravel()[0]) for name in ("min_signal", "max_signal"))
    signal = rng.uniform(low, high, 20_000).astype(np.float32)
    observation = (signal + rng.normal(0, 12, signal.size)).astype(np.float32)
    return observation, signal


def load(path: Path):
    arrays = dict(np.load(path, allow_pickle=False))
    low, high = (float(arrays[name].ravel()[0]) for name in ("min_signal", "max_signal"))
    weight = torch.from_numpy(arrays["trained_weight"])
    return arrays, GaussianMixture(weight, low, high, float(arrays["min_sigma"]))


@needs_fixtures
@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_density_is_the_published_one_where_there_is_data(path):
    arrays, model = load(path)
    observation, signal = fixture_pixels(arrays)
    expected = published_density(arrays, observation.astype(float), signal.astype(float))
    common = expected > 1e-4  # below, the published tolerance is more than 1e-6 of it
    got = model.log_likelihood(torch.from_numpy(observation), torch.from_numpy(signal)).exp()
    np.testing.assert_allclose(got[common], expected[common], rtol=1e-5)
    assert common.mean() > 0.5


@pytest.mark.parametrize(("k", "n"), [(1, 1), (1, 2), (1, 3), (2, 2), (3, 2), (3, 1), (6, 4)])
def test_closed_form_slopes_are_those_of_the_density(k, n):
    model = random_mixture(k, n)
    x, s = (p.double() for p in pixels(model, n=20, spread=5.0))
    s = torch.cat([s, torch.tensor([-50.0, 400.0])])
    x = torch.cat([x, torch.tensor([20.0, 3000.0])])
    ends = [n.double() for n in (model.min_signal, model.max_signal, model.min_sigma)]

    def density(x, s, weight):
        c = Coefficients.from_weight(torch.float64, weight, *ends)
        return log_density(x, s, c.shaped(1))

    arguments = (p.clone().requires_grad_() for p in (x, s, model.weight.double()))
    assert torch.autograd.gradcheck(density, tuple(arguments))


def test_values_are_the_same_with_and_without_gradients():
    model = random_mixture()
    x, s = pixels(model, n=200_001)  # more than one chunk
    with torch.no_grad():
        plain = model.log_likelihood(x, s)
    assert torch.equal(plain, model.log_likelihood(x, s.requires_grad_()).detach())


@pytest.mark.parametrize("k", [1, 3])
def test_density_integrates_to_one_with_mean_s(k):
    model = random_mixture(k)
    x = torch.linspace(-1500, 1800, 200_001, dtype=torch.float64)
    for signal in (-30.0, 10.0, 130.0, 260.0):  # outside the range too
        s = torch.full_like(x, signal)
        p = model.log_likelihood(x, s).exp()
        mean = torch.trapezoid(p * x, x)
        variance = torch.trapezoid(p * (x - mean) ** 2, x)
        assert torch.trapezoid(p, x).item() == pytest.approx(1.0, abs=1e-6)
        assert mean.item() == pytest.approx(signal, abs=1e-3)
        assert variance.item() == pytest.approx(model.variance(s[:1]).item(), rel=1e-4)


def test_an_outlier_keeps_pulling_without_end():
    model = GaussianMixture(torch.tensor([[0.0], [math.log(25.0)], [0.0]]), 0.0, 100.0, 1e-3)
    sigma = 5.0
    for deviations in (1.0, 8.0, 20.0, 1e5):
        signal = torch.tensor([50.0], requires_grad=True)
        loss = -model.log_likelihood(signal.detach() + deviations * sigma, signal)
        loss.backward()
        assert torch.isfinite(loss).all()
        assert -signal.grad.item() == pytest.approx(min(deviations, 10.0) / sigma, rel=1e-5)


@pytest.mark.parametrize("k", [1, 3, 6])
def test_nothing_is_nan_anywhere(k):
    weight = torch.randn(3 * k, 4, generator=torch.Generator().manual_seed(3)) * 20
    model = GaussianMixture(weight.clamp(max=60), 100.0, 4000.0, 0.125)
    extremes = torch.tensor([-1e6, -500.0, 0.0, 100.0, 2000.0, 4000.0, 65535.0, 1e7])
    x, s = torch.meshgrid(extremes, extremes, indexing="ij")
    signal = s.clone().requires_grad_()
    value = model.log_likelihood(x, signal)
    value.sum().backward()
    assert torch.isfinite(value).all()
    assert torch.isfinite(signal.grad).all()
    assert torch.isfinite(model.variance(s)).all()


@pytest.mark.parametrize("k", [1, 3])
def test_result_is_float32_under_autocast(k):
    model = random_mixture(k)
    x, s = pixels(model)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = model.log_likelihood(x, s)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, model.log_likelihood(x, s))
    assert model.log_likelihood(x.bfloat16(), s.bfloat16()).dtype == torch.float32


def test_samples_have_the_moments_of_the_model():
    model = random_mixture()
    signal = torch.full((400_000,), 150.0)
    sample = model.sample(signal, torch.Generator().manual_seed(0))
    variance = model.variance(signal[:1]).item()
    assert sample.mean().item() == pytest.approx(150.0, abs=5 * math.sqrt(variance / 4e5))
    assert sample.var().item() == pytest.approx(variance, rel=0.02)


def test_samples_repeat_with_their_generator():
    model = random_mixture()
    signal = torch.rand(2, 3, 5) * 200
    first, second = (model.sample(signal, torch.Generator().manual_seed(7)) for _ in range(2))
    assert first.shape == signal.shape
    assert torch.equal(first, second)


def test_dictionary_round_trip_is_lossless_through_json():
    model = random_mixture(seed=5)
    again = GaussianMixture.from_dict(json.loads(json.dumps(model.to_dict())))
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"weight": [[1.0], [2.0]]}, "3K"),
        ({"weight": [[1.0], [float("nan")], [2.0]]}, "NaN"),
        ({"weight": [[1.0], [90.0], [2.0]]}, "log-variance"),
        ({"weight": "no"}, "numbers"),
        ({"max_signal": 10.0}, "range"),
        ({"max_signal": float("inf")}, "range"),
        ({"min_sigma": -1.0}, "min_sigma"),
        ({"min_sigma": None}, "numbers"),
    ],
)
def test_unusable_values_are_refused_by_name(change, says):
    with pytest.raises(NoiseModelError, match=says):
        GaussianMixture.from_dict({**random_mixture().to_dict(), **change})
