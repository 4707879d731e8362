"""Whole images into OME-Zarr folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import AXES
from napari_denoisplit.images.zarr.layout import OmeZarrLayout, new_group
from napari_denoisplit.images.zarr.writer import OmeZarrWriter

if TYPE_CHECKING:
    from pathlib import Path

    from napari_denoisplit.images.image import Image

__all__ = ["write_ome_zarr"]


def write_ome_zarr(path: Path, image: Image, *, description: str = "") -> None:
    """Write an image block by block; it appears under its name when it is complete.

    Parameters
    ----------
    path
        Folder to make; a Zarr folder of that name is replaced.
    image
        Integers or floating-point numbers.
    description
        Text to keep with the image.

    Raises
    ------
    ImageError
        The pixels are no numbers, or the folder cannot be written.
    """
    dtype = np.dtype(image.data.dtype).newbyteorder("=")
    if dtype.kind not in "uif" or dtype.itemsize > 8:
        raise ImageError(
            f"{image.name!r} has pixels of type {dtype}, which an OME-Zarr cannot hold: convert it "
            "to uint16 or float32 first."
        )
    ordered = image.transposed("".join(a for a in AXES if a in image.axes))
    layout = OmeZarrLayout(
        name=image.name,
        shape=ordered.shape,
        axes=ordered.axes,
        dtype=np.float32 if dtype == np.float16 else dtype,  # few readers know half precision
        pixel_size=image.pixel_size,
        units=image.units,
        origin=image.origin,
        channel_names=image.channel_names,
        provenance={"description": description} if description else {},
    )
    with new_group(path, overwrite=True) as (temporary, group):
        layout.make(group)
        writer = OmeZarrWriter.resume(temporary)
        for region in writer.regions:
            writer.write(region, np.asarray(ordered.data[region.slices]))
        writer.finish()
