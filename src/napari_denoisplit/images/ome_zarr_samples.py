"""Posterior samples from an OME-Zarr folder, as one array.

OME-NGFF 0.5 allows time, one channel or custom axis and two or three of space, five in all: samples
of several channels have no axis. Samples are therefore a series of images in one folder, in the
layout of bioformats2raw, which the specification knows and other programs open one by one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.ome_zarr_reading import read_ome_zarr
from napari_denoisplit.images.zarr_nodes import read_node
from napari_denoisplit.images.zarr_series import image_folders

if TYPE_CHECKING:
    from os import PathLike

    from napari_denoisplit.images.image import Image

__all__ = ["SAMPLES", "read_samples"]

SAMPLES = "samples"
"""Folder inside the result of a split in which the images are samples."""


def read_samples(path: str | PathLike[str]) -> tuple[Any, Image]:
    """Open the samples of a split lazily.

    Parameters
    ----------
    path
        Folder with a series of images, those in its folder ``samples`` being samples.

    Returns
    -------
    samples
        Dask array (K, ...): the samples along the first axis, then the axes of the image.
    image
        The first sample, for what all have in common: axes, pixel size, channel names.

    Raises
    ------
    ImageError
        There are no samples, or they differ in shape.
    """
    import dask.array  # only to stack what is not read

    path = Path(path)
    node = read_node(path)
    folders = [] if node is None else image_folders(node)
    images = [read_ome_zarr(folder) for folder in folders if folder.parent == path / SAMPLES]
    if not images:
        raise ImageError(f"{path} holds no posterior samples: split again, and keep samples.")
    first = images[0]
    if any(image.shape != first.shape for image in images):
        raise ImageError(f"{path}: its samples differ in shape. Copy the folder again.")
    return dask.array.stack([image.data for image in images]), first
