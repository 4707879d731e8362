"""What a split will take: time, memory and disk, told before it begins."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from napari_denoisplit.checkpoint import Model, read_header
from napari_denoisplit.images.files.image_file import ImageFile
from napari_denoisplit.images.zarr.pyramid import level_shapes
from napari_denoisplit.jobs.forecast.speed import Rate, Speed, speed_of
from napari_denoisplit.jobs.forecast.words import Preflight
from napari_denoisplit.jobs.slide.blocks import budget, memory_of_block
from napari_denoisplit.jobs.slide.plan import choose_sizes
from napari_denoisplit.jobs.split.job import frame_of, planes_of
from napari_denoisplit.jobs.split.memory import free_memory, memory_for
from napari_denoisplit.jobs.split.results import bytes_in_work
from napari_denoisplit.nn.compute import Compute
from napari_denoisplit.nn.fast.field_of_view import Window, share_of_work
from napari_denoisplit.sampling.border import round_up
from napari_denoisplit.sampling.frame import span_to_read
from napari_denoisplit.sampling.posterior import bytes_per_pixel, fitting_tile_size
from napari_denoisplit.sampling.tiles import tile_grid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.plane_region import PlaneRegion
    from napari_denoisplit.sampling.tiles import Tile
    from napari_denoisplit.settings import NetworkSettings, SplitSettings


def preflight(
    model: Model | Path,
    image: Image | ImageFile,
    settings: SplitSettings,
    *,
    on_disk: bool = False,
    region: PlaneRegion | None = None,
) -> Preflight:
    """Tell what a split will take; no pixel is read, and no weight is loaded.

    The first call for a network and a device measures its rate, which takes a fraction of a second.

    Parameters
    ----------
    model
        A model, or the file that holds one.
    image
        The superposition, or its file: no channel axis, or one of size 1.
    settings
        Samples, tiles, device.
    on_disk
        Whether the results go to disk block by block, as by `split_to_zarr_job`.
    region
        Part of every plane that is split; None is all of it.

    Raises
    ------
    ImageError
        The image cannot be read, or has several channels; or the region lies beyond it.
    ModelFileError
        The model file cannot be used.
    JobError
        The device is not there.
    """
    header = read_header(model) if isinstance(model, Path) else model.header
    opened = image.open(lazy_above=0) if isinstance(image, ImageFile) else image
    compute = Compute.choose(settings.device, settings.precision)
    network, view = header.network, planes_of(opened)
    region = None if region is None else region.within(view)
    speed = speed_of(network, compute)
    work = _Work(network, view.shape, settings, compute, speed, region)
    if not on_disk:
        return work.in_memory()
    memory = budget(settings, compute.device)
    return work.on_disk(choose_sizes(network, settings, compute, memory, None))


def preflight_blocks(
    network: NetworkSettings,
    shape: tuple[int, ...],
    settings: SplitSettings,
    compute: Compute,
    sizes: tuple[int, int | None],
    *,
    n_missing: int | None,
    measured: bool,
    region: PlaneRegion | None = None,
) -> Preflight:
    """Tell what the rest of a split to disk will take.

    Parameters
    ----------
    network, settings, compute
        What is split with, how, and where.
    shape
        Of the superposition without a channel axis, (..., Y, X).
    sizes
        Edges of a block, and of the tiles within it.
    n_missing
        Blocks that are to be done; None is all of them.
    measured
        Whether the rate is measured here; otherwise all times are 0, as for other machines.
    region
        Part of every plane that is split, its ends closed; None is all of it.
    """
    nothing = Speed(Rate(0.0, 0.0), Rate(0.0, 0.0))
    speed = speed_of(network, compute) if measured else nothing
    told = _Work(network, shape, settings, compute, speed, region).on_disk(sizes)
    if n_missing is None:
        return told
    return replace(
        told,
        seconds=told.seconds * n_missing / told.n_blocks,
        bytes_on_disk=told.bytes_on_disk * n_missing / told.n_blocks,
        n_there=told.n_blocks - n_missing,
    )


class _Work:
    """One image to be split.

    Parameters
    ----------
    network
        Shape of the network.
    shape
        Of the superposition, (..., Y, X).
    settings
        Samples, tiles, blocks.
    compute, speed
        Device and precision, and how fast they are.
    region
        Part of every plane, its ends closed; None is all of it.
    """

    def __init__(
        self,
        network: NetworkSettings,
        shape: tuple[int, ...],
        settings: SplitSettings,
        compute: Compute,
        speed: Speed,
        region: PlaneRegion | None = None,
    ) -> None:
        self._network, self._settings, self._compute = network, settings, compute
        self._shape, self._region = shape, region
        height, width = shape[-2:]
        self._spans = ((0, height), (0, width)) if region is None else region.spans(height, width)
        """Rows and columns that are split."""
        self._results_shape = (*shape[:-2], *(b - a for a, b in self._spans))
        self._multiple: int = 2**network.n_levels
        self._speed = speed
        self._n_planes = prod(shape[:-2])
        self._kept = min(settings.keep_samples, settings.n_samples)

    def in_memory(self) -> Preflight:
        """Plane by plane, as `split_job` does it."""
        s, network, dtype = self._settings, self._network, self._compute.dtype
        frame = frame_of(self._shape, self._region, s.overlap, self._multiple)
        height, width = frame.read_shape
        tile_size = s.tile_size
        if tile_size is None:
            memory = memory_for(s, self._compute.device)
            tile_size = fitting_tile_size(
                network, dtype, height, width, overlap=s.overlap, memory=memory
            )
        tiles = frame.tiles(tile_size, s.overlap, self._multiple)
        below = areas = [_area(tile) for tile in tiles]
        if self._region is not None:  # the context is encoded, and not sampled
            grid = tile_grid(height, width, tile_size, s.overlap, self._multiple)
            below = [_area(tile) for tile in grid]
        encode, draw = self._speed.encode.seconds(sum(below), len(below)), self._draw(tiles)
        features = network.n_filters * dtype.itemsize / 3 * height * width
        in_work = bytes_in_work((network.n_channels, *self._results_shape), s)
        return self._told(
            seconds=self._n_planes * (encode + s.n_samples * draw),
            seconds_to_first=encode + draw,
            memory=bytes_per_pixel(network, dtype) * max(areas)
            + features * (len(areas) > 1)
            + in_work,
            memory_in_work=in_work,
            memory_for_results=self._bytes(self._results_shape) * self._n_results,
            tile_size=tile_size if len(areas) > 1 else None,
            n_tiles=len(areas),
        )

    def on_disk(self, sizes: tuple[int, int | None]) -> Preflight:
        """Block by block, as `split_to_zarr_job` does it; `sizes` are those of blocks and tiles."""
        s, compute = self._settings, self._compute
        edge, tile_size = sizes
        seconds, n_blocks, most_tiles, first = 0.0, 0, 1, 0.0
        for (read, tiles), count in self._blocks(edge, tile_size):
            n = len(tiles)
            each = self._speed.encode.seconds(read, n) + s.n_samples * self._draw(tiles)
            first = first or each
            seconds += count * each
            n_blocks += count
            most_tiles = max(most_tiles, n)
        pixels = sum(self._bytes(shape) for shape in level_shapes(self._results_shape))
        return self._told(
            seconds=self._n_planes * seconds,
            seconds_to_first=first,
            # Most images of one block are smaller than that.
            memory=memory_of_block(
                self._network, compute, min(edge, max(self._results_shape[-2:])), tile_size, s
            ),
            bytes_on_disk=pixels * self._n_results,
            n_blocks=self._n_planes * n_blocks,
            block_size=edge,
            tile_size=tile_size if most_tiles > 1 else None,
            n_tiles=most_tiles,
        )

    def _blocks(
        self, edge: int, tile_size: int | None
    ) -> Iterator[tuple[tuple[int, list[Tile]], int]]:
        """Yield pixels that are read, the tiles and how many there are of every kind of block."""
        multiple = self._multiple
        context = round_up(self._settings.overlap, multiple)
        kinds = [
            Counter(_stretches(span, n, edge, context, multiple))
            for span, n in zip(self._spans, self._shape[-2:], strict=True)
        ]
        for (*rows, height), n_rows in kinds[0].items():
            for (*columns, width), n_columns in kinds[1].items():
                part = ((rows[0], rows[1]), (columns[0], columns[1]))
                tiles = tile_grid(height, width, tile_size, context, multiple, part)
                yield (height * width, tiles), n_rows * n_columns

    def _draw(self, tiles: list[Tile]) -> float:
        """Seconds of one sample of these tiles, whose context is not sampled in full."""
        network, pixels = self._network, 0.0
        for tile in tiles:
            (top, bottom), (left, right) = tile.outer_y, tile.outer_x
            outer, wanted = (bottom - top, right - left), Window.of(tile.inner_in_outer())
            share = share_of_work(wanted, outer, network.n_levels, network.blocks_per_level)
            pixels += share * _area(tile)
        return self._speed.draw.seconds(pixels, len(tiles))

    @property
    def _n_results(self) -> int:
        return self._kept + (2 if self._settings.n_samples > 1 else 1)

    def _bytes(self, shape: tuple[int, ...]) -> float:
        return 4.0 * self._network.n_channels * prod(shape)

    def _told(
        self,
        *,
        seconds: float,
        seconds_to_first: float,
        memory: float,
        tile_size: int | None,
        n_tiles: int,
        memory_in_work: float = 0.0,
        memory_for_results: float = 0.0,
        bytes_on_disk: float = 0.0,
        n_blocks: int = 0,
        block_size: int | None = None,
    ) -> Preflight:
        return Preflight(
            seconds=seconds,
            seconds_to_first=seconds_to_first,
            memory=memory,
            memory_in_work=memory_in_work,
            memory_for_results=memory_for_results,
            free_memory=free_memory(torch.device("cpu")),
            bytes_on_disk=bytes_on_disk,
            n_samples=self._settings.n_samples,
            kept_samples=self._kept,
            n_planes=self._n_planes,
            n_blocks=n_blocks,
            block_size=block_size,
            tile_size=tile_size,
            n_tiles=n_tiles,
            computed_on=str(self._compute),
            up_to=self._settings.target_error is not None,
        )


def _area(tile: Tile) -> int:
    """Pixels that are computed for a tile."""
    (top, bottom), (left, right) = tile.outer_y, tile.outer_x
    return (bottom - top) * (right - left)


def _stretches(
    span: tuple[int, int], size: int, edge: int, context: int, multiple: int
) -> Iterator[tuple[int, int, int]]:
    """Yield start and end of each block of a span within what is read, and the length of that."""
    for start in range(*span, edge):
        block = (start, min(start + edge, span[1]))
        (first, last), (low, high) = span_to_read(block, size, context, multiple)
        yield first - low, last - low, high - low
