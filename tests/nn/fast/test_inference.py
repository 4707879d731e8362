from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_denoisplit.nn.compute import Compute
from napari_denoisplit.nn.families import sampler_of
from napari_denoisplit.nn.fast import convolution, field_of_view, folded_blocks
from napari_denoisplit.nn.fast.elementwise import Elementwise
from napari_denoisplit.nn.fast.field_of_view import Window
from napari_denoisplit.nn.fast.inference import FoldedVSE
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.settings import LadderSettings

CPU = torch.device("cpu")
SMALL = LadderSettings(n_levels=3, n_filters=8, n_latents=4)
VARIANTS = [
    *({"n_levels": n} for n in range(1, 7)),
    {"upsampling": "nearest"},
    {"blocks_per_level": 2, "upsampling": "nearest"},
    {"blocks_per_level": 3},
    {"predict_logvar": True, "n_channels": 3},
    {"top_prior_size": 8},
    {"stem_kernel": 5},
    {"blocks_in_head": 3},
    {"variance": "exp"},
    {"levels_off": (0, 1)},
    {"n_latents": (6, 2, 4)},
    *({"n_levels": 5, "level_factor": factor} for factor in ("none", "times", "divided")),
    {"n_channels": 1, "blocks_per_level": 2, "blocks_in_head": 2, "stem_kernel": 5},
]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    # Small maps, yet cut into rows and convolved as large ones are.
    monkeypatch.setattr(convolution, "CHUNK", 2**13)
    monkeypatch.setattr(folded_blocks, "STRIP", 1)
    monkeypatch.setattr(convolution, "ENOUGH", 1)


def trained_like(settings: LadderSettings) -> VSE:
    """Make a network whose batch norms have statistics of their own, as after training."""
    torch.manual_seed(0)
    network = VSE(settings).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
    return network


def noise_of(seed: int):
    generator = torch.Generator().manual_seed(seed)
    return lambda level, shape, corner=None: torch.randn(shape, generator=generator)


def sample(network: VSE | FoldedVSE, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return network.decode(network.encode(x), noise_of(1))


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_the_folded_network_draws_the_same_samples(variant):
    network = trained_like(SMALL.model_copy(update=variant))
    x = torch.randn(2, 1, 64, 128)
    expected = sample(network, x)
    folded = sample(sampler_of(network, Compute(CPU, torch.float32)), x)
    assert folded.shape == expected.shape
    assert float((folded - expected).abs().max() / expected.abs().max()) < 1e-5


class AsOnGpu(Elementwise):
    """The chains of a device that has a fast ELU of its own."""

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        self.on_cpu, self.unit = False, 1.0


def test_the_way_of_other_devices_draws_the_same_samples(monkeypatch):
    monkeypatch.setattr(folded_blocks, "Elementwise", AsOnGpu)
    network = trained_like(SMALL)
    x = torch.randn(1, 1, 64, 64)
    folded = sample(sampler_of(network, Compute(CPU, torch.float32)), x)
    torch.testing.assert_close(folded, sample(network, x), rtol=1e-5, atol=1e-5)


def test_bfloat16_costs_less_than_a_fiftieth_of_a_decibel():
    network = trained_like(LadderSettings(n_filters=32, n_latents=16))
    x = torch.randn(1, 1, 128, 128)
    exact = sample(network, x)
    rough = sample(sampler_of(network, Compute(CPU, torch.bfloat16)), x)
    # A truth that the exact sample misses by 32 dB of its range, as samples of real images do.
    error = torch.randn_like(exact) * (exact.max() - exact.min()) * 10 ** (-32 / 20)
    loss = 10 * torch.log10((rough - exact + error).square().mean() / error.square().mean())
    assert abs(float(loss)) < 0.02


def test_training_may_go_on_beside_it():
    network = trained_like(SMALL)
    x = torch.randn(1, 1, 32, 32)
    folded = sampler_of(network, Compute(CPU, torch.float32))
    before = sample(folded, x)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
    torch.testing.assert_close(sample(folded, x), before, rtol=0, atol=0)


def test_encoding_is_not_used_up_by_a_sample():
    folded = sampler_of(trained_like(SMALL), Compute(CPU, torch.float32))
    prepared = folded.encode(torch.randn(1, 1, 32, 32))
    first, second = (folded.decode(prepared, noise_of(2)) for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)


def field_noise(shapes: list[tuple[int, ...]], asked: list[int]):
    """Noise that belongs to a place; notes how many positions were asked for."""
    generator = torch.Generator().manual_seed(5)
    fields = [torch.randn(shape, generator=generator) for shape in shapes]

    def noise(level, shape, corner):
        (y, x), (height, width) = corner, shape[-2:]
        asked.append(height * width)
        return fields[level][:, :, y : y + height, x : x + width]

    return noise


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_a_part_of_a_sample_costs_less_and_is_the_same(variant, monkeypatch):
    monkeypatch.setattr(field_of_view, "ALIGNED", 1)  # no more than is needed
    settings = SMALL.model_copy(update=variant)
    folded = sampler_of(trained_like(settings), Compute(CPU, torch.float32))
    prepared = folded.encode(torch.randn(1, 1, 256, 64))
    latents = settings.latents_per_level
    shapes = [(1, z, *p.shape[-2:]) for z, p in zip(latents, prepared, strict=True)]
    all_asked = []
    whole = folded.decode(prepared, field_noise(shapes, all_asked))
    for y in ((0, 8), (101, 131), (250, 256)):
        wanted, asked = Window(y, (40, 52)), []
        part = folded.decode(prepared, field_noise(shapes, asked), wanted)
        torch.testing.assert_close(part, whole[(..., *wanted.slices)], rtol=1e-4, atol=1e-5)
        assert sum(asked) < sum(all_asked)
