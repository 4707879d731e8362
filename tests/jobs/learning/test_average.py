from __future__ import annotations

import torch

from napari_denoisplit.jobs.learning.average import WeightAverage
from napari_denoisplit.jobs.learning.flat import FlatWeights
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.settings import LadderSettings

SMALL = LadderSettings(n_levels=1, n_filters=4, n_latents=2)


def test_the_average_of_weights_that_stand_still_is_those_weights():
    network = VSE(SMALL)
    average = WeightAverage(FlatWeights(network), decay=0.9)
    for _ in range(5):
        average.update()
    for name, value in network.state_dict().items():
        torch.testing.assert_close(average.network.state_dict()[name], value)


def test_the_average_lags_behind_weights_that_move():
    network = VSE(SMALL)
    average = WeightAverage(FlatWeights(network), decay=0.9)
    with torch.no_grad():
        for p in network.parameters():
            p.fill_(0)
        average.network.load_state_dict(network.state_dict())
        average.n_updates = 10_000
        for p in network.parameters():
            p.fill_(1)
    average.update()
    values = torch.cat([p.flatten() for p in average.network.parameters()])
    torch.testing.assert_close(values, torch.full_like(values, 0.1))


def test_no_averaging_follows_the_weights():
    network = VSE(SMALL)
    average = WeightAverage(FlatWeights(network), decay=0.0)
    with torch.no_grad():
        network.output.bias.add_(1)
    average.update()
    torch.testing.assert_close(average.network.output.bias, network.output.bias)
