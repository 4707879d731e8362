"""Lateral context of a ladder: what surrounds a place, at lower resolutions.

Scale k shows 2^k times the width at 1 / 2^k of the resolution, and is merged into level k - 1,
where features have that resolution.

Letters: B batch, H feature maps, S scales with the image's own, Y, X pixels.

Source: muSplit (Ashesh et al. 2023).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_denoisplit.nn.blocks import Merge, ResidualBlock

if TYPE_CHECKING:
    from napari_denoisplit.settings import LadderSettings

STEM_REACH = 4
"""Samples of its scale on each side that a stem looks at: 5x5, and two 3x3 convolutions."""
_TAPS = (0.0533, 0.4467, 0.4467, 0.0533)
"""The mean of two pixels behind a Gaussian of half a pixel, as halving with anti-aliasing is."""


class Context(nn.Module):
    """A stem for each lower resolution, and what merges its maps into the ladder."""

    def __init__(self, settings: LadderSettings) -> None:
        super().__init__()
        if settings.context is None:
            raise ValueError("a ladder without context has no modules of it")
        n, dropout, scales = settings.n_filters, settings.dropout, settings.context.scales
        self.stems = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(1, n, 5, padding=2), nn.ELU(), ResidualBlock(n, dropout, gated=False)
            )
            for _ in range(scales - 1)
        )
        self.merges = nn.ModuleList(Merge(n, dropout) for _ in range(scales - 1))

    def of_image(self, x: Tensor, margin: int = 0) -> list[Tensor]:
        """Compute the maps of each scale, (B, H, Y/2^k, X/2^k) from k = 1 on.

        Parameters
        ----------
        x
            (B, 1, Y + 2 margin, X + 2 margin); what is beyond its edges is its reflection.
        margin
            Pixels on each side that are seen, and of which no maps are returned; none, or the
            margin of the settings.
        """
        maps = []
        for k, stem in enumerate(self.stems, start=1):
            x = halved(x)
            beyond = margin >> k
            seen = min(beyond, STEM_REACH)
            maps.append(_inner(stem(_inner(x, beyond - seen)), seen))
        return maps

    def merged(self, level: int, primary: Tensor, surroundings: Tensor) -> Tensor:
        """Merge the maps of scale level + 1 into the features of a level."""
        return self.merges[level](primary, surroundings)  # type: ignore[no-any-return]


def halved(x: Tensor) -> Tensor:
    """Halve images (B, 1, Y, X) with anti-aliasing, always in float32; edges are reflected."""
    taps = x.new_tensor(_TAPS, dtype=torch.float32)
    with torch.autocast(x.device.type, enabled=False):
        x = F.pad(x.float(), (1, 1, 1, 1), mode="replicate")
        return F.conv2d(x, (taps[:, None] * taps)[None, None], stride=2)


def centre(x: Tensor, edge: int) -> Tensor:
    """Cut (B, H, edge, edge) out of the middle of what is wider."""
    spare = max(0, x.shape[-1] - edge) // 2
    return x[..., spare : spare + edge, spare : spare + edge]


def padded(x: Tensor, edge: int) -> Tensor:
    """Put zeros around (B, H, Y, Y) to make it (B, H, edge, edge)."""
    missing = edge - x.shape[-1]
    before = missing // 2
    return F.pad(x, (before, missing - before) * 2)


def _inner(x: Tensor, by: int) -> Tensor:
    return x[..., by : x.shape[-2] - by, by : x.shape[-1] - by]
