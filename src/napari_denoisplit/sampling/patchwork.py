"""Parts of a large image, split where and when they are looked at, and kept for the next look.

The image is a grid of small cells. A cell keeps the features that the top-down pass reads, and the
moments of the samples that were drawn of it; those not looked at for longest are forgotten. Latent
noise is a function of position, so cells that were drawn at different times fit together, and are
what a split of the whole plane has there, as far as the context reaches.

Letters: C channels, Y, X pixels. Cells are counted in the bordered plane, views in the image.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_denoisplit.nn.fast.field_of_view import Window
from napari_denoisplit.sampling.border import border_of, bordered, read_bordered
from napari_denoisplit.sampling.cell_grid import CellGrid, Patch, rectangles
from napari_denoisplit.sampling.cost import OVERLAP
from napari_denoisplit.sampling.moments import Moments
from napari_denoisplit.sampling.noise_field import NoiseField
from napari_denoisplit.sampling.tiles import grown

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.training.normalization import Normalization
    from napari_denoisplit.nn.sampler import Sampler
    from napari_denoisplit.sampling.focus import Focus
    from napari_denoisplit.settings import SplitSettings

CELL = 32
"""Edge of a cell, pixels: small, so that little beside the view is computed."""
BOTTOM_UP_CONTEXT = 2
TOP_DOWN_CONTEXT = 4
"""Positions of the coarsest level on each side that are encoded, and of those sampled, and not
kept: 32 and 64 pixels of the presets. Trained models of the preset 'fast' then differ from a split
of the whole plane by 0.008 sigma at most; with 48 pixels for the second by 0.22 and no faster, with
80 and 48 by 0.001 and a tenth slower, and with more than 32 for the first alone no less
(`benchmarks/windows/lens.py`)."""
FIRST = 672
"""Largest edge of what is drawn at once where nothing is shown yet, pixels: a view of 512, the
cells at its edges and a little more. Cut into two such a view takes a tenth longer, and the window
paints once more; one of 1024 is cut, so that something is there sooner."""
NEXT = 192
"""The same where something is shown: short steps, so that the next look need not wait."""

Key = tuple[tuple[int, ...], int, int]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What is known of a part of a plane, image units; NaN where nothing was drawn yet."""

    y: Span
    x: Span
    mmse: NDArray[np.float32]
    """(C, Y, X)"""
    spread: NDArray[np.float32]
    """(C, Y, X), standard deviation of the samples; NaN below two."""
    n_samples: int
    """Samples behind the pixels that have the fewest."""


@dataclass(slots=True, eq=False)
class _Cell:
    """Features (1, H, y, x) of each level, finest first, and moments of (C, y, x)."""

    features: list[Tensor]
    n_bytes: int
    moments: Moments | None = None
    """None before the first sample: cells around the view never have one."""

    @property
    def n_samples(self) -> int:
        """Samples that were drawn of it."""
        return 0 if self.moments is None else self.moments.n


