from __future__ import annotations

import pytest
import torch

from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.settings import PRESETS, NetworkSettings

SMALL = NetworkSettings(n_channels=3, n_levels=3, n_filters=8, n_latents=4)


def noise_of(seed: int):
    generator = torch.Generator().manual_seed(seed)
    return lambda level, shape: torch.randn(shape, generator=generator)


@pytest.fixture
def network() -> VSE:
    torch.manual_seed(0)
    return VSE(SMALL).eval()


def test_the_published_network_has_3_002_882_parameters():
    published = VSE(NetworkSettings(top_prior_size=8))
    assert sum(p.numel() for p in published.parameters()) == 3_002_882


def test_parts_of_the_paper_network_have_the_published_sizes():
    network = VSE(PRESETS["paper"].network.model_copy(update={"top_prior_size": 8}))
    count = lambda module: sum(p.numel() for p in module.parameters())  # noqa: E731
    assert count(network.stem) == 74_752
    assert [count(m) for m in network.bottom_up] == [119_360] * 4
    assert [count(m) for m in network.top_down] == [669_952] * 3 + [357_248]
    assert (count(network.final), count(network.output)) == (82_432, 1_154)


def test_features_of_level_l_are_2_to_the_l_plus_1_times_smaller():
    network = VSE(PRESETS["paper"].network).eval()
    with torch.no_grad():
        features = network.encode(torch.zeros(1, 1, 128, 128))
    assert [tuple(f.shape) for f in features] == [(1, 64, n, n) for n in (64, 32, 16, 8)]


def test_kl_of_a_random_paper_network_has_the_published_magnitudes():
    torch.manual_seed(0)
    network = VSE(NetworkSettings(top_prior_size=8)).train()
    with torch.no_grad():
        prediction = network(torch.randn(2, 1, 128, 128))
    for kl, published in zip(prediction.kl_per_level, (1e4, 2e3, 6e2, 7e1), strict=True):
        assert published / 2 < float(kl.mean()) < 2 * published
    assert float(torch.stack(prediction.kl_per_level).mean(dim=1).sum()) / 128**2 == pytest.approx(
        0.8, abs=0.1
    )


def test_both_kinds_of_upsampling_have_the_same_number_of_weights():
    kinds = ("transposed", "nearest")
    counts = {
        sum(p.numel() for p in VSE(NetworkSettings(upsampling=k)).parameters()) for k in kinds
    }
    assert len(counts) == 1


@pytest.mark.parametrize("size", [(16, 16), (17, 40), (63, 9), (8, 8)])
def test_any_image_size_keeps_its_size(network, size):
    with torch.no_grad():
        prediction = network(torch.randn(2, 1, *size))
    assert prediction.signal.shape == (2, 3, *size)


def test_decoding_the_encoding_is_the_forward_pass_with_the_same_noise(network):
    x = torch.randn(1, 1, 32, 48)
    with torch.no_grad():
        whole = network(x, noise_of(1)).signal
        parts = network.decode(network.encode(x), noise_of(1))
    torch.testing.assert_close(parts, whole)


def test_levels_beyond_four_shrink_by_the_paper_factor():
    five, four = VSE(NetworkSettings(n_levels=5)), VSE(NetworkSettings(n_levels=4))
    assert [level.scale for level in four.top_down] == [1, 1, 1, 1]
    expected = [(2 * (i + 1)) ** -0.5 for i in range(5)]
    assert [level.scale for level in five.top_down] == pytest.approx(expected)


def test_a_constant_top_prior_does_not_depend_on_position(network):
    with torch.no_grad():
        top = network.top_down[-1]
        top.top_prior.normal_()
        p = top.p(None)
    assert p.mean.shape == (1, 4, 1, 1)


def test_a_position_bound_prior_is_trained_at_its_size_and_predicts_at_any():
    network = VSE(SMALL.model_copy(update={"top_prior_size": 4})).eval()
    with torch.no_grad():
        assert network(torch.zeros(1, 1, 32, 32)).signal.shape == (1, 3, 32, 32)
        with pytest.raises(ValueError, match="32x32"):
            network(torch.zeros(1, 1, 48, 48))
        features = network.encode(torch.zeros(1, 1, 48, 64))
        assert network.decode(features, noise_of(0)).shape == (1, 3, 48, 64)


def test_generation_from_the_prior_has_the_size_that_was_asked_for(network):
    with torch.no_grad():
        assert network.sample_prior(noise_of(0), 32, 16).shape == (1, 3, 32, 16)


def test_predicted_logvar_doubles_the_output_and_stays_out_of_samples():
    network = VSE(SMALL.model_copy(update={"predict_logvar": True})).eval()
    x = torch.randn(1, 1, 16, 16)
    with torch.no_grad():
        assert network(x).logvar.shape == (1, 3, 16, 16)
        assert network.decode(network.encode(x), noise_of(0)).shape == (1, 3, 16, 16)


def test_every_weight_gets_a_gradient():
    network = VSE(SMALL).train()
    prediction = network(torch.randn(2, 1, 16, 16))
    (prediction.signal.square().mean() + torch.stack(prediction.kl_per_level).mean()).backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []
