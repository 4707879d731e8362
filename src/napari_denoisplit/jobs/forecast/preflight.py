"""Memory and disk that a split will take, found before it begins."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from napari_denoisplit.checkpoint import Model, read_header
from napari_denoisplit.images.files.image_file import ImageFile
from napari_denoisplit.images.zarr.pyramid import level_shapes
from napari_denoisplit.jobs.forecast.words import Preflight
from napari_denoisplit.jobs.recording.scale import network_for
from napari_denoisplit.jobs.split.input import frame_of, planes_of, settings_for
from napari_denoisplit.nn.compute import Compute
from napari_denoisplit.nn.families import facts_of
from napari_denoisplit.sampling.cost import (
    block_sizes,
    bytes_in_work,
    fitting_tile,
    free_memory,
    memory_for,
    memory_of_block,
    memory_to_sample,
    overlap_of,
)

if TYPE_CHECKING:
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.plane_region import PlaneRegion
    from napari_denoisplit.nn.sampler import NetworkFacts
    from napari_denoisplit.settings import SplitSettings


def preflight(
    model: Model | Path,
    image: Image | ImageFile,
    settings: SplitSettings,
    *,
    on_disk: bool = False,
    region: PlaneRegion | None = None,
) -> Preflight:
    """Tell what a split will take; no pixel is read, and no weight is loaded.

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
        The device is not there, or the tiles are all context.
    """
    header = read_header(model) if isinstance(model, Path) else model.header
    view = planes_of(image.open(lazy_above=0) if isinstance(image, ImageFile) else image)
    compute = Compute.choose(settings.device, settings.precision)
    facts = facts_of(network_for(header, view, settings), compute.dtype)
    settings, _ = settings_for(settings, facts)
    region = None if region is None else region.within(view)
    if not on_disk:
        return _in_memory(facts, view.shape, settings, compute, region)
    memory = memory_for(settings, compute.device, blocks=True)
    sizes = block_sizes(facts, settings, compute.device, memory)
    return preflight_blocks(facts, view.shape, settings, compute, sizes, region=region)


def _in_memory(
    facts: NetworkFacts,
    shape: tuple[int, ...],
    settings: SplitSettings,
    compute: Compute,
    region: PlaneRegion | None,
) -> Preflight:
    """Plane by plane, as `split_job` does it."""
    overlap = overlap_of(settings, facts)
    frame = frame_of(shape, region, overlap, facts.multiple)
    memory = memory_for(settings, compute.device)
    tile_size = settings.tile_size or fitting_tile(facts, frame.read_shape, overlap, memory)
    n_tiles = len(frame.tiles(tile_size, overlap, facts.multiple))
    results = (facts.n_channels, *shape[:-2], *frame.shape)
    in_work = bytes_in_work(results, settings)
    common = _counted(settings, shape, compute)
    return replace(
        common,
        memory=memory_to_sample(facts, frame.read_shape, tile_size) + in_work,
        memory_in_work=in_work,
        memory_for_results=4.0 * prod(results) * common.n_results,
        tile_size=tile_size if n_tiles > 1 else None,
        n_tiles=n_tiles,
    )


def preflight_blocks(
    facts: NetworkFacts,
    shape: tuple[int, ...],
    settings: SplitSettings,
    compute: Compute,
    sizes: tuple[int, int | None],
    *,
    n_missing: int | None = None,
    region: PlaneRegion | None = None,
) -> Preflight:
    """Tell what the rest of a split to disk will take.

    Parameters
    ----------
    facts, settings, compute
        What is split with, how, and where.
    shape
        Of the superposition without a channel axis, (..., Y, X).
    sizes
        Edges of a block, and of the tiles within it.
    n_missing
        Blocks that are to be done; None is all of them.
    region
        Part of every plane that is split, its ends closed; None is all of it.
    """
    edge, tile_size = sizes
    frame = frame_of(shape, region, overlap_of(settings, facts), facts.multiple)
    results = (*shape[:-2], *frame.shape)
    common = _counted(settings, shape, compute)
    n_blocks = common.n_planes * prod(-(-n // edge) for n in frame.shape)
    n_missing = n_blocks if n_missing is None else n_missing
    pixels = sum(prod(level) for level in level_shapes(results))
    # Most images of one block are smaller than that.
    largest = min(edge, max(frame.shape))
    is_cut = tile_size is not None and tile_size < largest + 2 * overlap_of(settings, facts)
    return replace(
        common,
        memory=memory_of_block(facts, settings, largest, tile_size),
        bytes_on_disk=4.0 * facts.n_channels * pixels * common.n_results * n_missing / n_blocks,
        n_blocks=n_blocks,
        n_there=n_blocks - n_missing,
        block_size=edge,
        tile_size=tile_size if is_cut else None,
    )


def _counted(settings: SplitSettings, shape: tuple[int, ...], compute: Compute) -> Preflight:
    """Begin with what is the same in memory and on disk."""
    return Preflight(
        n_samples=settings.n_samples,
        kept_samples=min(settings.keep_samples, settings.n_samples),
        n_planes=prod(shape[:-2]),
        free_memory=free_memory(torch.device("cpu")),
        computed_on=str(compute),
        up_to=settings.target_error is not None,
    )
