from __future__ import annotations

import math

import pytest
import torch

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.models.gaussian_mixture import GaussianMixture
from napari_denoisplit.noise.models.kinds import noise_model_from_dict
from napari_denoisplit.verdict import NoiseRecord, Verdict

RECORD = NoiseRecord(
    name="nuclei", source="repeats", verdict=Verdict(grade="good", reasons=("It fits.",))
)


def mixture() -> GaussianMixture:
    weight = torch.randn(9, 2, generator=torch.Generator().manual_seed(0))
    weight[3:6] += 3
    return GaussianMixture(weight, 10.0, 210.0, 1.0)


def test_quantiles_invert_the_cumulative_distribution():
    model = mixture()
    signal = torch.linspace(-20, 300, 12, dtype=torch.float64).reshape(3, 4)
    levels = [1e-4, 0.025, 0.5, 0.9, 0.9999]
    x = model.quantiles(signal, levels)
    assert x.shape == (5, 3, 4)
    expected = torch.tensor(levels, dtype=torch.float64).reshape(5, 1, 1).expand_as(x)
    torch.testing.assert_close(model.cdf(x, signal), expected, rtol=0, atol=1e-9)


def test_quantiles_of_one_gaussian_are_known():
    model = GaussianMixture(torch.tensor([[0.0], [math.log(25.0)], [0.0]]), 0.0, 100.0, 1e-3)
    got = model.quantiles(torch.tensor([1000.0]), [0.1586553])
    assert got.dtype == torch.float32
    assert got.item() == pytest.approx(995.0, abs=5e-4)


@pytest.mark.parametrize("level", [0.0, 1.0, -0.2, float("nan")])
def test_levels_that_are_no_probabilities_are_refused(level):
    with pytest.raises(NoiseModelError, match="levels"):
        mixture().quantiles(torch.zeros(1), [0.5, level])


def test_a_record_comes_with_a_copy_and_leaves_the_model_alone():
    model = mixture()
    other = model.with_record(RECORD)
    assert other.record == RECORD
    assert model.record == NoiseRecord()
    assert "record" not in model.to_dict()
    again = noise_model_from_dict(other.to_dict())
    assert again.record == RECORD
    assert again.to_dict() == other.to_dict()


def test_a_record_of_something_else_is_refused():
    with pytest.raises(NoiseModelError, match="record"):
        noise_model_from_dict({**mixture().to_dict(), "record": {"source": "hearsay"}})


def test_figures_that_json_does_not_know_are_left_out():
    verdict = Verdict(grade="usable", reasons=(), figures={"a": 1.0, "b": math.inf})
    values = mixture().with_record(NoiseRecord(verdict=verdict)).to_dict()
    assert values["record"]["verdict"]["figures"] == {"a": 1.0}
