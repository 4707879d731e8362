"""Residual blocks of the ladder, and the two ways to change the size between its levels.

Also what a block cannot learn from small patches (`zero_unseen_taps`).

Letters: B batch, H feature maps, Y, X pixels of the level.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Literal

import torch
import torch.nn.functional as F
from torch import nn

from napari_denoisplit.giving_up import look

if TYPE_CHECKING:
    from torch import Tensor


class Gate(nn.Module):
    """ELU(a) * sigmoid(g), with a and g from one 1x1 convolution."""

    def __init__(self, n_filters: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_filters, 2 * n_filters, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, Y, X) -> (B, H, Y, X)."""
        a, g = self.conv(x).chunk(2, dim=1)
        return F.elu(a) * torch.sigmoid(g)


class ResidualBlock(nn.Module):
    """x + f(x), with f = two times (batch norm, ELU, 3x3 convolution, dropout), then a gate.

    Pre-activation blocks of the ladder VAE used by denoiSplit (arXiv:2403.11854, supplement).
    """

    def __init__(self, n_filters: int, dropout: float, *, gated: bool = True) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(n_filters)
        self.conv1 = nn.Conv2d(n_filters, n_filters, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(n_filters)
        self.conv2 = nn.Conv2d(n_filters, n_filters, 3, padding=1)
        self.dropout = nn.Dropout2d(dropout)
        self.gate = Gate(n_filters) if gated else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, Y, X) -> (B, H, Y, X)."""
        look()
        # In place: batch norm needs its input again for the gradient, never its output.
        h = self.dropout(self.conv1(F.elu(self.norm1(x), inplace=True)))
        h = self.dropout(self.conv2(F.elu(self.norm2(h), inplace=True)))
        return torch.add(x, self.gate(h))


class Merge(nn.Module):
    """Two feature maps into one: 1x1 convolution of both, then a gated residual block."""

    def __init__(self, n_filters: int, dropout: float) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2 * n_filters, n_filters, 1)
        self.block = ResidualBlock(n_filters, dropout)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Two (B, H, Y, X) -> (B, H, Y, X)."""
        return self.block(self.conv(torch.cat([a, b], dim=1)))  # type: ignore[no-any-return]


class Downsample(nn.Sequential):
    """Halve the size by a strided convolution, then residual blocks."""

    def __init__(self, n_filters: int, n_blocks: int, dropout: float) -> None:
        super().__init__(
            nn.Conv2d(n_filters, n_filters, 3, stride=2, padding=1),
            *(ResidualBlock(n_filters, dropout) for _ in range(n_blocks)),
        )


class Upsample(nn.Sequential):
    """Double the size, then residual blocks.

    Both kinds have the same number of weights. The transposed convolution visits even and odd
    pixels unequally often and so can leave a checkerboard; nearest neighbours cannot.
    """

    def __init__(
        self,
        n_filters: int,
        n_blocks: int,
        dropout: float,
        kind: Literal["transposed", "nearest"],
    ) -> None:
        double: list[nn.Module]
        if kind == "transposed":
            double = [
                nn.ConvTranspose2d(n_filters, n_filters, 3, stride=2, padding=1, output_padding=1)
            ]
        else:
            double = [nn.Upsample(scale_factor=2), nn.Conv2d(n_filters, n_filters, 3, padding=1)]
        super().__init__(*double, *(ResidualBlock(n_filters, dropout) for _ in range(n_blocks)))


def zero_unseen_taps(network: nn.Module, edge: int) -> None:
    """Set to zero what patches of this size cannot teach a new network.

    A level that is one pixel large in a patch has all but the middle of a 3x3 kernel on padding.
    Those weights get no gradient; in a larger image they are multiplied by real neighbours. As
    random numbers they made HDN's six levels, trained on 64x64, overflow on 512x512.

    Parameters
    ----------
    network
        With random weights, called with (B, 1, Y, X) in training; changed in place.
    edge
        Of a patch with its margins, pixels.
    """
    model: Any = deepcopy(network).train()  # its statistics are not those of the network
    twins: dict[Any, Any] = dict(zip(model.modules(), network.modules(), strict=True))

    def _zero(layer: nn.Module, given: tuple[Tensor, ...], out: Tensor) -> None:
        sizes = zip(given[0].shape[-2:], out.shape[-2:], strict=True)
        rows, columns = (_reached(layer, n_in, n_out) for n_in, n_out in sizes)
        twins[layer].weight.mul_(rows[:, None] & columns)

    for layer in twins:
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            layer.register_forward_hook(_zero)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        model(torch.zeros(2, 1, edge, edge))


def _reached(layer: Any, n_in: int, n_out: int) -> Tensor:
    """Say of each tap along an axis whether any output takes a true input through it."""
    (kernel, _), (stride, _), (padding, _) = layer.kernel_size, layer.stride, layer.padding
    if isinstance(layer, nn.ConvTranspose2d):
        n_in, n_out = n_out, n_in
    at: Tensor = torch.arange(n_out)[:, None] * stride + torch.arange(kernel) - padding
    return ((at >= 0) & (at < n_in)).any(dim=0)
