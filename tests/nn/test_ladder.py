from __future__ import annotations

import pytest
import torch

from napari_denoisplit.nn.families import facts_of
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.settings import PRESETS, LadderSettings

SMALL = LadderSettings(n_channels=3, n_levels=3, n_filters=8, n_latents=4)


def noise_of(seed: int):
    generator = torch.Generator().manual_seed(seed)
    return lambda level, shape: torch.randn(shape, generator=generator)


@pytest.fixture
def network() -> VSE:
    torch.manual_seed(0)
    return VSE(SMALL).eval()


def test_the_published_network_has_3_002_882_parameters():
    published = VSE(LadderSettings(top_prior_size=8))
    assert sum(p.numel() for p in published.parameters()) == 3_002_882


HDN = {"n_channels": 1, "n_levels": 6, "n_latents": 32, "blocks_per_level": 5, "blocks_in_head": 5}


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        # Hierarchical DivNoising, patch 64: as published, and with half the filters.
        ({**HDN, "n_filters": 64, "stem_kernel": 5, "top_prior_size": 1}, 7_301_697),
        ({**HDN, "n_filters": 32, "stem_kernel": 5, "top_prior_size": 1}, 1_965_729),
        # denoiSplit's baseline of it, patch 128.
        ({**HDN, "n_filters": 32, "top_prior_size": 2}, 1_965_409),
        # muSplit without context, and careamics, patch 64, two channels with log-variance.
        ({"top_prior_size": 4, "predict_logvar": True}, 2_991_748),
        ({"top_prior_size": 4}, 2_990_594),
    ],
)
def test_published_relatives_have_as_many_parameters(settings, count):
    network = VSE(LadderSettings(**settings))
    assert sum(p.numel() for p in network.parameters()) == count


def test_the_preset_hdn_is_the_published_network_with_half_the_filters():
    hdn = PRESETS["hdn"].network
    assert hdn.variance == "exp"
    assert hdn.dropout == 0.2
    counts = {
        n: sum(p.numel() for p in VSE(hdn.model_copy(update={"n_filters": n})).parameters())
        for n in (hdn.n_filters, 64)
    }
    assert counts == {32: 1_965_729, 64: 7_301_697}


def test_a_level_that_is_off_sees_nothing_of_the_image_and_draws_nothing():
    settings = SMALL.model_copy(update={"levels_off": (0, 1)})
    network = VSE(settings).eval()
    x = torch.randn(1, 1, 32, 32)
    asked = []

    def noise(level, shape):
        asked.append(level)
        return torch.zeros(shape)

    with torch.no_grad():
        features = network.encode(x)
        sample = network.decode(features, noise)
        others = [torch.randn_like(f) for f in features[:2]]
        torch.testing.assert_close(network.decode([*others, features[2]], noise), sample)
        assert not torch.equal(network.decode([*features[:2], -features[2]], noise), sample)
    assert set(asked) == {2}
    assert [level.n_latents for level in facts_of(settings, torch.float32).levels] == [0, 0, 4]
    terms = network.train()(x)
    assert all(float(kl.detach()) > 0 for kl in terms.kl_per_level)  # in training, as published
    with pytest.raises(ValueError, match="the top is all that is left"):
        LadderSettings(n_levels=3, levels_off=(2,))


def test_levels_may_have_different_numbers_of_latents():
    network = VSE(LadderSettings(n_levels=3, n_filters=8, n_latents=(2, 3, 5))).eval()
    asked = []

    def noise(level, shape):
        asked.append((level, shape[1]))
        return torch.zeros(shape)

    with torch.no_grad():
        network.decode(network.encode(torch.zeros(1, 1, 16, 16)), noise)
    assert asked == [(2, 5), (1, 3), (0, 2)]
    with pytest.raises(ValueError, match="2 numbers of latent maps for 3 levels"):
        LadderSettings(n_levels=3, n_latents=(2, 3))


