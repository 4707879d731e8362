from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from napari_denoisplit.nn.fast import convolution
from napari_denoisplit.nn.fast.convolution import Convolution, RowWinograd, some_rows
from napari_denoisplit.nn.fast.elementwise import Scratch

CPU = torch.device("cpu")


def relu(rows: torch.Tensor, out: torch.Tensor) -> None:
    out.copy_(rows.relu())


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(convolution, "CHUNK", 12 * 40 * 6)
    monkeypatch.setattr(convolution, "ENOUGH", 1)


@pytest.fixture
def weights() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(5, 6, 3, 3), torch.randn(5)


def expected(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    maps = x.double().permute(0, 3, 1, 2)
    return F.conv2d(maps, weight.double(), bias.double(), padding=1).permute(0, 2, 3, 1).float()


@pytest.mark.parametrize("activation", [None, relu])
@pytest.mark.parametrize("height", [4, 12, 40, 30])  # within a chunk, of several, not by fours
def test_winograd_is_the_convolution(weights, height, activation):
    x = torch.randn(2, height, 40, 6)
    y = RowWinograd(*weights, Scratch(CPU))(x, activation)
    exact = expected(x if activation is None else x.relu(), *weights)
    assert float((y - exact).norm() / exact.norm()) < 2e-6


@pytest.mark.parametrize("activation", [None, relu])
def test_a_convolution_is_of_the_activated_maps(weights, activation):
    x = torch.randn(2, 30, 40, 6)
    y = Convolution(*weights, torch.float32)(x, activation)
    torch.testing.assert_close(y, expected(x if activation is None else x.relu(), *weights))


def test_a_stride_halves_the_size(weights):
    x = torch.randn(1, 8, 12, 6)
    y = Convolution(*weights, torch.float32, stride=2)(x)
    torch.testing.assert_close(y, expected(x, *weights)[:, ::2, ::2])


def test_chunks_of_rows_cover_an_image_once():
    image = torch.empty(50, 40, 6)
    chunks = list(some_rows(image, 4))
    assert [row for c in chunks for row in range(50)[c]] == list(range(50))
    assert {(c.stop - c.start) % 4 for c in chunks[:-1]} == {0}
