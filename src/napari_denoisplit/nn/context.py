"""Lateral context of a network: what surrounds a place, at lower resolutions.

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

from napari_denoisplit.errors import TrainingError
from napari_denoisplit.nn.blocks import Merge, ResidualBlock

if TYPE_CHECKING:
    from collections.abc import Iterable

_TAPS = (0.0533, 0.4467, 0.4467, 0.0533)
"""The mean of two pixels behind a Gaussian of half a pixel, as halving with anti-aliasing is."""


class Context(nn.Module):
    """A stem for each lower resolution, and what merges its maps into the network.

    Parameters
    ----------
    stems
        Of each scale; each begins with what `stem_of` makes.
    stem_reach
        Samples of its scale on each side that a stem looks at.
    merges
        Of each scale, for as many maps as its stem makes.
    """

    def __init__(
        self, stems: Iterable[nn.Module], stem_reach: int, merges: Iterable[Merge]
    ) -> None:
        super().__init__()
        self.stems, self.merges = nn.ModuleList(stems), nn.ModuleList(merges)
        self._stem_reach = stem_reach

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
            seen = min(beyond, self._stem_reach)
            maps.append(inner(stem(inner(x, beyond - seen)), seen))
        return maps

    def merged(self, level: int, primary: Tensor, surroundings: Tensor) -> Tensor:
        """Merge the maps of scale level + 1 into the features of a level."""
        return self.merges[level](primary, surroundings)  # type: ignore[no-any-return]


def stem_of(n_filters: int, dropout: float) -> nn.Sequential:
    """Make what every stem of a scale begins with."""
    return nn.Sequential(
        nn.Conv2d(1, n_filters, 5, padding=2),
        nn.ELU(),
        ResidualBlock(n_filters, dropout, gated=False),
    )


def divided(x: Tensor, multiple: int, margin: int) -> Tensor:
    """Repeat the last pixels of images (B, 1, Y, X) until a network divides them.

    Raises
    ------
    TrainingError
        Images with a margin are not divided as they are: what is repeated would be in its way.
    """
    height, width = (n - 2 * margin for n in x.shape[-2:])
    rows, columns = (-n % multiple for n in (height, width))
    if margin and (rows or columns):
        raise TrainingError(
            f"A network with context is trained on patches of multiples of {multiple} pixels, not "
            f"{height}x{width}: choose another patch_size."
        )
    return F.pad(x, (0, columns, 0, rows), mode="replicate")


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


def inner(x: Tensor, by: int) -> Tensor:
    """Cut so many pixels off each side of (B, H, Y, X)."""
    return x[..., by : x.shape[-2] - by, by : x.shape[-1] - by]
