"""A split to disk in the background, with small pictures of the blocks that are written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.events import BlocksWritten, Stage
from napari_denoisplit.images.layer_record import MMSE, SIGMA
from napari_denoisplit.images.results.layers import FIELDS, levels_of
from napari_denoisplit.memory import LAZY_ABOVE
from napari_denoisplit.widgets.layers.opened import OpenedResult
from napari_denoisplit.widgets.parts.worker import loading
from napari_denoisplit.widgets.split.opening import InputOpened, open_input

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import ModelHeader
    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.jobs.slide.store import SlideStore
    from napari_denoisplit.sampling.focus import FocusSource
    from napari_denoisplit.settings import SplitSettings
    from napari_denoisplit.widgets.choosers.chosen import ChosenImage

_OVERVIEW = 1024
"""Longest edge of the picture of a whole plane, pixels: about that of a window."""
_SINGLE_LEVEL = 512  # planes up to this have no coarser levels


@dataclass(frozen=True, slots=True, eq=False)
class ResultBegun:
    """The result is there, perhaps with blocks of an earlier run."""

    opened: OpenedResult


@dataclass(frozen=True, slots=True, eq=False)
class BlockPicture:
    """A block that is there, shrunk."""

    place: tuple[int | slice, ...]
    """Where it lies in the picture of everything, behind the axis of channels."""
    pixels: dict[str, NDArray[np.float32]]
    """(C, Y, X) of the MMSE, and of sigma if there is one."""


def shrink_factor(height: int, width: int) -> int:
    """By how much a plane is shrunk for the picture of it; 1 where it is small enough as it is."""
    longest, factor = max(height, width), 1
    if longest <= _SINGLE_LEVEL:
        return 1
    while factor < 2 or (-(-longest // factor) > _OVERVIEW and factor < 64):
        factor *= 2  # a power of two up to 64 divides the place of every block
    return factor


def split_to_disk(
    chosen: ChosenImage,
    model: Path,
    header: ModelHeader,
    settings: SplitSettings,
    target: Path,
    stop: threading.Event,
    *,
    focus: FocusSource | None = None,
) -> Job[StatusEvent | InputOpened | ResultBegun | BlockPicture | OpenedResult, Split]:
    """Split one image to disk, and show the blocks that are there.

    Parameters
    ----------
    chosen, model, header, settings
        What is split, with what and how.
    target
        Folder to make; the name gets a number where it is taken by something else.
    stop
        Ends the work; complete blocks and samples are kept.
    focus
        Says what is in view: it is split first.

    Returns
    -------
    Split
        Opened lazily; of 0 samples where there is no block.
    """
    yield Stage(f"Opening {chosen.name}")
    opened = open_input(chosen, header, LAZY_ABOVE)
    image = opened.image
    yield opened
    yield from loading(stop, "napari_denoisplit.jobs.slide.job")
    # Not at the top: torch is paid for when a split is asked for, in the background.
    from napari_denoisplit.images.results.zarr_folder import open_zarr_folder
    from napari_denoisplit.jobs.slide.job import split_to_zarr_job
    from napari_denoisplit.jobs.slide.store import SlideStore

    axes = (chosen.place.axes if chosen.place else image.axes).replace("C", "")
    job = split_to_zarr_job(model, image, target, settings, stop=stop, numbered=True, focus=focus)
    store: SlideStore | None = None
    shown: Split | None = None
    while True:
        try:
            event = next(job)
        except StopIteration as end:
            split: Split = end.value
            break
        if not isinstance(event, BlocksWritten):
            yield event
            continue
        if store is None or shown is None:
            store = SlideStore(event.path)
            shown = open_zarr_folder(event.path)
            yield ResultBegun(OpenedResult(shown, levels_of(shown, axes, complete=False)))
        if not store.complete:
            yield from _pictures(store, shown, event.numbers)
    if store is None:
        raise TypeError("a split to disk ended before it began")
    store = SlideStore(store.path)  # anew: the job has one of its own, which has finished it
    split = _told(replace(split, name=image.name), store)
    if split.n_samples:
        yield OpenedResult(split, levels_of(split, axes, complete=store.complete))
    return split


def _told(split: Split, store: SlideStore) -> Split:
    """Let a result say how much of it is there."""
    if store.complete:
        return split
    note = f"{store.how_far}: split again, with the same choices, to go on."
    n_samples = split.n_samples if len(store.missing()) < len(store.regions) else 0
    return replace(
        split, n_samples=n_samples, stopped_early=True, notes=(note, *split.notes), coarser=()
    )


def _pictures(store: SlideStore, split: Split, numbers: tuple[int, ...]) -> Iterator[BlockPicture]:
    """Read blocks and shrink them."""
    factor = shrink_factor(*split.plane_shape)
    kinds = {kind: getattr(split, FIELDS[kind]) for kind in (MMSE, SIGMA)}
    for number in numbers:
        block = store.block(number)
        box = (*block.plane, slice(*block.y), slice(*block.x))
        pixels = {
            kind: _shrunk(np.stack([np.asarray(array[box]) for array in arrays]), factor)
            for kind, arrays in kinds.items()
            if arrays is not None
        }
        y, x = (slice(a // factor, -(-b // factor)) for a, b in (block.y, block.x))
        yield BlockPicture((*block.plane, y, x), pixels)


def _shrunk(pixels: NDArray[Any], factor: int) -> NDArray[np.float32]:
    """Mean of squares of pixels (C, Y, X); at the far edges of those there are."""
    height, width = pixels.shape[-2:]
    pad = ((0, 0), (0, -height % factor), (0, -width % factor))
    whole = np.pad(pixels, pad, mode="edge")
    split = whole.reshape(len(whole), whole.shape[1] // factor, factor, -1, factor)
    small: NDArray[np.float32] = split.mean(axis=(2, 4), dtype=np.float32)
    return small
