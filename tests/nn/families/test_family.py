"""Every family of networks brings what training and sampling ask for."""

from __future__ import annotations

import pytest
import torch

from napari_denoisplit.nn.compute import Compute
from napari_denoisplit.nn.families import FAMILIES, facts_of, network_of, sampler_of
from napari_denoisplit.nn.families.magnified import MagnifiedSettings
from napari_denoisplit.nn.fast.inference import FoldedVSE
from napari_denoisplit.nn.sampler import PlainSampler, multiply_adds
from napari_denoisplit.settings import (
    KINDS,
    PRESETS,
    ContextSettings,
    DenoisingUNetSettings,
    DivNoisingSettings,
    LadderSettings,
    NetworkSettings,
    SequenceSettings,
    UNetSettings,
)

COMPUTE = Compute(torch.device("cpu"), torch.float32)
SMALL: dict[str, NetworkSettings] = {
    "ladder": LadderSettings(n_levels=2, n_filters=4, n_latents=(2, 3), blocks_in_head=2),
    "unet": UNetSettings(n_levels=2, n_filters=4),
    "denoiser": DenoisingUNetSettings(n_levels=2, n_filters=4),
    "divnoising": DivNoisingSettings(n_filters=4, n_latents=6),
}
SMALL["magnified"] = MagnifiedSettings(network=SMALL["ladder"])
SMALL["sequence"] = SequenceSettings(
    denoiser=SMALL["ladder"].model_copy(update={"n_channels": 1, "autoencoder": True}),
    splitter=SMALL["ladder"],
)
SCALES = ContextSettings(scales=3)
CONTEXT: dict[str, NetworkSettings] = {
    "ladder with context": LadderSettings(n_levels=2, n_filters=4, n_latents=2, context=SCALES),
    "unet with context": UNetSettings(n_levels=2, n_filters=8, context=SCALES),
}


@pytest.fixture(params=[*FAMILIES, *CONTEXT])
def settings(request) -> NetworkSettings:
    return (SMALL | CONTEXT)[request.param]


def still(level, shape, corner=(0, 0)):
    return torch.zeros(shape)


def test_every_kind_of_settings_has_a_family():
    # A network that sees images enlarged is in no file.
    assert FAMILIES.keys() == KINDS.keys() | {"magnified"} == SMALL.keys()


def test_the_facts_describe_what_encoding_returns(settings):
    facts = facts_of(settings, torch.float32)
    sampler = sampler_of(network_of(settings), COMPUTE)
    features = sampler.encode(torch.randn(1, 1, 8 * facts.multiple, 4 * facts.multiple))
    for part, level in zip(features, facts.levels, strict=True):
        shape = (8 * facts.multiple // level.shrink, 4 * facts.multiple // level.shrink)
        assert part.shape[-2:] == shape
    out = sampler.decode(features, still)
    assert out.shape == (1, facts.n_channels, 8 * facts.multiple, 4 * facts.multiple)


def test_what_lies_beyond_the_reach_does_not_matter(settings):
    torch.manual_seed(0)
    network, facts = network_of(settings).eval(), facts_of(settings, torch.float32)
    edge = (2 * (facts.reach // facts.multiple) + 5) * facts.multiple
    x = torch.randn(1, 1, edge, edge, requires_grad=True)
    middle = edge // 2
    network.decode(network.encode(x), still)[..., middle, middle].sum().backward()
    rows = x.grad[0, 0].abs().sum(dim=1).nonzero()
    assert rows.min() >= middle - facts.reach
    assert rows.max() <= middle + facts.reach
    assert middle - rows.min() > facts.reach / 2  # nor is it far more than it needs


def test_the_plain_network_and_the_sampler_draw_the_same(settings):
    torch.manual_seed(0)
    network, facts = network_of(settings).eval(), facts_of(settings, torch.float32)
    plain, fast = PlainSampler(network, facts, COMPUTE), sampler_of(network, COMPUTE)
    x = torch.randn(1, 1, 16 * facts.multiple, 16 * facts.multiple)
    # Three samples at once of features that are there once.
    generators = [torch.Generator().manual_seed(1) for _ in range(2)]
    plain_sample, fast_sample = (
        sampler.decode(
            sampler.encode(x),
            lambda level, shape, _, source=source: torch.randn((3, *shape[1:]), generator=source),
        )
        for sampler, source in zip((plain, fast), generators, strict=True)
    )
    torch.testing.assert_close(fast_sample, plain_sample, rtol=1e-4, atol=1e-5)


def test_the_ladder_is_sampled_by_its_folded_form():
    assert isinstance(sampler_of(network_of(SMALL["ladder"]), COMPUTE), FoldedVSE)


def test_products_are_those_of_the_published_network():
    settings = PRESETS["large"].network
    encode, draw = multiply_adds(network_of(settings).eval(), facts_of(settings, torch.float32))
    # 8.17 G for a patch of 128 x 128 pixels, a tenth of it for the priors, which no sample needs.
    assert (encode + draw) * 128**2 == pytest.approx(0.903 * 8.17e9, rel=0.01)
    assert encode * 128**2 == pytest.approx(0.228 * 8.17e9, rel=0.01)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_memory_is_told_per_pixel(settings, dtype):
    facts = facts_of(settings, dtype)
    kept = sum(
        part.nbytes
        for part in sampler_of(network_of(settings), Compute(COMPUTE.device, dtype)).encode(
            torch.zeros(1, 1, 64, 64)
        )
    )
    assert kept / 64**2 == pytest.approx(facts.kept_bytes, rel=0.5)
    assert facts.working_bytes > facts.kept_bytes
