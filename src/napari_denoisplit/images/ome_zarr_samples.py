"""Posterior samples in one OME-Zarr folder: one image per sample.

OME-NGFF 0.5 allows time, one channel or custom axis and two or three of space, five in all: samples
of several channels have no axis. Samples are therefore a series of images in one folder, in the
layout of bioformats2raw, which the specification knows. Every reader opens each of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.ngff import VERSION
from napari_denoisplit.images.ome_zarr import OmeZarrWriter
from napari_denoisplit.images.ome_zarr_layout import KEY, OmeZarrLayout, new_group
from napari_denoisplit.images.ome_zarr_reading import read_ome_zarr
from napari_denoisplit.images.zarr_names import image_name
from napari_denoisplit.images.zarr_nodes import read_node
from napari_denoisplit.images.zarr_series import SERIES, image_folders

if TYPE_CHECKING:
    from os import PathLike

    from napari_denoisplit.images.image import Image

__all__ = ["create_samples", "read_samples", "resume_samples"]


def create_samples(
    path: str | PathLike[str], n_samples: int, *, overwrite: bool = False, **layout: Any
) -> tuple[OmeZarrWriter, ...]:
    """Make a folder of empty, unfinished images, one per sample.

    Parameters
    ----------
    path
        Folder to make, best ending in .ome.zarr.
    n_samples
        Number of samples.
    overwrite
        Whether another Zarr folder of this name is removed.
    **layout
        As of `OmeZarrWriter.create`, for every sample.

    Returns
    -------
    A writer for each sample; `finish` each of them.

    Raises
    ------
    ImageError
        The folder exists and may not be removed, or cannot be made; the axes do not fit.
    """
    path = Path(path)
    names = [str(number) for number in range(n_samples)]
    with new_group(path, overwrite=overwrite) as (_, root):
        root.update_attributes(
            {"ome": {"version": VERSION, SERIES: 3}, KEY: {"samples": n_samples}}
        )
        series = {"version": VERSION, "series": names}
        root.create_group("OME", attributes={"ome": series})
        for name in names:
            named = f"{image_name(path)}, sample {int(name) + 1}"
            OmeZarrLayout(name=named, **layout).make(root.create_group(name))
    return resume_samples(path)


def resume_samples(path: str | PathLike[str]) -> tuple[OmeZarrWriter, ...]:
    """Open what `create_samples` has made, finished or not.

    Raises
    ------
    ImageError
        There are no samples.
    """
    return tuple(OmeZarrWriter.resume(folder) for folder in _folders(Path(path)))


def read_samples(path: str | PathLike[str]) -> tuple[Any, Image]:
    """Open samples lazily.

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

    images = [read_ome_zarr(folder) for folder in _folders(Path(path))]
    first = images[0]
    if any(image.shape != first.shape for image in images):
        raise ImageError(f"{path}: its samples differ in shape. Copy the folder again.")
    return dask.array.stack([image.data for image in images]), first


def _folders(path: Path) -> list[Path]:
    node = read_node(path)
    own = None if node is None else node.attributes.get(KEY)
    folders = [] if node is None else image_folders(node)
    if not isinstance(own, dict) or "samples" not in own or not folders:
        raise ImageError(f"{path} holds no posterior samples that were written here.")
    return folders