def test_parts_of_the_paper_network_have_the_published_sizes():
    network = VSE(PRESETS["large"].network.model_copy(update={"top_prior_size": 8}))
    count = lambda module: sum(p.numel() for p in module.parameters())  # noqa: E731
    assert count(network.stem) == 74_752
    assert [count(m) for m in network.bottom_up] == [119_360] * 4
    assert [count(m) for m in network.top_down] == [669_952] * 3 + [357_248]
    assert (count(network.final), count(network.output)) == (82_432, 1_154)


def test_features_of_level_l_are_2_to_the_l_plus_1_times_smaller():
    network = VSE(PRESETS["large"].network).eval()
    with torch.no_grad():
        features = network.encode(torch.zeros(1, 1, 128, 128))
    assert [tuple(f.shape) for f in features] == [(1, 64, n, n) for n in (64, 32, 16, 8)]


def test_kl_of_a_random_paper_network_has_the_published_magnitudes():
    torch.manual_seed(0)
    network = VSE(LadderSettings(top_prior_size=8)).train()
    with torch.no_grad():
        prediction = network(torch.randn(2, 1, 128, 128))
    for kl, published in zip(prediction.kl_per_level, (1e4, 2e3, 6e2, 7e1), strict=True):
        assert published / 2 < float(kl.mean()) < 2 * published
    assert float(torch.stack(prediction.kl_per_level).mean(dim=1).sum()) / 128**2 == pytest.approx(
        0.8, abs=0.1
    )


def test_both_kinds_of_upsampling_have_the_same_number_of_weights():
    kinds = ("transposed", "nearest")
    counts = {sum(p.numel() for p in VSE(LadderSettings(upsampling=k)).parameters()) for k in kinds}
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


@pytest.mark.parametrize(("factor", "power"), [("none", 0), ("times", 0.5), ("divided", -0.5)])
def test_the_factor_of_the_posterior_is_for_more_than_four_levels(factor, power):
    four, five = (
        VSE(LadderSettings(n_levels=n, n_filters=4, n_latents=2, level_factor=factor))
        for n in (4, 5)
    )
    assert [level.scale for level in four.top_down] == [1, 1, 1, 1]
    expected = [(2 * (i + 1)) ** power for i in range(5)]
    assert [level.scale for level in five.top_down] == pytest.approx(expected)


def test_the_factor_is_that_of_the_published_code_unless_another_is_asked_for():
    assert LadderSettings().level_factor == "times"


def test_a_constant_top_prior_does_not_depend_on_position(network):
    with torch.no_grad():
        top = network.top_down[-1]
        top.top_prior.normal_()
        p = top.p(None, (3, 5))
    assert p.mean.shape == (1, 4, 1, 1)


BOUND = SMALL.model_copy(update={"top_prior_size": 4})


def test_a_position_bound_prior_is_trained_on_patches_of_its_size():
    network = VSE(BOUND).train()
    prediction = network(torch.randn(2, 1, 32, 32))
    torch.stack(prediction.kl_per_level).sum().backward()
    assert network.top_down[-1].top_prior.grad.abs().min() > 0
    with pytest.raises(ValueError, match="32x32"):
        network(torch.zeros(1, 1, 48, 48))


@pytest.mark.parametrize("shape", [(4, 4), (8, 12), (6, 3)])
def test_a_position_bound_prior_is_repeated_over_larger_images(shape):
    network = VSE(BOUND).eval()
    with torch.no_grad():
        top = network.top_down[-1]
        top.top_prior.normal_()
        mean = top.p(None, shape).mean
    assert mean.shape == (1, 4, *shape)
    for y in range(shape[0]):
        for x in range(shape[1]):
            torch.testing.assert_close(mean[..., y, x], top.top_prior[:, :4, y % 4, x % 4])


def test_an_image_larger_than_the_patches_of_a_position_bound_prior_is_validated():
    network = VSE(BOUND).eval()
    with torch.no_grad():
        prediction = network(torch.randn(1, 1, 50, 70))
        features = network.encode(torch.zeros(1, 1, 48, 64))
        assert network.decode(features, noise_of(0)).shape == (1, 3, 48, 64)
    assert prediction.signal.shape == (1, 3, 50, 70)
    assert all(torch.isfinite(kl).all() for kl in prediction.kl_per_level)


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
