"""All resolution levels of one channel of an OME-Zarr image, for a viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import zarr

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.blocks import lazily
from napari_denoisplit.images.damage import DAMAGE
from napari_denoisplit.images.zarr.arrays import array_facts
from napari_denoisplit.images.zarr.ngff_axes import axis_letters
from napari_denoisplit.images.zarr.nodes import child, read_node
from napari_denoisplit.images.zarr.series import ome_metadata
from napari_denoisplit.images.zarr.stores import ConfinedStore

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = 2**22
"""Bytes of a block: napari reads whole ones, in the thread of the window."""


def channel_levels(path: Path, channel: int, axes: str) -> list[Any]:
    """Open one channel of an image lazily, the finest level first.

    Parameters
    ----------
    path
        Folder of one image.
    channel
        Number of the channel, from 0; an image without channels has the one.
    axes
        Letters of the axes wanted, in their order, ending in YX; C is none of them.

    Returns
    -------
    list of dask arrays
        Pixels that are not written yet have the value that the image declares for them.

    Raises
    ------
    ImageError
        The folder is no image, or an axis of more than one step is not among those wanted.
    """
    node = read_node(path)
    found = ome_metadata(node).get("multiscales") if node is not None else None
    if node is None or not isinstance(found, list) or not found:
        raise ImageError(f"{path} is no OME-Zarr image: choose the folder of one.")
    levels = []
    for dataset in found[0]["datasets"]:
        folder = child(path, dataset.get("path"))
        inner = read_node(folder)
        if inner is None or not inner.is_array:
            raise ImageError(f"{folder}, a level of the image, is missing: copy the folder again.")
        shape = array_facts(inner).shape
        letters = axis_letters(path, found[0].get("axes"), shape)
        _check(path, letters, shape, axes)
        order = [letters.index(axis) for axis in axes]
        array = _open(folder)
        at = {letters.index("C"): channel} if "C" in letters else {}
        levels.append(lazily(array, order, path, at, most=_BLOCK))
    return levels


def _check(path: Path, letters: str, shape: tuple[int, ...], axes: str) -> None:
    missing = set(axes) - set(letters)
    left_out = [a for a, n in zip(letters, shape, strict=True) if n > 1 and a not in axes + "C"]
    if missing or left_out:
        raise ImageError(f"{path} has axes {letters}: it cannot be shown as {axes}.")


def _open(folder: Path) -> zarr.Array[Any]:
    try:
        return zarr.open_array(ConfinedStore(folder), mode="r")
    except DAMAGE as error:
        raise ImageError(
            f"{folder} cannot be opened ({type(error).__name__}: {error}). Copy it again."
        ) from error
