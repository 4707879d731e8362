from __future__ import annotations

import copy

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


def test_a_step_of_the_vector_is_a_step_of_every_weight(network):
    other = copy.deepcopy(network)
    flat = FlatWeights(network)
    optimizer = torch.optim.Adamax([flat.vector])
    each = torch.optim.Adamax(other.parameters())
    for seed in range(3):
        torch.manual_seed(seed)
        x = torch.randn(2, 2, 8, 8)
        for one in (network, other):
            one.zero_grad()
            one(x).square().mean().backward()
        flat.take_gradient()
        optimizer.step()
        each.step()
    for a, b in zip(network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_weights_without_gradient_stay_what_they_are(network):
    network.requires_grad_(requires_grad=False)
    network[2].bias.requires_grad_()
    flat = FlatWeights(network)
    before = flat.vector.clone()
    network(torch.randn(2, 2, 8, 8)).sum().backward()
    flat.take_gradient()
    torch.optim.Adamax([flat.vector]).step()
    assert (flat.vector != before).nonzero().flatten().tolist() == [len(before) - 1]


def test_joining_undoes_splitting_and_refuses_what_does_not_fit(network):
    flat = FlatWeights(network)
    vector = torch.randn_like(flat.vector)
    parts = dict(enumerate(flat.split(vector)))
    assert torch.equal(flat.joined(parts), vector)
    del parts[1]
    assert not flat.split(flat.joined(parts))[1].any()
    with pytest.raises(ValueError, match="weight 0 has shape"):
        flat.joined({0: torch.zeros(5)})
    with pytest.raises(ValueError, match="7 weights for 6"):
        flat.joined({6: torch.zeros(1)})
