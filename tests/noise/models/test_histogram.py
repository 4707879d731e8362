from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from scipy import stats

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.files.noise_file import (
    read_noise_header,
    read_noise_model,
    write_noise_model,
)
from napari_denoisplit.noise.models.histogram import HistogramNoise
from napari_denoisplit.noise.models.kinds import noise_model_from_dict
from napari_denoisplit.noise.models.noise_model import NoiseModel


def table(bins: int = 64, seen=slice(12, 48)) -> np.ndarray:
    """Table of a camera over grey levels 0 to 256, rows outside `seen` empty."""
    edges = np.linspace(0.0, 256.0, bins + 1)
    centres = 0.5 * (edges[1:] + edges[:-1])
    mass = np.diff(stats.norm.cdf(edges, centres[:, None], np.sqrt(20 + centres)[:, None]), axis=1)
    mass[mass < 1e-6] = 0.0
    mass /= mass.sum(axis=1, keepdims=True)
    rows = np.zeros((bins, 1))
    rows[seen] = 1.0
    lower, upper = (np.repeat(e[:, None], bins, axis=1) for e in (edges[:-1], edges[1:]))
    return np.stack([mass * rows, lower, upper])


@pytest.mark.parametrize("signal", [-40.0, 20.0, 50.0, 100.3, 190.0, 193.0, 400.0])
def test_density_integrates_to_one_and_to_its_moments(signal):
    model = HistogramNoise(table()).double()
    x = torch.linspace(signal - 400, signal + 400, 800_001, dtype=torch.float64)
    s = torch.full_like(x, signal)
    p = model.log_likelihood(x, s).exp()
    mean = torch.trapezoid(p * x, x).item()
    variance = torch.trapezoid(p * (x - mean) ** 2, x).item()
    assert torch.trapezoid(p, x).item() == pytest.approx(1.0, abs=2e-4)
    assert mean == pytest.approx(model.mean(s[:1]).item(), abs=0.02)
    assert mean == pytest.approx(signal, abs=1.0)
    assert variance == pytest.approx(model.variance(s[:1]).item(), rel=1e-3)
    integral = torch.cumulative_trapezoid(p, x)
    assert (model.cdf(x[1:], s[1:]) - integral).abs().max().item() < 3e-4


def test_no_pixel_is_impossible_and_none_without_a_pull():
    model = HistogramNoise(table())
    levels = torch.tensor([-1e6, -5.0, 0.0, 60.0, 128.0, 255.9, 256.0, 7e4])
    x, s = torch.meshgrid(levels, levels + 0.7, indexing="ij")
    signal = s.clone().requires_grad_()
    value = model.log_likelihood(x, signal)
    value.sum().backward()
    assert torch.isfinite(value).all()
    assert torch.isfinite(signal.grad).all()
    outlying = (x - s).abs() > 100
    assert (signal.grad[outlying] != 0).all()


def test_slope_is_that_of_finite_differences():
    model = HistogramNoise(table()).double()
    signal = torch.tensor([-3.0, 10.0, 31.0, 101.0, 200.3, 300.0], dtype=torch.float64)
    for apart in (-90.0, -7.0, 0.1, 20.0, 500.0):
        s = signal.clone().requires_grad_()
        assert torch.autograd.gradcheck(lambda v, x=signal + apart: model.log_likelihood(x, v), s)


def test_samples_follow_the_density():
    model = HistogramNoise(table())
    signal = torch.linspace(-20, 280, 100_000)
    sample = model.sample(signal, torch.Generator().manual_seed(0))
    assert stats.kstest(model.cdf(sample, signal).numpy(), "uniform").statistic < 0.006
    assert torch.equal(sample, model.sample(signal, torch.Generator().manual_seed(0)))


def test_quantiles_invert_the_cumulative_distribution():
    model = HistogramNoise(table()).double()
    signal = torch.linspace(-20, 280, 7, dtype=torch.float64)
    levels = torch.tensor([0.01, 0.5, 0.99], dtype=torch.float64)
    got = model.cdf(model.quantiles(signal, levels), signal)
    torch.testing.assert_close(got, levels[:, None].expand_as(got), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["noise.npy", "noise.npz", "noise.json"])
def test_files_keep_every_bit(name, tmp_path):
    model = HistogramNoise(table())
    write_noise_model(tmp_path / name, model)
    again = read_noise_model(tmp_path / name)
    assert isinstance(again, NoiseModel)
    assert isinstance(again, HistogramNoise)
    np.testing.assert_array_equal(again.table, model.table)
    header = read_noise_header(tmp_path / name)
    assert (header.kind, header.signal_range) == ("histogram", (48.0, 192.0))


def test_npy_is_laid_out_as_published(tmp_path):
    write_noise_model(tmp_path / "noise.npy", HistogramNoise(table()))
    values = np.load(tmp_path / "noise.npy", allow_pickle=False)
    assert (values.dtype, values.shape) == (np.float64, (3, 64, 64))
    np.testing.assert_array_equal(values, table())


def test_values_come_back_through_json():
    model = HistogramNoise(table())
    again = noise_model_from_dict(json.loads(json.dumps(model.to_dict())))
    assert again.to_dict() == model.to_dict()
    with pytest.raises(NoiseModelError, match="damaged"):
        noise_model_from_dict({**model.to_dict(), "n_bins": 65})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t[:2], "shape"),
        (lambda t: t * np.nan, "finite"),
        (lambda t: np.stack([-t[0], t[1], t[2]]), "negative"),
        (lambda t: np.stack([2 * t[0], t[1], t[2]]), "sums to"),
        (lambda t: np.stack([t[0], t[1] ** 2, t[2] ** 2]), "evenly"),
    ],
)
def test_tables_of_something_else_are_refused(change, says, tmp_path):
    np.save(tmp_path / "foreign.npy", change(table()))
    with pytest.raises(NoiseModelError, match=says) as caught:
        read_noise_model(tmp_path / "foreign.npy")
    assert "foreign.npy" in str(caught.value)
