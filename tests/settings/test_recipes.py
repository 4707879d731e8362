from __future__ import annotations

import pytest
import torch

from napari_denoisplit.nn.families import family_of
from napari_denoisplit.settings import METHODS, RECIPES, MixSettings, TrainSettings


def n_weights(settings: TrainSettings, n_channels: int) -> int:
    loss = settings.loss or METHODS[settings.method]
    family = family_of(settings.network)
    with torch.device("meta"):
        network = family.network(family.shaped(settings.network, n_channels, loss, MixSettings()))
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("given", "n_channels", "published"),
    [
        ({}, 2, 3_002_882),
        ({"method": "musplit"}, 2, 2_991_748),
        ({"preset": "hdn"}, 1, 7_301_697),
    ],
)
def test_the_recipe_of_a_paper_has_its_network(given, n_channels, published):
    assert n_weights(TrainSettings(recipe="paper", **given), n_channels) == published


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_sets_what_it_says_and_what_is_given_comes_before_it(name):
    given = {"method": name} if name in METHODS else {"preset": name}
    settings = TrainSettings(recipe="paper", **given)
    assert settings.model_dump(include=set(RECIPES[name])) == RECIPES[name]
    other = TrainSettings(recipe="paper", learning_rate=0.5, augment=True, **given)
    assert (other.learning_rate, other.augment) == (0.5, True)
    assert TrainSettings(**settings.model_dump(mode="json")) == settings  # as a file keeps it


def test_a_small_preset_is_trained_by_the_recipe_without_its_network():
    settings = TrainSettings(recipe="paper", preset="tiny")
    assert settings.network is None
    assert (settings.optimizer, settings.epochs) == ("adamax", 400)
