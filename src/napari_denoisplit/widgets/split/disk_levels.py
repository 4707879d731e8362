"""What the layers of a result on disk show, opened and looked at in the background.

Opening an image, and above all reading it, takes too long for the thread of the window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.widgets.layers.results import contrast_limits

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

_LARGEST_AT_HAND = 1024
"""Longest edge of a plane that is kept in memory, pixels: about that of a window."""
_MEMORY = 2**28  # bytes that all levels of a result may take in memory
_MOST_PLANES = 8  # that are looked at for the contrast


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """What one layer shows."""

    arrays: tuple[Any, ...]
    """(..., Y, X), in the order of the viewer, the finest first; what is large is read lazily."""
    limits: tuple[float, float] | None
    """Display limits; None while blocks are missing."""


def open_levels(
    path: Path, names: Iterable[str], n_channels: int, axes: str, *, complete: bool
) -> dict[str, Levels]:
    """Open the layers of a result.

    Parameters
    ----------
    path
        Its folder.
    names
        Of the images in it: 'mmse', 'sigma' and samples, 'samples/000' and so on, in their order.
    n_channels
        Structures.
    axes
        Of the layers, in the order of the viewer, without that of samples.
    complete
        Whether no block is missing. Then levels of the size of a window are read, as far as
        memory allows, so that the viewer need not when it shows everything.

    Returns
    -------
    dict of Levels
        By the number of the channel and the kind, e.g. '0 MMSE', '1 sigma', '0 samples'.
    """
    kinds: dict[str, list[str]] = {"MMSE": [], "sigma": [], "samples": []}
    for name in names:
        kinds[{"mmse": "MMSE", "sigma": "sigma"}.get(name, "samples")].append(name)
    found: dict[str, Levels] = {}
    room: float = _MEMORY
    for kind, of_kind in kinds.items():
        for channel in range(n_channels if of_kind else 0):
            arrays = _opened([path / name for name in of_kind], channel, axes, kind == "samples")
            if complete:
                arrays, room = _at_hand(arrays, room)
            limits = contrast_limits(_some_planes(arrays[-1])) if complete else None
            found[f"{channel} {kind}"] = Levels(arrays, limits)
    return found


def _opened(paths: list[Path], channel: int, axes: str, are_samples: bool) -> tuple[Any, ...]:
    """Open one channel of an image, or of several that become one with an axis of samples."""
    from napari_denoisplit.images.zarr.levels import channel_levels  # loads zarr

    each = [channel_levels(path, channel, axes) for path in paths]
    if not are_samples:
        return tuple(each[0])
    from napari_denoisplit.images.results.zarr_folder import series

    return tuple(series(level) for level in zip(*each, strict=True))


def _at_hand(arrays: tuple[Any, ...], room: float) -> tuple[tuple[Any, ...], float]:
    """Read the coarser levels, as far as there is room; also return what is left of that."""
    found = list(arrays)
    for i, level in reversed(list(enumerate(arrays))):
        if max(level.shape[-2:]) > _LARGEST_AT_HAND or level.nbytes > room:
            break
        found[i] = np.asarray(level)
        room -= found[i].nbytes
    return tuple(found), room


def _some_planes(level: Any) -> NDArray[np.float32]:
    """Read some planes of an array (..., Y, X), evenly spread."""
    planes = list(np.ndindex(level.shape[:-2]))
    chosen = np.unique(np.linspace(0, len(planes) - 1, _MOST_PLANES).round().astype(int))
    return np.stack([np.asarray(level[planes[i]]) for i in chosen])
