"""A network that is told how bright structures are is an ordinary one with other biases."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from napari_denoisplit.nn.compute import Compute
from napari_denoisplit.nn.families import sampler_of
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.settings import LadderSettings

SMALL = LadderSettings(n_levels=3, n_filters=8, n_latents=4, told_brightness=True)
BRIGHTNESS = (0.5, 1.5)


def zeros(level: int, shape: tuple[int, ...]) -> torch.Tensor:
    return torch.zeros(shape)


@pytest.fixture(params=["transposed", "nearest"])
def network(request) -> VSE:
    torch.manual_seed(0)
    network = VSE(SMALL.model_copy(update={"upsampling": request.param})).eval()
    torch.nn.init.normal_(network.brightness.layers[2].weight, std=0.1)
    return network


@pytest.fixture
def image() -> torch.Tensor:
    return torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_told_for_good_it_predicts_what_it_predicts_while_it_is_trained(network, image):
    factors = torch.tensor([BRIGHTNESS, BRIGHTNESS])[..., None, None]
    trained, known = network(image, zeros, factors), network.told(BRIGHTNESS)(image, zeros)
    assert_close(known.signal, trained.signal)
    assert_close(known.kl_per_level, trained.kl_per_level)
    assert not torch.allclose(known.signal, network(image, zeros).signal, atol=1e-3)


@torch.no_grad()
def test_each_patch_of_a_batch_is_told_its_own(network, image):
    factors = torch.tensor([BRIGHTNESS, BRIGHTNESS[::-1]])[..., None, None]
    both = network(image, zeros, factors).signal
    for i, brightness in enumerate((BRIGHTNESS, BRIGHTNESS[::-1])):
        assert_close(both[i], network.told(brightness)(image[i : i + 1], zeros).signal[0])


@torch.no_grad()
def test_in_the_middle_of_the_range_there_is_nothing_to_tell(network, image):
    assert_close(network.told((1.0, 1.0))(image, zeros).signal, network(image, zeros).signal)


def test_its_fast_sampler_knows_it_too(network, image):
    known = network.told(BRIGHTNESS)
    sampler = sampler_of(known, Compute.choose("cpu", "float32"))
    drawn = sampler.decode(sampler.encode(image), lambda level, shape, _: zeros(level, shape))
    with torch.no_grad():
        assert_close(drawn, known.decode(known.encode(image), zeros), atol=1e-4, rtol=1e-4)


def test_it_is_not_told_what_it_was_not_trained_for(network):
    plain = VSE(SMALL.model_copy(update={"told_brightness": False}))
    with pytest.raises(ValueError, match="cannot be told"):
        plain.told(BRIGHTNESS)
    with pytest.raises(ValueError, match="cannot be told"):
        network.told((1.0,))
