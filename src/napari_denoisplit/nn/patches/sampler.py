"""Samples of a ladder that sees patches: an image of the middles of many.

Letters: B cells, C output channels, P edge of a patch, S scales with the image's own, Z latent
maps, Y, X pixels.
"""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_denoisplit.nn.context import halved
from napari_denoisplit.nn.fast.field_of_view import Window
from napari_denoisplit.nn.sampler import Level, NetworkFacts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.nn.compute import Compute
    from napari_denoisplit.nn.patches.ladder import PatchVSE
    from napari_denoisplit.nn.sampler import PlacedNoise
    from napari_denoisplit.settings import LadderSettings

AT_ONCE = 8
"""Patches that are computed together."""


def facts_of_patches(settings: LadderSettings, latents: Sequence[int]) -> NetworkFacts:
    """Say what such a network needs while it samples; latents are those that a sample draws."""
    context = settings.context
    if context is None or context.patch_size is None:
        raise ValueError("a ladder without context sees no patches")
    # Half of the coarsest patch.
    reach = context.patch_size // 2 * 2 ** (context.scales - 1)
    per_pixel = sum(z / 4 ** (i + 1) for i, z in enumerate(latents))
    return NetworkFacts(
        n_channels=settings.n_channels,
        multiple=max(2**settings.n_levels, 16),
        reach=reach,
        levels=(Level(0, 1), *(Level(z, 2 ** (i + 1)) for i, z in enumerate(latents))),
        # Images and latent noise; the patches in work do not grow with the tile.
        working_bytes=8 * (8 + per_pixel),
        kept_bytes=6,
        least_context=reach,
    )


class PatchSampler:
    """A trained `PatchVSE` for sampling; its weights are a copy.

    Of each patch the middle is kept. Patches read the latent noise of their places, so that what
    overlaps has the same in all of them and a sample does not depend on how it is cut.

    Parameters
    ----------
    network
        Wherever and in whatever mode it is.
    facts
        Of the network.
    compute
        Device and precision.
    """

    def __init__(self, network: PatchVSE, facts: NetworkFacts, compute: Compute) -> None:
        self.facts, self.device = facts, compute.device
        self._compute = compute
        self._network = deepcopy(network).to(compute.device).eval()
        context = self._network.settings.context
        self._kept = 1 if context is None else context.kept_size

    @torch.no_grad()
    def encode(self, x: Tensor) -> list[Tensor]:
        """Halve the image again and again: (B, 1, Y / shrink, X / shrink) for each level."""
        pyramid = [x.float()]
        while len(pyramid) < len(self.facts.levels):
            pyramid.append(halved(pyramid[-1]))
        return pyramid

    @torch.no_grad()
    def decode(
        self, prepared: Sequence[Tensor], noise: PlacedNoise, wanted: Window | None = None
    ) -> Tensor:
        """See `Sampler`; `prepared` is of one image."""
        wanted = wanted or Window.of_all(prepared[0].shape[-2:])
        kept, half = self._kept, self._kept // 2
        # Cells are counted from a multiple of the network's, wherever the tile begins.
        first = [span[0] // kept for span in wanted]
        rows, columns = (
            [cell * kept + half for cell in range(start, -(-span[1] // kept))]
            for start, span in zip(first, wanted, strict=True)
        )
        fields = [
            _NoiseAround(noise, level, width, rows, columns, z)
            for level, (z, width) in enumerate(
                zip(self._latents(), self._network.widths, strict=True), start=1
            )
        ]
        places = [(y, x) for y in rows for x in columns]
        parts = [
            self._middles(prepared, fields, places[i : i + AT_ONCE])
            for i in range(0, len(places), AT_ONCE)
        ]
        cells = torch.cat(parts, dim=1)  # (samples, cells, C, kept, kept)
        samples, _, n_channels = cells.shape[:3]
        cells = cells.view(samples, len(rows), len(columns), n_channels, kept, kept)
        whole = cells.permute(0, 3, 1, 4, 2, 5).reshape(
            samples, n_channels, len(rows) * kept, len(columns) * kept
        )
        return whole[(..., *wanted.within(first[0] * kept, first[1] * kept).slices)]

    def _latents(self) -> tuple[int, ...]:
        return tuple(level.n_latents for level in self.facts.levels[1:])

    def _middles(
        self,
        prepared: Sequence[Tensor],
        fields: Sequence[_NoiseAround],
        places: Sequence[tuple[int, int]],
    ) -> Tensor:
        """Middles of the patches around some places, (samples, B, C, kept, kept)."""
        network = self._network
        patches = torch.stack(
            [
                torch.stack(
                    [_around(prepared[k], y >> k, x >> k, network.patch_size) for y, x in places]
                )
                for k in range(network.scales)
            ],
            dim=1,
        )  # (B, S, P, P)
        n_samples = max((field.n_samples for field in fields), default=1)
        with self._compute.autocast():
            features = network.encode(patches)
            signals = [
                network.decode(features, partial(_noise_of, fields, places, sample))
                for sample in range(n_samples)
            ]
        edge = network.patch_size
        low = edge // 2 - self._kept // 2
        inside = slice(low, low + self._kept)
        return torch.stack(signals)[..., inside, inside]


def _noise_of(
    fields: Sequence[_NoiseAround],
    places: Sequence[tuple[int, int]],
    sample: int,
    level: int,
    shape: tuple[int, ...],
) -> Tensor:
    """Latent noise of one sample at a level, as a network asks for it."""
    return fields[level].at(places, sample)


class _NoiseAround:
    """Latent noise of a level around some places, those outside the plane included."""

    def __init__(
        self,
        noise: PlacedNoise,
        level: int,
        width: int,
        rows: Sequence[int],
        columns: Sequence[int],
        n_latents: int,
    ) -> None:
        self._level, self._width = level, width
        self._corner = tuple(self._start(places[0]) for places in (rows, columns))
        ends = (self._start(places[-1]) + width for places in (rows, columns))
        size = [end - start for end, start in zip(ends, self._corner, strict=True)]
        # No row or column of a field has a negative number.
        y0, x0 = (start + width for start in self._corner)
        self._field = noise(level, (1, n_latents, *size), (y0, x0)) if n_latents else torch.empty(1)

    @property
    def n_samples(self) -> int:
        """Samples that are drawn at once."""
        return len(self._field)

    def at(self, places: Sequence[tuple[int, int]], sample: int) -> Tensor:
        """Cut (B, Z, width, width) of a sample."""
        field, (y0, x0), w = self._field[sample], self._corner, self._width
        starts = [(self._start(y) - y0, self._start(x) - x0) for y, x in places]
        return torch.stack([field[:, y : y + w, x : x + w] for y, x in starts])

    def _start(self, at: int) -> int:
        return (at >> self._level) - self._width // 2


def _around(image: Tensor, y: int, x: int, edge: int) -> Tensor:
    """Cut (edge, edge) around a place of (1, 1, Y, X); beyond its edges it is reflected."""
    index = torch.arange(edge, device=image.device) - edge // 2
    rows, columns = (
        _mirrored(index + at, n) for at, n in zip((y, x), image.shape[-2:], strict=True)
    )
    return image[0, 0][rows[:, None], columns]


def _mirrored(index: Tensor, size: int) -> Tensor:
    index = index % (2 * size)
    return torch.minimum(index, 2 * size - 1 - index)
