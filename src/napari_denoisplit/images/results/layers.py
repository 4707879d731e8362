"""The layers that show a result: their pixels, look, record and place, as napari takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.images.layer_record import (
    MMSE,
    RESULT_KINDS,
    SAMPLES,
    SIGMA,
    kind_in_words,
    layer_metadata,
    layer_name,
)
from napari_denoisplit.images.place import SAMPLE, place_of_image

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from napari_denoisplit.images.results.split import Split

Key = tuple[int, str]
"""Of a layer of a result: number of the structure, and kind."""

FIELDS = {MMSE: "mmse_arrays", SIGMA: "sigma_arrays", SAMPLES: "sample_arrays"}
"""Of `Split`, by what a layer shows."""
_LARGEST_AT_HAND = 1024
"""Longest edge of a plane that is kept in memory, pixels: about that of a window."""
_MEMORY = 2**28  # bytes that all coarser levels of a result may take in memory
_MOST_PLANES = 8  # that are looked at for the contrast


# The first two can be told apart with any colour vision, and add up to white.
STRUCTURE_COLORMAPS = ("bop orange", "bop blue", "bop purple", "green", "magenta", "yellow", "cyan")
SIGMA_COLORMAP = "magma"
_LIMIT_PERCENTILES = (0.5, 99.8)
_PIXELS_FOR_LIMITS = 500_000


def structure_colormap(channel: int) -> str:
    """Colormap of a structure, the same in layers and plots."""
    return STRUCTURE_COLORMAPS[channel % len(STRUCTURE_COLORMAPS)]


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """What one layer shows."""

    arrays: tuple[Any, ...]
    """(..., Y, X), in the order of the viewer, the finest first; what is large is read lazily."""
    limits: tuple[float, float] | None
    """Display limits; None while blocks are missing."""


def contrast_limits(
    data: NDArray[np.float32], n_pixels: int = _PIXELS_FOR_LIMITS
) -> tuple[float, float]:
    """Display limits that leave out the few darkest and brightest of so many pixels."""
    step = max(1, int(np.ceil(np.sqrt(data.size / n_pixels))))
    seen = data[..., ::step, ::step]
    seen = seen[np.isfinite(seen)]
    if not seen.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(seen, _LIMIT_PERCENTILES))
    return low, high if high > low else low + 1.0


def result_layer(
    image: str,
    structure: str,
    channel: int,
    kind: str,
    made: Mapping[str, Any],
    *,
    calibrated: bool,
    lowest: bool,
) -> dict[str, Any]:
    """Name, look and record of a layer of a result, as arguments of `add_image`.

    Parameters
    ----------
    image, structure, channel
        Name of the image, and of the structure in it, with its number.
    kind
        One of `RESULT_KINDS`.
    made
        How the result was made.
    calibrated
        Whether sigma is an error that was measured, or the plain spread of the samples.
    lowest
        Whether it lies below the other structures. Of the MMSE it then covers what else is there,
        such as the superposition, to which the others would add.
    """
    is_sigma = kind == SIGMA
    covers = "translucent_no_depth" if lowest and kind == MMSE else "additive"
    return {
        "name": layer_name(image, structure, kind_in_words(kind, calibrated=calibrated)),
        "colormap": SIGMA_COLORMAP if is_sigma else structure_colormap(channel),
        "blending": "translucent" if is_sigma else covers,
        "visible": kind == MMSE,
        "metadata": layer_metadata(
            made, image=image, structure=structure, channel=channel, kind=kind
        ),
    }


def made_by(split: Split) -> dict[str, Any]:
    """How a result was made, as the records of its layers say it."""
    settings = split.provenance.get("settings")
    made = {
        **split.provenance,
        "samples": split.n_samples,
        "settings": {**(settings or {}), "antithetic": split.mirrored},
    }
    return made if split.path is None else made | {"result": str(split.path)}


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


def layers_of(
    split: Split, levels: Mapping[Key, Levels]
) -> Iterator[tuple[Key, Any, dict[str, Any]]]:
    """Describe every layer of a result, the lowest first.

    Only the MMSE is visible at first, or the samples where there is no other.

    Yields
    ------
    Key, pixels, and the other arguments of `add_image`.
    """
    place = place_of_image(split)
    for kind in (SIGMA, SAMPLES, MMSE):
        for channel in reversed(range(split.n_structures)):
            if (level := levels.get((channel, kind))) is None:
                continue
            look = result_layer(
                split.name,
                split.structures[channel],
                channel,
                kind,
                made_by(split),
                calibrated=split.calibrated,
                lowest=channel == split.n_structures - 1,
            )
            look["visible"] |= kind == SAMPLES and split.mmse_arrays is None
            several = len(level.arrays) > 1
            keywords = {
                "multiscale": several,
                "contrast_limits": level.limits or (0.0, 1.0),
                **look,
                **place.keywords(SAMPLE * (kind == SAMPLES) + split.axes),
            }
            yield (channel, kind), list(level.arrays) if several else level.arrays[0], keywords
