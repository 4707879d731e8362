from __future__ import annotations

import pytest
import torch

from napari_denoisplit.nn.unet import UNet


@pytest.fixture
def network():
    torch.manual_seed(0)
    return UNet(n_filters=4, n_levels=2)


@pytest.mark.parametrize("size", [(16, 16), (4, 24), (40, 12)])
def test_what_comes_out_has_the_size_of_what_went_in(network, size):
    assert network(torch.zeros(2, 1, *size)).shape == (2, 1, *size)


@pytest.mark.parametrize("n_levels", [1, 2, 3])
def test_a_pixel_depends_on_nothing_beyond_the_reach(n_levels):
    torch.manual_seed(0)
    network = UNet(n_filters=4, n_levels=n_levels)
    centre = 9 * network.multiple
    image = torch.randn(1, 1, 2 * centre, 2 * centre, requires_grad=True)
    result = network(image)
    distances = []
    for pixel in range(centre, centre + network.multiple):
        (gradient,) = torch.autograd.grad(result[0, 0, pixel, pixel], image, retain_graph=True)
        rows = gradient[0, 0].abs().sum(dim=1).nonzero().ravel()
        distances.append(int((rows - pixel).abs().max()))
    assert max(distances) == network.reach


def test_a_shift_by_the_multiple_shifts_the_result(network):
    image = torch.randn(1, 1, 96, 96)
    shifted = image.roll((network.multiple, network.multiple), dims=(2, 3))
    inner = (..., slice(32, 64), slice(32, 64))
    expected = network(image).roll((network.multiple, network.multiple), dims=(2, 3))
    torch.testing.assert_close(network(shifted)[inner], expected[inner])
