from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from scipy import stats

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.models.kinds import noise_model_from_dict
from napari_denoisplit.noise.models.noise_model import NoiseModel
from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian

GAIN, OFFSET = 2.5, 100.0


def camera(spread: float = 1.0) -> PoissonGaussian:
    """Camera whose read noise is `spread` photons."""
    return PoissonGaussian(GAIN, OFFSET, spread * GAIN, 100.0, 4000.0)


def grid(model: PoissonGaussian, signal: float, n: int = 40_001) -> torch.Tensor:
    sigma = math.sqrt(model.variance(torch.tensor([signal])).item())
    return torch.linspace(signal - 12 * sigma, signal + 20 * sigma, n, dtype=torch.float64)


def exact(x: np.ndarray, count: float, spread: float) -> np.ndarray:
    photons = np.arange(int(count + 14 * math.sqrt(count)) + 30)
    peaks = OFFSET + GAIN * photons
    weights = stats.poisson.pmf(photons, count)
    return stats.norm.pdf(x[:, None], peaks, spread * GAIN) @ weights


@pytest.mark.parametrize("count", [-3.0, 0.0, 0.1, 1.0, 40.0, 1000.0])
@pytest.mark.parametrize("spread", [0.1, 0.5, 10.0])
def test_density_integrates_to_one_and_to_the_cumulative_distribution(count, spread):
    model = camera(spread)
    signal = OFFSET + GAIN * count
    x = grid(model, signal)
    s = torch.full_like(x, signal)
    p = model.log_likelihood(x, s).exp()
    assert torch.trapezoid(p, x).item() == pytest.approx(1.0, abs=2e-3)
    integral = torch.cumulative_trapezoid(p, x)
    assert (model.cdf(x[1:], s[1:]) - integral).abs().max().item() < (
        0.015 if spread < 0.5 else 1e-3
    )


@pytest.mark.parametrize("count", [0.0, 0.1, 1.0, 40.0])
@pytest.mark.parametrize(("spread", "apart"), [(0.5, 0.02), (1.0, 2e-3), (10.0, 1e-4)])
def test_moments_of_the_density_are_those_of_the_camera(count, spread, apart):
    model = camera(spread)
    signal = torch.tensor([OFFSET + GAIN * count], dtype=torch.float64)
    x = grid(model, signal.item())
    p = model.log_likelihood(x, signal).exp()
    variance = model.variance(signal).item()
    mean = torch.trapezoid(p * x, x).item()
    assert mean == pytest.approx(model.mean(signal).item(), abs=apart * math.sqrt(variance))
    second = torch.trapezoid(p * (x - mean) ** 2, x).item()
    assert second == pytest.approx(variance, rel=apart)
    if count > 1:
        assert variance == pytest.approx(GAIN * (signal.item() - OFFSET) + (spread * GAIN) ** 2)


@pytest.mark.parametrize("count", [0.1, 1.0, 40.0])
@pytest.mark.parametrize(("spread", "nats"), [(0.3, 0.04), (0.5, 5e-4), (1.0, 2e-5)])
def test_density_is_close_to_the_sum_over_photon_counts(count, spread, nats):
    model = camera(spread)
    signal = torch.tensor([OFFSET + GAIN * count], dtype=torch.float64)
    x = grid(model, signal.item(), 4001)
    expected = exact(x.numpy(), count, spread)
    log_ratio = np.log(expected + 1e-300) - model.log_likelihood(x, signal).numpy()
    seen = expected > 1e-12
    divergence = np.trapezoid(np.where(seen, expected * log_ratio, 0.0), x.numpy())
    assert divergence < nats


@pytest.mark.parametrize("spread", [0.1, 0.5, 3.0])
def test_slopes_are_those_of_finite_differences(spread):
    model = camera(spread).double()
    signal = torch.tensor([60.0, 101.0, 103.5, 130.0, 900.0, 3900.0], dtype=torch.float64)
    sigma = model.variance(signal).sqrt()
    for deviations in (-30.0, -4.0, -0.5, 0.01, 3.0, 40.0):
        x = (signal + deviations * sigma).requires_grad_()
        s = signal.clone().requires_grad_()
        assert torch.autograd.gradcheck(model.log_likelihood, (x, s), eps=1e-5, rtol=1e-4)


def test_float32_tells_the_same_as_float64():
    model = camera(0.5)
    signal = torch.linspace(90, 60_000, 20_001)
    x = signal + 3 * model.variance(signal).sqrt() * torch.sin(signal)
    single, double = model.log_likelihood(x, signal), model.log_likelihood(x.double(), signal)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), double, rtol=0, atol=3e-4)


def test_nothing_is_nan_anywhere():
    extremes = torch.tensor([-1e6, -500.0, 0.0, 100.0, 101.0, 2000.0, 65535.0, 1e7])
    x, s = torch.meshgrid(extremes, extremes, indexing="ij")
    for model in (camera(0.0), camera(30.0), PoissonGaussian(1e-6, 0, 5, 0, 1)):
        signal = s.clone().requires_grad_()
        value = model.log_likelihood(x, signal)
        value.sum().backward()
        for result in (value, signal.grad, model.cdf(x, s), model.variance(s)):
            assert torch.isfinite(result).all()


def test_samples_follow_the_density():
    model = camera(1.0)
    signal = torch.full((100_000,), 110.0)
    sample = model.sample(signal, torch.Generator().manual_seed(0))
    pit = model.cdf(sample, signal)
    assert stats.kstest(pit.numpy(), "uniform").statistic < 0.006
    assert torch.equal(sample, model.sample(signal, torch.Generator().manual_seed(0)))


def test_quantiles_invert_the_cumulative_distribution():
    model = camera(0.5)
    signal = torch.linspace(80, 500, 9)
    x = model.quantiles(signal, [0.01, 0.5, 0.99])
    got = model.cdf(x, signal)
    torch.testing.assert_close(
        got, torch.tensor([0.01, 0.5, 0.99])[:, None].expand_as(x), rtol=0, atol=2e-4
    )


def test_values_come_back_bit_for_bit():
    model = PoissonGaussian(0.1, 100.3, 1 / 3, 90.0, 4096.7)
    again = noise_model_from_dict(json.loads(json.dumps(model.to_dict())))
    assert isinstance(again, NoiseModel)
    assert again.to_dict() == model.to_dict()


def test_the_camera_is_told_in_words():
    model = PoissonGaussian(0.5, 100.0, 0.75, 100.0, 4000.0)
    assert model.photons_per_grey_level == 2.0
    assert model.read_noise_in_photons == 1.5
    assert "2 photons per grey level" in model.camera


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"gain": 0.0}, "gain"),
        ({"gain": math.nan}, "gain"),
        ({"offset": math.inf}, "offset"),
        ({"read_noise": -1.0}, "read noise"),
        ({"max_signal": 0.0}, "range"),
        ({"gain": None}, "numbers"),
    ],
)
def test_unusable_values_are_refused_by_name(change, says):
    with pytest.raises(NoiseModelError, match=says):
        PoissonGaussian.from_dict({**camera().to_dict(), **change})
