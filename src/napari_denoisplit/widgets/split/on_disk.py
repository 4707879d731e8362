"""The background part of a split to disk: which blocks are there, and small pictures of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.events import BlocksWritten, Stage
from napari_denoisplit.widgets.choosers.chosen import ChosenImage, single_channel

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import ModelHeader
    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.jobs.slide.store import SlideStore
    from napari_denoisplit.sampling.focus import FocusSource
    from napari_denoisplit.settings import SplitSettings
    from napari_denoisplit.widgets.split.disk_levels import Levels

_OVERVIEW = 1024
"""Longest edge of the picture of a whole plane, pixels: about that of a window."""
_SINGLE_LEVEL = 512  # planes up to this have no coarser levels
_LARGEST_SHOWN = 2**26
"""Pixels of a plane of the input that is shown without coarser levels."""
_LOOK = 1024  # edge of the part that is looked at for the contrast


@dataclass(frozen=True, slots=True, eq=False)
class InputOpened:
    """The image to be split is known, one channel of it; its pixels may lie on disk."""

    image: Image
    contrast_limits: tuple[float, float]
    levels: tuple[Any, ...]
    """What to show of it, the finest level first; empty where that would take too long."""


@dataclass(frozen=True, slots=True, eq=False)
class ResultBegun:
    """The result is there, perhaps with blocks of an earlier run."""

    path: Path
    provenance: dict[str, Any]
    shape: tuple[int, ...]
    """(C, T, Z, Y, X) without the axes that the image does not have."""
    levels: Mapping[str, Levels]
    """What the layers show, see `open_levels`."""


@dataclass(frozen=True, slots=True, eq=False)
class ResultOpened:
    """Nothing is written any more: this is what the layers show from now on."""

    levels: Mapping[str, Levels]


@dataclass(frozen=True, slots=True, eq=False)
class BlockPicture:
    """A block that is there, shrunk."""

    place: tuple[int | slice, ...]
    """Where it lies in the picture of everything, behind the axis of channels."""
    pixels: dict[str, NDArray[np.float32]]
    """(C, Y, X) of 'MMSE', and of 'sigma' if there is one."""


@dataclass(frozen=True, slots=True)
class DiskSplit:
    """Outcome of a split to disk, as the widget needs it."""

    path: Path
    n_samples: int
    """Behind each block; 0 where there is none."""
    n_blocks: int
    n_done: int
    complete: bool
    n_kept: int
    provenance: dict[str, Any]
    temporary: bool
    n_channels: int
    axes: str
    """Of the layers, in the order of the viewer, without that of samples."""
    notes: tuple[str, ...] = field(default=())

    def levels(self, path: Path | None = None) -> dict[str, Levels]:
        """Open what the layers show, here or where the result has been moved to; takes a while."""
        from napari_denoisplit.widgets.split.disk_levels import open_levels

        names = ["mmse", *(["sigma"] if self.n_samples > 1 else [])]
        names += [f"samples/{k:03d}" for k in range(self.n_kept)]
        path = self.path if path is None else path
        return open_levels(path, names, self.n_channels, self.axes, complete=self.complete)

    @property
    def in_words(self) -> str:
        """Where it is, and what becomes of it."""
        if not self.complete:
            return (
                f"{self.n_done} of {self.n_blocks} blocks are there: split again, with the same "
                "choices, to go on."
            )
        if self.temporary:
            return "It is deleted with its layers: save it to keep it."
        return f"It is in {self.path}."

    @property
    def stopped_early(self) -> bool:
        """Whether blocks, or the levels for display, are missing."""
        return not self.complete


def shrink_factor(height: int, width: int) -> int:
    """By how much a plane is shrunk for the picture of it; 1 where it is small enough as it is."""
    longest, factor = max(height, width), 1
    if longest <= _SINGLE_LEVEL:
        return 1
    while factor < 2 or (-(-longest // factor) > _OVERVIEW and factor < 64):
        factor *= 2  # a power of two up to 64 divides the place of every block
    return factor


def to_disk(
    chosen: ChosenImage,
    model: Path,
    header: ModelHeader,
    settings: SplitSettings,
    target: Path,
    temporary: bool,
    stop: threading.Event,
    *,
    focus: FocusSource | None = None,
) -> Job[StatusEvent | InputOpened | ResultBegun | BlockPicture | ResultOpened, DiskSplit]:
    """Split one image to disk, and show the blocks that are there.

    Parameters
    ----------
    chosen, model, header, settings
        What is split, with what and how.
    target
        Folder to make; the name gets a number where it is taken by something else.
    temporary
        Whether the result goes when its layers go.
    stop
        Ends the work; complete blocks are kept.
    focus
        Says what is in view: it is split first.
    """
    # Not at the top: torch is paid for when a split is asked for, in the background.
    yield Stage(f"Opening {chosen.name}")
    opened = _opened(chosen, header)
    yield opened
    yield Stage("Loading the network")
    from napari_denoisplit.jobs.slide.job import split_to_zarr_job
    from napari_denoisplit.jobs.slide.store import SlideStore

    axes = (chosen.place.axes if chosen.place else opened.image.axes).replace("C", "")
    job = split_to_zarr_job(
        model, opened.image, target, settings, stop=stop, numbered=True, focus=focus
    )
    store: SlideStore | None = None
    while True:
        try:
            event = next(job)
        except StopIteration as end:
            done: Split = end.value
            break
        if not isinstance(event, BlocksWritten):
            yield event
            continue
        if store is None:
            store = SlideStore(event.path)
            yield _begun(store, opened.image, header, axes)
        if not store.complete:
            yield from _pictures(store, event.numbers, opened.image.shape)
    if store is None:
        raise TypeError("a split to disk ended before it began")
    n_blocks, complete = len(store.regions), store.complete
    n_done = n_blocks - len(store.missing())
    split = DiskSplit(
        store.path,
        settings.n_samples if n_done else 0,
        n_blocks,
        n_done,
        complete,
        sum(name.startswith("samples/") for name in store.names),
        _provenance(store),
        temporary,
        len(header.channel_names),
        axes,
        done.notes,
    )
    yield ResultOpened(split.levels())
    return split


def _begun(store: SlideStore, image: Image, header: ModelHeader, axes: str) -> ResultBegun:
    from napari_denoisplit.widgets.split.disk_levels import open_levels

    n_channels = len(header.channel_names)
    names = [name for name in store.names if not name.startswith("samples/")]
    levels = open_levels(store.path, names, n_channels, axes, complete=False)
    return ResultBegun(store.path, _provenance(store), (n_channels, *image.shape), levels)


def _opened(chosen: ChosenImage, header: ModelHeader) -> InputOpened:
    """Open an image, and what is to be shown of it."""
    from napari_denoisplit.images.files.image_file import ImageFile
    from napari_denoisplit.widgets.layers.results import contrast_limits

    source = chosen.source
    image = ImageFile(source).open() if isinstance(source, Path) else source
    weights = header.mix.channel_weights(header.network.n_channels)
    single = single_channel(image, chosen.channel, weights)
    middle = tuple(slice(max(0, n - _LOOK) // 2, max(0, n - _LOOK) // 2 + _LOOK)
                   for n in single.shape[-2:])  # fmt: skip
    first = (0,) * (len(single.shape) - 2)
    seen = np.asarray(single.data[(*first, *middle)], dtype=np.float32)
    levels = _levels_of_input(chosen, image, single) if chosen.layer is None else ()
    return InputOpened(single, contrast_limits(seen), levels)


def _levels_of_input(chosen: ChosenImage, image: Image, single: Image) -> tuple[Any, ...]:
    from napari_denoisplit.errors import ImageError
    from napari_denoisplit.images.zarr.levels import channel_levels
    from napari_denoisplit.images.zarr.nodes import is_zarr

    if chosen.path is not None and is_zarr(chosen.path) and image.n_channels == 1:
        try:
            return tuple(channel_levels(chosen.path, 0, single.axes))
        except ImageError:  # of a series, or a plain array
            pass
    small = single.shape[-1] * single.shape[-2] <= _LARGEST_SHOWN
    return (single.data,) if small else ()


def _provenance(store: SlideStore) -> dict[str, Any]:
    return {**store.plan, **store.provenance, "result": str(store.path)}


def _pictures(
    store: SlideStore, numbers: tuple[int, ...], shape: tuple[int, ...]
) -> Iterator[BlockPicture]:
    """Read blocks and shrink them."""
    import zarr

    from napari_denoisplit.images.zarr.writer import OmeZarrWriter

    factor = shrink_factor(*shape[-2:])
    kinds = {"MMSE": "mmse"} | ({"sigma": "sigma"} if "sigma" in store.names else {})
    arrays = {
        kind: zarr.open_array(store.path / name / "0", mode="r") for kind, name in kinds.items()
    }
    axes = OmeZarrWriter.resume(store.path / "mmse").axes
    for number in numbers:
        region, block = store.regions[number], store.block(number)
        pixels = {}
        for kind, array in arrays.items():
            stored = np.moveaxis(np.asarray(array[region.slices]), axes.index("C"), 0)
            pixels[kind] = _shrunk(stored.reshape(len(stored), *stored.shape[-2:]), factor)
        y, x = (slice(a // factor, -(-b // factor)) for a, b in (block.y, block.x))
        yield BlockPicture((*block.plane, y, x), pixels)


def _shrunk(pixels: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Mean of squares of pixels (C, Y, X); at the far edges of those there are."""
    if factor == 1:
        return pixels
    height, width = pixels.shape[-2:]
    pad = ((0, 0), (0, -height % factor), (0, -width % factor))
    whole = np.pad(pixels, pad, mode="edge")
    split = whole.reshape(len(whole), whole.shape[1] // factor, factor, -1, factor)
    small: NDArray[np.float32] = split.mean(axis=(2, 4), dtype=np.float32)
    return small
