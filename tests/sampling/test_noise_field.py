from __future__ import annotations

import pytest
import torch

from napari_denoisplit.sampling.noise_field import BLOCK, NoiseField

CPU = torch.device("cpu")


def field(seed: int = 0, plane: int = 0, sample: int = 0, **kwargs) -> NoiseField:
    return NoiseField(seed, plane, sample, (3, 3, 3), CPU, **kwargs)


def test_a_window_is_a_cut_of_any_larger_window():
    whole = field().window(1, 0, 0, 3 * BLOCK, 2 * BLOCK)
    y, x, height, width = BLOCK - 5, 7, BLOCK + 20, BLOCK + 9
    part = field().window(1, y, x, height, width)
    torch.testing.assert_close(part, whole[..., y : y + height, x : x + width], rtol=0, atol=0)


def test_the_field_does_not_depend_on_the_order_of_reading():
    first = field()
    first.window(0, 200, 200, 10, 10)
    torch.testing.assert_close(
        first.window(0, 0, 0, 10, 10), field().window(0, 0, 0, 10, 10), rtol=0, atol=0
    )


def test_the_field_does_not_depend_on_the_number_of_threads(monkeypatch):
    windows = []
    for n_threads in (1, 3):
        monkeypatch.setattr(torch, "get_num_threads", lambda n=n_threads: n)
        windows.append(field().window(0, 30, 40, 200, 150))
    torch.testing.assert_close(*windows, rtol=0, atol=0)


@pytest.mark.parametrize("other", [field(seed=1), field(plane=1), field(sample=1)])
def test_seed_plane_and_sample_name_unrelated_fields(other):
    a, b = (f.window(0, 0, 0, 128, 128).flatten() for f in (field(), other))
    assert abs(float(torch.corrcoef(torch.stack([a, b]))[0, 1])) < 0.02


def test_levels_and_blocks_are_unrelated():
    windows = [field().window(level, y, 0, BLOCK, BLOCK) for level in (0, 1) for y in (0, BLOCK)]
    correlation = torch.corrcoef(torch.stack([w.flatten() for w in windows]))
    assert float((correlation - torch.eye(4)).abs().max()) < 0.04


def test_an_antithetic_field_is_minus_the_one_before_it():
    plain, first, second, third = (
        f.window(1, 20, 50, 90, 70)
        for f in (field(sample=6), *(field(sample=k, antithetic=True) for k in (6, 7, 8)))
    )
    torch.testing.assert_close(first, plain, rtol=0, atol=0)
    torch.testing.assert_close(second, -first, rtol=0, atol=0)
    assert abs(float((first * third).mean())) < 0.02


def test_values_are_standard_normal():
    values = field().window(0, 0, 0, 256, 256).flatten()
    assert abs(float(values.mean())) < 0.01
    assert float(values.std()) == pytest.approx(1, abs=0.01)
    assert float((values.abs() < 1).float().mean()) == pytest.approx(0.6827, abs=0.005)
