from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_denoisplit.sampling.moments import Moments

CPU = torch.device("cpu")


def moments_of(samples: torch.Tensor, *, antithetic: bool = False) -> Moments:
    moments = Moments(tuple(samples.shape[1:]), CPU, antithetic=antithetic)
    for sample in samples:
        moments.add(sample)
    return moments


SAMPLES = arrays(
    np.float32,
    st.tuples(st.integers(2, 12), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4)),
    elements=st.floats(-1000, 1000, width=32),
)


@given(SAMPLES)
def test_running_moments_are_those_of_all_samples(pixels):
    samples = torch.from_numpy(pixels)
    moments = moments_of(samples)
    exact = samples.double()
    near = {"rtol": 1e-4, "atol": 1e-2}  # of pixels up to a thousand, in float32
    torch.testing.assert_close(moments.mean.double(), exact.mean(dim=0), **near)
    torch.testing.assert_close(moments.std.double(), exact.std(dim=0), **near)
    error = (exact.var(dim=0) / len(exact)).mean(dim=(-2, -1)).sqrt()
    torch.testing.assert_close(moments.error, error, **near)


@given(SAMPLES, st.booleans(), st.floats(-1000, 1000, width=32), st.sampled_from([-2.0, 0.5, 4.0]))
def test_moments_follow_a_change_of_unit(pixels, antithetic, offset, factor):
    samples = torch.from_numpy(pixels)
    here = moments_of(samples, antithetic=antithetic)
    there = moments_of(factor * samples + offset, antithetic=antithetic)
    near = {"rtol": 1e-3, "atol": 1e-1}
    torch.testing.assert_close(there.mean, factor * here.mean + offset, **near)
    torch.testing.assert_close(there.std, abs(factor) * here.std, **near)
    torch.testing.assert_close(there.error, abs(factor) * here.error, **near)


def test_one_sample_has_no_spread():
    assert float(moments_of(torch.randn(1, 2, 3, 3)).std.abs().max()) == 0


def test_a_small_spread_on_a_high_background_is_not_lost():
    torch.manual_seed(0)
    samples = 30_000 + 30 * torch.randn(1000, 1, 8, 8)
    expected = samples.double().std(dim=0).float()
    torch.testing.assert_close(moments_of(samples).std, expected, rtol=1e-3, atol=0)


def couples(n: int) -> list[tuple[int, int]]:
    """Pairs i < j of independent samples, where 2j and 2j + 1 are mirrored."""
    return [(i, j) for i, j in itertools.combinations(range(n), 2) if i // 2 != j // 2]


def mirrored(n: int, shape: tuple[int, ...], even: float) -> torch.Tensor:
    """n samples of unit variance, of which the share `even` is common to both of a pair."""
    odd_part, even_part = torch.randn(2, n // 2 + 1, *shape)
    pairs = even**0.5 * even_part, (1 - even) ** 0.5 * odd_part
    samples = torch.stack([pairs[0] + pairs[1], pairs[0] - pairs[1]], dim=1).flatten(0, 1)
    return 5 + samples[:n]


@pytest.mark.parametrize("n", [3, 4, 5, 8, 11])
def test_the_spread_is_that_of_the_independent_couples_among_mirrored_samples(n):
    torch.manual_seed(0)
    samples = torch.randn(n, 2, 5, 7)
    moments = moments_of(samples, antithetic=True)
    halves = [(samples[i] - samples[j]) ** 2 / 2 for i, j in couples(n)]
    torch.testing.assert_close(moments.mean, samples.mean(dim=0))
    torch.testing.assert_close(moments.std, torch.stack(halves).mean(dim=0).sqrt())


@pytest.mark.parametrize("n", [6, 20])
def test_complete_pairs_give_the_variance_within_and_between_them(n):
    torch.manual_seed(0)
    samples = torch.randn(n, 2, 5, 7)
    moments = moments_of(samples, antithetic=True)
    a, b = samples[0::2], samples[1::2]
    between = ((a + b) / 2).var(dim=0)
    torch.testing.assert_close(moments.std**2, ((a - b) ** 2).mean(dim=0) / 4 + between)
    torch.testing.assert_close(
        moments.error, (between / (n / 2)).mean(dim=(-2, -1)).sqrt().double(), rtol=1e-4, atol=0
    )


@pytest.mark.parametrize("even", [0.0, 0.1, 0.7])
@pytest.mark.parametrize("n", [3, 4, 7])
def test_spread_and_error_of_mirrored_samples_have_no_bias(even, n):
    torch.manual_seed(0)
    moments = moments_of(mirrored(n, (1, 400, 400), even), antithetic=True)
    assert float(moments.std.square().mean()) == pytest.approx(1, abs=0.02)
    expected = float((moments.mean - 5).square().mean())
    assert float(moments.error) ** 2 == pytest.approx(expected, abs=0.01)


def test_half_the_difference_is_all_that_a_single_pair_tells():
    torch.manual_seed(0)
    a, b = torch.randn(2, 1, 4, 4)
    moments = moments_of(torch.stack([a, b]), antithetic=True)
    torch.testing.assert_close(moments.std, (a - b).abs() / 2)
    assert torch.isinf(moments.error).all()
