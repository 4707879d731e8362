from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from napari_denoisplit.nn.fast.elementwise import Elementwise, Scratch
from napari_denoisplit.nn.gaussian import Gaussian

CPU = torch.device("cpu")


@pytest.fixture
def chains() -> Elementwise:
    torch.manual_seed(0)
    return Elementwise(CPU)


def test_elu_is_torchs_in_its_unit(chains):
    # Far beyond what networks have: 2^x overflows there, and ELU does not.
    x = torch.cat([torch.linspace(-200, 200, 4001), torch.randn(4095)]).reshape(4, 253, 8)
    out = torch.empty_like(x)
    chains.elu(x * chains.unit, out)
    torch.testing.assert_close(out / chains.unit, F.elu(x), rtol=1e-6, atol=3e-7)


def test_an_affine_map_may_come_first(chains):
    x, scale, shift = torch.randn(2, 3, 4), torch.randn(4), torch.randn(4)
    out = torch.empty_like(x)
    chains.elu(x, out, scale * chains.unit, shift * chains.unit)
    torch.testing.assert_close(out / chains.unit, F.elu(x * scale + shift))


def test_what_is_not_a_number_stays_so(chains):
    out = torch.zeros(1, 1, 2)
    chains.elu(torch.tensor([[[float("nan"), 1.0]]]), out)
    assert out.isnan().tolist() == [[[True, False]]]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.bfloat16, 2e-2)])
def test_a_gate_adds_elu_times_sigmoid(chains, dtype, tolerance):
    x, a, g = torch.randn(3, 2, 5, 4).to(dtype)
    expected = x + F.elu(a) * torch.sigmoid(g)
    chains.gate(x, torch.cat([a * chains.unit, g], dim=-1))
    torch.testing.assert_close(x, expected, rtol=tolerance, atol=tolerance)


def test_latents_are_those_of_the_gaussian(chains):
    mean, logvar, noise = torch.randn(3, 4, 5, 6)
    logvar = 12 * logvar  # both sides of zero, and beyond the clamp at 20
    q = Gaussian.from_features(torch.cat([mean, logvar], -1).permute(2, 0, 1)[None])
    expected = q.sample(noise.permute(2, 0, 1)[None])[0].permute(1, 2, 0)
    out = torch.empty_like(mean)
    chains.latents(torch.cat([mean, logvar * chains.unit], -1), noise, out)
    torch.testing.assert_close(out, expected)


def test_a_buffer_is_taken_again_and_grows():
    scratch = Scratch(CPU)
    small, large = scratch.take("a", (2, 3)), scratch.take("a", (4, 5))
    assert (small.shape, large.shape) == ((2, 3), (4, 5))
    assert scratch.take("a", (5,)).data_ptr() == large.data_ptr()
    assert scratch.take("b", (5,)).data_ptr() != large.data_ptr()
