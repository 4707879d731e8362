"""A small U-Net that leaves no checkerboard.

Letters: B batch, H feature maps of the finest level, Y, X pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import nn

from napari_denoisplit.giving_up import look

if TYPE_CHECKING:
    from torch import Tensor

_SLOPE = 0.1


class UNet(nn.Module):
    """One channel in, one channel out, of any size that is a multiple of `multiple`.

    After Höck et al. 2022 (N2V2, arXiv:2211.08512) there is neither a residual connection from the
    input to the output nor a skip at the finest level, both of which hand the noise of a pixel
    through. Sizes are halved by averaging and doubled by interpolation: neither treats even and
    odd pixels differently. Without normalization layers a pixel depends on what lies within
    `reach` of it and on nothing else, so that tiles fit together exactly.

    Parameters
    ----------
    n_filters
        Feature maps of the finest level, H; each coarser level has twice as many, up to 4 H.
    n_levels
        Times that the image is halved.
    """

    def __init__(self, n_filters: int = 32, n_levels: int = 3) -> None:
        super().__init__()
        widths = [min(2**level, 4) * n_filters for level in range(n_levels + 1)]
        self.n_levels = n_levels
        self.down = nn.ModuleList(
            _Convolutions(inside, outside)
            for inside, outside in zip([1, *widths[:-2]], widths[:-1], strict=True)
        )
        self.bottom = _Convolutions(widths[-2], widths[-1])
        self.up = nn.ModuleList(
            _Convolutions(widths[level + 1] + (widths[level] if level else 0), widths[level])
            for level in reversed(range(n_levels))
        )
        self.head = nn.Conv2d(n_filters, 1, 1)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def multiple(self) -> int:
        """What both edges of an image must be multiples of."""
        return int(2**self.n_levels)

    @property
    def reach(self) -> int:
        """Pixels on each side that a prediction can depend on."""
        return self.reach_of(self.n_levels)

    @staticmethod
    def reach_of(n_levels: int) -> int:
        """Reach of a network of so many levels.

        Two convolutions at each level on the way down, two on the way up; interpolation reads a
        pixel of the coarser level more.
        """
        return int(6 * (2**n_levels - 1) + 2 * 2**n_levels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 1, Y, X) -> (B, 1, Y, X)."""
        x = x.contiguous(memory_format=torch.channels_last)
        skips = []
        for level, convolutions in enumerate(self.down):
            look()
            x = convolutions(x)
            skips.append(x if level else None)
            x = F.avg_pool2d(x, 2)
        x = self.bottom(x)
        for convolutions, skip in zip(self.up, reversed(skips), strict=True):
            look()
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = convolutions(x if skip is None else torch.cat([x, skip], dim=1))
        return self.head(x)  # type: ignore[no-any-return]


class _Convolutions(nn.Sequential):
    """Two 3x3 convolutions, each followed by a leaky ReLU."""

    def __init__(self, inside: int, outside: int) -> None:
        layers: list[nn.Module] = []
        for n in (inside, outside):
            convolution = nn.Conv2d(n, outside, 3, padding=1)
            nn.init.kaiming_normal_(convolution.weight, a=_SLOPE)
            nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
            layers += [convolution, nn.LeakyReLU(_SLOPE, inplace=True)]
        super().__init__(*layers)
