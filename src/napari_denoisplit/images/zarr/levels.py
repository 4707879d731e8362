"""All resolution levels of one channel of an OME-Zarr image, for a viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.blocks import lazily
from napari_denoisplit.images.zarr.arrays import open_level
from napari_denoisplit.images.zarr.ngff_axes import axis_letters
from napari_denoisplit.images.zarr.nodes import read_node
from napari_denoisplit.images.zarr.series import ome_metadata

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
        raise ImageError(f"{path} is not an OME-Zarr image: choose the folder of one.")
    levels = []
    for dataset in found[0]["datasets"]:
        array = open_level(path, dataset)
        letters = axis_letters(path, found[0].get("axes"), array.shape)
        sizes = zip(letters, array.shape, strict=True)
        if not set(axes) <= set(letters) or any(n > 1 and a not in axes + "C" for a, n in sizes):
            raise ImageError(f"{path} has axes {letters}: it cannot be shown as {axes}.")
        order = [letters.index(axis) for axis in axes]
        at = {letters.index("C"): channel} if "C" in letters else {}
        levels.append(lazily(array, order, path, at, most=_BLOCK))
    return levels