class Patchwork:
    """Posterior samples of any part of an image, cell by cell.

    Parameters
    ----------
    network
        Folded for the device and precision of choice.
    normalization
        Statistics of the model.
    image
        The superposition without a channel axis, (..., Y, X); only what is looked at is read.
    settings
        Number of samples, seed, mirrored noise or not.
    memory
        Bytes that cells out of sight may take.
    """

    def __init__(
        self,
        network: Sampler,
        normalization: Normalization,
        image: Image,
        settings: SplitSettings,
        *,
        memory: float,
    ) -> None:
        self._network, self._normalization = network, normalization
        self._image, self._settings, self._memory = image, settings, memory
        facts, multiple = network.facts, network.facts.multiple
        # Without latents all of the work is in the bottom-up pass.
        is_short = facts.draws and not facts.encodes_far
        bottom_up = BOTTOM_UP_CONTEXT if is_short else OVERLAP
        self._contexts = (facts.context(bottom_up), facts.context(TOP_DOWN_CONTEXT * facts.draws))
        self._border = border_of(multiple)
        height, width = (bordered(n, multiple) for n in image.shape[-2:])
        self._grid = CellGrid.over((height, width), CELL, multiple)
        self._cells: OrderedDict[Key, _Cell] = OrderedDict()
        self._n_bytes = 0
        self._in_view: frozenset[Key] = frozenset()
        shape, device = (-1, 1, 1), network.device
        self._std = torch.tensor(normalization.channel_stds, device=device).reshape(shape)
        self._mean = torch.tensor(normalization.channel_means, device=device).reshape(shape)

    @property
    def n_bytes(self) -> int:
        """Memory that the cells take."""
        return self._n_bytes

    def next_step(self, view: Focus) -> Patch | None:
        """Say what to draw next of a view; None where every sample is there.

        First what has the fewest samples, and of that what is nearest to the middle.
        """
        patch = self._seen(view)
        self._in_view = frozenset(patch.cells())
        drawn = self._drawn(patch)
        fewest = int(drawn.min(initial=self._settings.n_samples))
        if fewest >= self._settings.n_samples:
            return None
        largest = max(1, (NEXT if fewest else FIRST) // self._grid.edge)
        parts = rectangles(drawn == fewest, largest)
        middle = patch.n_rows / 2, patch.n_columns / 2

        def distance(part: tuple[Span, Span]) -> float:
            gaps = (sum(span) / 2 - at for span, at in zip(part, middle, strict=True))
            return sum(gap * gap for gap in gaps)

        rows, columns = min(parts, key=distance)
        return patch.part(rows, columns)

    @torch.no_grad()
    def draw(self, patch: Patch) -> None:
        """Draw the next sample of some cells, which all have the same number of samples.

        Raises
        ------
        ImageError
            A pixel that is read for it is not finite.
        """
        number = int(self._drawn(patch).max(initial=0))
        inner_y, inner_x = self._grid.pixels(patch)
        height, width = self._grid.shape
        context = self._contexts[1]
        outer_y, outer_x = grown(inner_y, context, height), grown(inner_x, context, width)
        self._encode(self._grid.covering(patch.plane, outer_y, outer_x))
        field, levels = self._field(patch.plane, number), self._network.facts.levels

        def noise(level: int, shape: tuple[int, ...], corner: tuple[int, int]) -> Tensor:
            """Latent noise of a level, at its place in the plane."""
            shrink = levels[level].shrink
            y0, x0 = outer_y[0] // shrink + corner[0], outer_x[0] // shrink + corner[1]
            return field.window(level, y0, x0, *shape[-2:])

        features = self._features(patch.plane, outer_y, outer_x)
        wanted = Window(inner_y, inner_x).within(outer_y[0], outer_x[0])
        signal = self._network.decode(features, noise, wanted)[0]
        sample = torch.addcmul(self._mean, signal, self._std).cpu()  # (C, Y, X)
        for key in patch.cells():
            y, x = self._grid.cell(key)
            part = sample[:, _within(y, inner_y[0]), _within(x, inner_x[0])]
            self._moments(self._cells[key], part).add(part)
        self._forget()

    def picture(self, view: Focus) -> Picture:
        """Put together what is known of the cells of a view."""
        patch = self._seen(view)
        (y0, y1), (x0, x1) = self._grid.pixels(patch)
        n_channels = self._network.facts.n_channels
        mmse = np.full((n_channels, y1 - y0, x1 - x0), np.nan, np.float32)
        spread = np.full_like(mmse, np.nan)
        for key in patch.cells():
            cell = self._touched(key)
            if cell is None or cell.moments is None:
                continue
            y, x = self._grid.cell(key)
            place = (slice(None), _within(y, y0), _within(x, x0))
            mmse[place] = cell.moments.mean.numpy()
            if cell.moments.n > 1:
                spread[place] = cell.moments.std.numpy()
        fewest = int(self._drawn(patch).min(initial=self._settings.n_samples))
        (y, rows), (x, columns) = (
            self._inside(span, n)
            for span, n in zip(((y0, y1), (x0, x1)), self._image.shape[-2:], strict=True)
        )
        return Picture(y, x, mmse[:, rows, columns], spread[:, rows, columns], fewest)

    def _seen(self, view: Focus) -> Patch:
        """Find the cells that show a view."""
        y, x = (
            (max(0, a) + self._border, min(b, n) + self._border)
            for (a, b), n in zip((view.y, view.x), self._image.shape[-2:], strict=True)
        )
        return self._grid.covering(view.plane, y, x)

    def _inside(self, span: Span, size: int) -> tuple[Span, slice]:
        """Cut a range of the bordered plane to the image; also tell where in the range that is."""
        low = max(0, span[0] - self._border)
        high = max(low, min(span[1] - self._border, size))
        start = span[0] - self._border
        return (low, high), slice(low - start, high - start)

    def _drawn(self, patch: Patch) -> NDArray[np.int_]:
        """Count the samples of each cell, (rows, columns)."""
        cells = [self._touched(key) for key in patch.cells()]
        drawn = [0 if cell is None else cell.n_samples for cell in cells]
        return np.array(drawn, int).reshape(patch.n_rows, patch.n_columns)

    def _touched(self, key: Key) -> _Cell | None:
        """Return a cell, if it is known, as the one that was used last."""
        cell = self._cells.get(key)
        if cell is not None:
            self._cells.move_to_end(key)
        return cell

    def _encode(self, patch: Patch) -> None:
        """Bottom-up pass over the cells that are not known yet."""
        missing = np.array([self._touched(key) is None for key in patch.cells()])
        if missing.any():
            largest = max(1, FIRST // self._grid.edge) + 4  # with the context of the top-down pass
            for rows, columns in rectangles(missing.reshape(patch.n_rows, -1), largest):
                self._encode_all(patch.part(rows, columns))

    def _encode_all(self, patch: Patch) -> None:
        inner = self._grid.pixels(patch)
        y, x = (
            grown(s, self._contexts[0], n) for s, n in zip(inner, self._grid.shape, strict=True)
        )
        pixels = torch.from_numpy(self._read(patch.plane, y, x))[None, None]
        n = self._normalization
        maps = self._network.encode((pixels.to(self._network.device) - n.input_mean) / n.input_std)
        for key in patch.cells():
            cell_y, cell_x = self._grid.cell(key)
            features = [
                part[(..., _within(cell_y, y[0], s), _within(cell_x, x[0], s))].clone()
                for part, (_, s) in zip(maps, self._network.facts.levels, strict=True)
            ]
            self._cells[key] = _Cell(features, sum(part.nbytes for part in features))
            self._n_bytes += self._cells[key].n_bytes

    def _moments(self, cell: _Cell, sample: Tensor) -> Moments:
        """Return the moments of a cell, made for its first sample."""
        if cell.moments is None:
            antithetic = self._settings.antithetic
            cell.moments = Moments(tuple(sample.shape), sample.device, antithetic=antithetic)
            n_bytes = sample.nbytes * (4 if antithetic else 2)
            cell.n_bytes += n_bytes
            self._n_bytes += n_bytes
        return cell.moments

    def _read(self, plane: tuple[int, ...], y: Span, x: Span) -> NDArray[np.float32]:
        where = f"what is in view{f', plane {plane}' if plane else ''}"
        return read_bordered(self._image, plane, y, x, self._network.facts.multiple, where)

    def _features(self, plane: tuple[int, ...], y: Span, x: Span) -> list[Tensor]:
        """Put the features (1, H, y, x) of a part of a plane together, finest level first."""
        parts = [(key, self._cells[key]) for key in self._grid.covering(plane, y, x).cells()]
        whole = []
        for level, (_, shrink) in enumerate(self._network.facts.levels):
            like = parts[0][1].features[level]
            size = [(b - a) // shrink for a, b in (y, x)]
            # Channels last, as the network reads them.
            maps = like.new_empty((1, *size, like.shape[1])).permute(0, 3, 1, 2)
            for key, cell in parts:
                (to_y, from_y), (to_x, from_x) = (
                    _shared(span, window, shrink)
                    for span, window in zip(self._grid.cell(key), (y, x), strict=True)
                )
                maps[..., to_y, to_x] = cell.features[level][..., from_y, from_x]
            whole.append(maps)
        return whole

    def _field(self, plane: tuple[int, ...], sample: int) -> NoiseField:
        s, n_latents = self._settings, [z for z, _ in self._network.facts.levels]
        number = int(np.ravel_multi_index(plane, self._image.shape[:-2])) if plane else 0
        device = self._network.device
        return NoiseField(s.seed, number, sample, n_latents, device, antithetic=s.antithetic)

    def _forget(self) -> None:
        """Drop what was not looked at for longest, but nothing that is in view."""
        for key in list(self._cells):
            if self._n_bytes <= self._memory:
                return
            if key not in self._in_view:
                self._n_bytes -= self._cells.pop(key).n_bytes


def _within(span: Span, start: int, shrink: int = 1) -> slice:
    """Slice of a half-open range in an array that begins at `start`, shrunk."""
    return slice((span[0] - start) // shrink, (span[1] - start) // shrink)


def _shared(span: Span, window: Span, shrink: int) -> tuple[slice, slice]:
    """Where a range overlaps a window: in the window and in the range, shrunk."""
    first, last = max(span[0], window[0]), min(span[1], window[1])
    return _within((first, last), window[0], shrink), _within((first, last), span[0], shrink)
