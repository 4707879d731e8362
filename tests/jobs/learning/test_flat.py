from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_denoisplit.jobs.learning.flat import FlatWeights


@pytest.fixture
def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Conv2d(3, 1, 1))


def test_what_happens_to_the_vector_happens_to_the_network(network):
    before = [p.detach().clone() for p in network.parameters()]
    flat = FlatWeights(network)
    flat.vector.mul_(2)
    for now, then in zip(network.parameters(), before, strict=True):
        assert torch.equal(now, 2 * then)
    network.load_state_dict({k: torch.zeros_like(v) for k, v in network.state_dict().items()})
    assert not flat.vector.any()


def test_the_gradient_is_joined_in_the_order_of_the_vector(network):
    flat = FlatWeights(network)
    network(torch.randn(2, 2, 8, 8)).square().mean().backward()
    before = [p.detach().clone() for p in network.parameters()]
    flat.vector.sub_(flat.gradient())
    for now, then in zip(network.parameters(), before, strict=True):
        assert torch.equal(now, then - now.grad)


def test_weights_without_gradient_have_a_gradient_of_zero(network):
    network.requires_grad_(requires_grad=False)
    network[2].bias.requires_grad_()
    flat = FlatWeights(network)
    network(torch.randn(2, 2, 8, 8)).sum().backward()
    assert flat.gradient().nonzero().flatten().tolist() == [len(flat.vector) - 1]
