from __future__ import annotations

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from napari_denoisplit.nn.gaussian import Gaussian, gaussian_kl


def variance_of(logvar: float) -> float:
    features = torch.tensor([0.0, logvar]).reshape(1, 2, 1, 1)
    return float(Gaussian.from_features(features).variance)


@pytest.mark.parametrize(
    ("logvar", "variance"),
    [(-1, 0.36787944 + 1e-6), (0, 1 + 1e-6), (3, 4 + 1e-6), (20, 21 + 1e-6), (500, 21 + 1e-6)],
)
def test_variance_is_exponential_below_zero_linear_above_and_clipped(logvar, variance):
    assert variance_of(logvar) == pytest.approx(variance, rel=1e-6)


def test_the_variance_has_a_gradient_on_both_sides_and_no_overflow():
    features = torch.zeros(1, 6, 1, 1)
    features[0, 3:, 0, 0] = torch.tensor([-80.0, 0.5, 19.0])
    features.requires_grad_()
    Gaussian.from_features(features).variance.sum().backward()
    assert torch.isfinite(features.grad).all()
    assert features.grad[0, 4:, 0, 0].tolist() == [1.0, 1.0]


def test_half_precision_features_give_float32_distributions():
    q = Gaussian.from_features(torch.zeros(1, 2, 1, 1, dtype=torch.bfloat16))
    assert q.variance.dtype == torch.float32
    assert float(q.variance) > 1


def test_kl_agrees_with_torch_distributions():
    torch.manual_seed(0)
    q, p = (Gaussian(torch.randn(2, 3, 4, 5), torch.rand(2, 3, 4, 5) + 0.1) for _ in range(2))
    expected = kl_divergence(Normal(q.mean, q.variance.sqrt()), Normal(p.mean, p.variance.sqrt()))
    torch.testing.assert_close(gaussian_kl(q, p), expected, rtol=1e-4, atol=1e-5)


def test_kl_of_a_distribution_from_itself_is_zero():
    q = Gaussian(torch.randn(5), torch.rand(5) + 0.1)
    torch.testing.assert_close(gaussian_kl(q, q), torch.zeros(5))


def test_samples_have_the_mean_and_variance_they_are_drawn_with():
    torch.manual_seed(0)
    q = Gaussian(torch.full((200_000,), 3.0), torch.full((200_000,), 4.0))
    z = q.sample(torch.randn(200_000))
    assert float(z.mean()) == pytest.approx(3, abs=0.03)
    assert float(z.var()) == pytest.approx(4, rel=0.02)
