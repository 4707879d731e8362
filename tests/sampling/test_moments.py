from __future__ import annotations

import torch

from napari_denoisplit.sampling.moments import Moments

CPU = torch.device("cpu")


def moments_of(samples: torch.Tensor) -> Moments:
    moments = Moments(tuple(samples.shape[1:]), CPU)
    for sample in samples:
        moments.add(sample)
    return moments


def test_running_moments_are_those_of_all_samples():
    torch.manual_seed(0)
    samples = torch.randn(20, 2, 5, 7)
    moments = moments_of(samples)
    torch.testing.assert_close(moments.mean, samples.mean(dim=0))
    torch.testing.assert_close(moments.std, samples.std(dim=0))


def test_one_sample_has_no_spread():
    assert float(moments_of(torch.randn(1, 2, 3, 3)).std.abs().max()) == 0


def test_a_small_spread_on_a_high_background_is_not_lost():
    torch.manual_seed(0)
    samples = 30_000 + 30 * torch.randn(1000, 1, 8, 8)
    expected = samples.double().std(dim=0).float()
    torch.testing.assert_close(moments_of(samples).std, expected, rtol=1e-3, atol=0)
