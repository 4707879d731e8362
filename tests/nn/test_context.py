from __future__ import annotations

import pytest
import torch
from scipy.ndimage import gaussian_filter

from napari_denoisplit.errors import TrainingError
from napari_denoisplit.nn.blocks import Merge
from napari_denoisplit.nn.compute import Compute
from napari_denoisplit.nn.context import halved
from napari_denoisplit.nn.families import facts_of, network_of, sampler_of
from napari_denoisplit.settings import ContextSettings, LadderSettings, UNetSettings

CPU = Compute(torch.device("cpu"), torch.float32)
SMALL = LadderSettings(
    n_levels=3, n_filters=8, n_latents=4, context=ContextSettings(scales=4, variant="image")
)

UNET = UNetSettings(n_levels=3, n_filters=4, context=ContextSettings(scales=4))


@pytest.fixture(params=[SMALL, UNET], ids=["ladder", "unet"])
def settings(request):
    return request.param


def randomized(settings):
    """A network with batch-norm statistics that are not 0 and 1."""
    torch.manual_seed(0)
    network = network_of(settings).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
    return network


def noise_of(n_latents: int, height: int, width: int):
    """Noise that depends on the place in an image alone."""

    def noise(level, shape, corner=(0, 0)):
        generator = torch.Generator().manual_seed(level)
        size = (1, n_latents, height >> (level + 1), width >> (level + 1))
        (y, x), (n, m) = corner, shape[-2:]
        return torch.randn(size, generator=generator)[..., y : y + n, x : x + m]

    return noise


def context(scales, variant="regular", patch_size=64):
    return ContextSettings(scales=scales, variant=variant, patch_size=patch_size)


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        ({"context": context(5, "lean"), "top_prior_size": 4}, 3_657_604),
        ({"context": context(5), "top_prior_size": 64}, 4_702_084),
        ({"context": context(5)}, 3_653_764),
        ({"context": context(3), "top_prior_size": 16}, 3_567_492),
        ({"context": context(5), "n_levels": 8, "top_prior_size": 4}, 7_177_604),
        ({"context": ContextSettings(scales=5)}, 3_653_764),
    ],
)
def test_networks_with_context_have_as_many_parameters_as_published(settings, count):
    settings = LadderSettings(predict_logvar=True, **settings)
    with torch.device("meta"):
        network, merge = network_of(settings), Merge(64, 0.1)
    # The published ones also have a merge at each level that takes no context in.
    unused = settings.n_levels + 1 - settings.context.scales
    total = sum(p.numel() for p in network.parameters())
    assert total + unused * sum(p.numel() for p in merge.parameters()) == count


def test_halving_is_that_of_a_resize_with_anti_aliasing(rng):
    image = rng.normal(size=(64, 64)).astype("f4")
    blurred = gaussian_filter(image, 0.5, mode="nearest")
    expected = blurred.reshape(32, 2, 32, 2).mean(axis=(1, 3))
    found = halved(torch.from_numpy(image)[None, None])[0, 0].numpy()
    assert abs(found - expected).max() < 2e-3


def test_context_that_training_sees_is_that_of_the_whole_image(settings):
    network = randomized(settings)
    margin = settings.margin
    x = torch.randn(1, 1, 64 + 2 * margin, 32 + 2 * margin)
    with torch.no_grad():
        inside, whole = network.context.of_image(x, margin), network.context.of_image(x)
    for k, (a, b) in enumerate(zip(inside, whole, strict=True), start=1):
        assert a.shape[-2:] == (64 >> k, 32 >> k)
        edge = margin >> k
        torch.testing.assert_close(a, b[..., edge:-edge, edge:-edge], rtol=1e-4, atol=1e-5)


def test_the_folded_network_draws_what_the_network_draws():
    network = randomized(SMALL)
    x, noise = torch.randn(1, 1, 64, 96), noise_of(4, 64, 96)
    with torch.no_grad():
        expected = network.decode(network.encode(x), noise)
    sampler = sampler_of(network, CPU)
    torch.testing.assert_close(sampler.decode(sampler.encode(x), noise), expected)


def test_nothing_beyond_the_reach_is_seen(settings):
    network = randomized(settings)
    reach = facts_of(settings, torch.float32).reach
    x = torch.randn(1, 1, 16, 8 * 60)
    other = x.clone()
    other[..., -8:] += 10
    noise = noise_of(4, 16, 480)
    with torch.no_grad():
        a, b = (network.decode(network.encode(image), noise) for image in (x, other))
    changed = torch.nonzero((a - b).abs().amax(dim=(0, 1, 2)) > 0)
    assert 472 - reach <= int(changed.min()) < 472


def test_training_predicts_the_patch_and_not_its_margin(settings):
    network = randomized(settings).train()
    edge = 32 + 2 * settings.margin
    prediction = network(torch.randn(2, 1, edge, edge))
    assert prediction.signal.shape == (2, 2, 32, 32)
    (prediction.signal.square().mean() + sum(k.mean() for k in prediction.kl_per_level)).backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []
    with pytest.raises(TrainingError, match="multiples of 8 pixels, not 36x36"):
        network(torch.randn(2, 1, edge + 4, edge + 4))


def test_context_has_a_level_for_each_scale_and_a_patch_size_where_it_is_of_patches():
    with pytest.raises(ValueError, match="5 scales of context need 4 levels"):
        LadderSettings(n_levels=3, context=ContextSettings(scales=5))
    with pytest.raises(ValueError, match="7 scales of context need 6 levels, and there are 5"):
        UNetSettings(context=ContextSettings(scales=7))
    with pytest.raises(ValueError, match="patch_size belongs to"):
        ContextSettings(scales=3, variant="lean")
    with pytest.raises(ValueError, match="patch_size belongs to"):
        ContextSettings(scales=3, patch_size=64)


@pytest.mark.parametrize("variant", ["lean", "regular"])
def test_a_unet_has_no_context_of_patches(variant):
    with pytest.raises(ValueError, match=f"no context of the variant '{variant}'.*give 'image'"):
        UNetSettings(context=context(5, variant))


def test_an_autoencoder_gives_one_answer_without_any_noise():
    settings = LadderSettings(n_levels=2, n_filters=8, n_latents=4, autoencoder=True)
    network = randomized(settings)
    x = torch.randn(1, 1, 32, 32)

    def noise(*_):
        raise AssertionError("an autoencoder draws nothing")

    with torch.no_grad():
        prediction = network(x, noise)
    sampler = sampler_of(network, CPU)
    torch.testing.assert_close(sampler.decode(sampler.encode(x), noise), prediction.signal)
    assert prediction.kl_per_level == []
    assert not sampler.facts.draws
