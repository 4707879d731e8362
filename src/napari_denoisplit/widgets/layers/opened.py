"""A result of a split, opened from its files in the background, and added as layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.events import Stage
from napari_denoisplit.images.layer_record import MMSE, RESULT_KINDS, SAMPLES, SIGMA
from napari_denoisplit.widgets.layers.place import AXIS_NAMES, SAMPLE, Place
from napari_denoisplit.widgets.layers.results import (
    OwnLayers,
    contrast_limits,
    made_by,
    result_layer,
    show_levels,
)

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.widgets.layers.results import Key

FIELDS = {MMSE: "mmse_arrays", SIGMA: "sigma_arrays", SAMPLES: "sample_arrays"}
"""Of `Split`, by what a layer shows."""
_LARGEST_AT_HAND = 1024
"""Longest edge of a plane that is kept in memory, pixels: about that of a window."""
_MEMORY = 2**28  # bytes that all coarser levels of a result may take in memory
_MOST_PLANES = 8  # that are looked at for the contrast


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """What one layer shows."""

    arrays: tuple[Any, ...]
    """(..., Y, X), in the order of the viewer, the finest first; what is large is read lazily."""
    limits: tuple[float, float] | None
    """Display limits; None while blocks are missing."""


@dataclass(frozen=True, slots=True, eq=False)
class OpenedResult:
    """A result whose pixels are ready to be shown."""

    split: Split
    levels: Mapping[Key, Levels]


def levels_of(split: Split, axes: str, *, complete: bool = True) -> dict[Key, Levels]:
    """Put together what the layers of a result show; takes a while where it is on disk.

    Parameters
    ----------
    split
        In memory or on disk.
    axes
        Of the layers, in the order of the viewer, without that of samples.
    complete
        Whether no block is missing. Then the contrast is looked for, and coarser levels of the size
        of a window are read, as far as memory allows, so that the viewer need not when it shows
        everything.
    """
    order = [split.axes.index(axis) for axis in axes]
    found: dict[Key, Levels] = {}
    room: float = _MEMORY
    for kind in RESULT_KINDS:
        every = [getattr(one, FIELDS[kind]) for one in (split, *split.coarser)]
        every = [arrays for arrays in every if arrays is not None]
        turn = order if kind != SAMPLES else [0, *(1 + axis for axis in order)]
        for channel in range(split.n_structures if every else 0):
            arrays = [turned(level[channel], turn) for level in every]
            if complete:
                room = _read_small(arrays, room)
            limits = contrast_limits(_some_planes(arrays[-1])) if complete else None
            found[channel, kind] = Levels(tuple(arrays), limits)
    return found


def turned(array: Any, turn: list[int]) -> Any:
    """Put the axes of an array into another order."""
    # dask reads whole blocks of what was transposed, even where nothing changes places.
    return array if turn == sorted(turn) else array.transpose(turn)


def _read_small(arrays: list[Any], room: float) -> float:
    """Read levels of the size of a window as far as there is room; return what is left of that."""
    for i in reversed(range(len(arrays))):
        if max(arrays[i].shape[-2:]) > _LARGEST_AT_HAND or arrays[i].nbytes > room:
            break
        arrays[i] = np.asarray(arrays[i])
        room -= arrays[i].nbytes
    return room


def _some_planes(level: Any) -> NDArray[np.float32]:
    """Read some planes of an array (..., Y, X), evenly spread; all of one that is in memory."""
    if isinstance(level, np.ndarray):
        return level
    planes = list(np.ndindex(level.shape[:-2]))
    chosen = np.unique(np.linspace(0, len(planes) - 1, _MOST_PLANES).round().astype(int))
    return np.stack([np.asarray(level[planes[i]], np.float32) for i in chosen])


def open_result(path: Path, stop: threading.Event) -> Job[StatusEvent, OpenedResult | None]:
    """Open any result of a split.

    Parameters
    ----------
    path
        One of its files, or its folder.
    stop
        Ends the work, without a result.
    """
    yield Stage(f"Opening {path.name}")
    from napari_denoisplit.images.results.files import open_split  # loads tifffile

    split = open_split(path)
    return None if stop.is_set() else OpenedResult(split, levels_of(split, split.axes))


def add_result(layers: OwnLayers, opened: OpenedResult) -> None:
    """Show a result in layers of its own; of what is shown already, bring the pixels up to date.

    Only the MMSE is visible at first, or the samples where there is no other.
    """
    split = opened.split
    labels = {axis: AXIS_NAMES[axis] for axis in split.axes}
    place = Place(split.axes, split.pixel_size, split.origin, split.units, labels)
    for kind in (SIGMA, SAMPLES, MMSE):
        for channel in reversed(range(split.n_structures)):
            if (level := opened.levels.get((channel, kind))) is None:
                continue
            if (layer := layers.alive((channel, kind))) is not None:
                show_levels(layer, level.arrays)
                continue
            look = result_layer(
                split.name,
                split.structures[channel],
                channel,
                kind,
                made_by(split),
                calibrated=split.calibrated,
            )
            layers.add(
                (channel, kind),
                list(level.arrays) if len(level.arrays) > 1 else level.arrays[0],
                level.limits or (0.0, 1.0),
                multiscale=len(level.arrays) > 1,
                **look,
                **place.keywords(SAMPLE * (kind == SAMPLES) + split.axes),
            )
