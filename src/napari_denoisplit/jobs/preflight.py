"""Memory and disk that a split will take, found before it begins, and said in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from napari_denoisplit.checkpoint import Model, read_header
from napari_denoisplit.images.files.image_file import ImageFile
from napari_denoisplit.images.zarr.pyramid import level_shapes
from napari_denoisplit.jobs.recording.scale import network_for
from napari_denoisplit.jobs.split.input import frame_of, planes_of, settings_for
from napari_denoisplit.memory import free_memory, room_for
from napari_denoisplit.nn.compute import Compute
from napari_denoisplit.nn.families import facts_of
from napari_denoisplit.sampling.cost import (
    block_sizes,
    bytes_in_work,
    fitting_tile,
    memory_for,
    memory_of_block,
    memory_to_sample,
    overlap_of,
)
from napari_denoisplit.wording import gib

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.plane_region import PlaneRegion
    from napari_denoisplit.nn.sampler import NetworkFacts
    from napari_denoisplit.settings import SplitSettings


@dataclass(frozen=True, slots=True)
class Preflight:
    """What splitting an image will take."""

    n_samples: int
    kept_samples: int
    free_memory: float
    """Bytes of memory that are free now."""
    computed_on: str
    """Device and precision, e.g. 'cpu, bfloat16'."""
    memory: float = 0.0
    """Bytes that sampling takes at most, on the device."""
    memory_in_work: float = 0.0
    """Part of `memory` that whole planes take in a split in memory, tiles or not, bytes."""
    memory_for_results: float = 0.0
    """Bytes of MMSE, sigma and kept samples that stay in memory; 0 on disk."""
    bytes_on_disk: float = 0.0
    """Of the blocks that are to be done, on disk at most, coarser levels included; 0 in memory."""
    n_blocks: int = 0
    """Blocks of all planes; 0 in memory."""
    n_there: int = 0
    """Blocks that an earlier run has written; bytes on disk are of the others."""
    n_images: int = 1
    up_to: bool = False
    """Whether sampling may end sooner, at a target for the error."""

    @property
    def n_results(self) -> int:
        """Images that are made: MMSE, sigma of two samples or more, kept samples."""
        return self.kept_samples + (2 if self.n_samples > 1 else 1)

    @property
    def fits(self) -> bool:
        """Whether the results fit into memory; `split_job` refuses those that do not."""
        needed = self.memory_for_results + self.memory_in_work
        return needed <= room_for("results", self.free_memory)

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        many = f"{self.n_images} images: " if self.n_images > 1 else ""
        samples = f"{self.n_samples} answer{'' if self.n_samples == 1 else 's'}"
        up_to = "up to " if self.up_to else ""
        return f"{many}{up_to}{samples} on {self.computed_on}; {self.needs}"

    @property
    def brief(self) -> str:
        """The most important of it in one short line."""
        text = f"Takes {gib(self.memory + self.memory_for_results)} of memory"
        if self.bytes_on_disk:
            text += f", at most {gib(self.bytes_on_disk)} on disk"
        return text

    @property
    def needs(self) -> str:
        """Memory and disk in words."""
        sampling = f"{gib(self.memory)} of memory to sample"
        if not self.n_blocks:
            return f"{sampling}; {gib(self.memory_for_results)} for {self._results}"
        blocks = "1 block" if self.n_blocks == 1 else f"{self.n_blocks} blocks"
        there = f", {self.n_there} of them there already" if self.n_there else ""
        more = " more" if self.n_there else ""
        return f"{sampling} in {blocks}{there}; at most {gib(self.bytes_on_disk)}{more} on disk"

    @property
    def problem(self) -> str:
        """Why the results cannot stay in memory, with the ways out; empty if they can."""
        if self.fits:
            return ""
        return (
            f"{self.shortage}: let the results go to disk (in the widget by 'Results', on the "
            "command line by -o NAME.zarr, in Python by split_to_zarr), or keep fewer answers."
        )

    @property
    def shortage(self) -> str:
        """How much memory the results take, and how much there is."""
        takes = f"{self._results} take {gib(self.memory_for_results)}"
        if self.memory_in_work:  # of a few large planes it is the greater part
            takes += f" and {gib(self.memory_in_work)} more while answers are drawn"
        return f"{takes}, and {gib(self.free_memory)} of memory are free"

    @property
    def _results(self) -> str:
        kinds = ["best estimate"] + ["uncertainty"] * (self.n_samples > 1)
        if self.kept_samples:
            kinds.append("1 answer" if self.kept_samples == 1 else f"{self.kept_samples} answers")
        return " and ".join([", ".join(kinds[:-1]), kinds[-1]] if kinds[1:] else kinds)


def together(parts: Sequence[Preflight], *, results_stay: bool) -> Preflight:
    """Add up what images take that are split one after the other.

    Parameters
    ----------
    parts
        Of each image, one at least.
    results_stay
        Whether all results stay in memory; otherwise those of one image at a time.
    """
    results = [part.memory_for_results for part in parts]
    return replace(
        parts[0],
        memory=max(part.memory for part in parts),
        memory_for_results=sum(results) if results_stay else max(results),
        memory_in_work=max(part.memory_in_work for part in parts),
        bytes_on_disk=sum(part.bytes_on_disk for part in parts),
        n_blocks=sum(part.n_blocks for part in parts),
        n_images=len(parts),
    )


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
    memory = memory_for(settings, compute.device, blocks=on_disk)
    if on_disk:
        sizes = block_sizes(facts, settings, compute.device, memory)
        return preflight_blocks(facts, view.shape, settings, compute, sizes, region=region)
    overlap = overlap_of(settings, facts)
    frame = frame_of(view.shape, region, overlap, facts.multiple)
    told = in_memory((facts.n_channels, *view.shape[:-2], *frame.shape), settings, compute)
    tile_size = settings.tile_size or fitting_tile(facts, frame.read_shape, overlap, memory)
    sampling = memory_to_sample(facts, frame.read_shape, tile_size)
    return replace(told, memory=sampling + told.memory_in_work)


def in_memory(
    shape: tuple[int, ...], settings: SplitSettings, compute: Compute | None = None
) -> Preflight:
    """Tell what results (C, ..., Y, X) take in memory, without what sampling takes beside them."""
    told = _begun(settings, compute)
    return replace(
        told,
        memory_in_work=bytes_in_work(shape, settings),
        memory_for_results=4.0 * prod(shape) * told.n_results,
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
    told = _begun(settings, compute)
    n_blocks = prod(shape[:-2]) * prod(-(-n // edge) for n in frame.shape)
    n_missing = n_blocks if n_missing is None else n_missing
    pixels = sum(prod(level) for level in level_shapes(results))
    # Most images of one block are smaller than that.
    largest = min(edge, max(frame.shape))
    return replace(
        told,
        memory=memory_of_block(facts, settings, largest, tile_size),
        bytes_on_disk=4.0 * facts.n_channels * pixels * told.n_results * n_missing / n_blocks,
        n_blocks=n_blocks,
        n_there=n_blocks - n_missing,
    )


def _begun(settings: SplitSettings, compute: Compute | None) -> Preflight:
    """Begin with what is the same in memory and on disk."""
    return Preflight(
        n_samples=settings.n_samples,
        kept_samples=min(settings.keep_samples, settings.n_samples),
        free_memory=free_memory(),
        computed_on=str(compute),
        up_to=settings.target_error is not None,
    )
