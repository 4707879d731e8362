"""Posterior samples from an OME-Zarr folder, as one array.

OME-NGFF 0.5 allows time, one channel or custom axis and two or three of space, five in all: samples
of several channels have no axis. Samples are therefore a series of images in one folder, in the
layout of bioformats2raw, which the specification knows and other programs open one by one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.zarr.layout import KEY
from napari_denoisplit.images.zarr.levels import channel_levels
from napari_denoisplit.images.zarr.nodes import read_node
from napari_denoisplit.images.zarr.reading import read_ome_zarr
from napari_denoisplit.images.zarr.series import image_folders

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from numpy.typing import NDArray

    from napari_denoisplit.images.image import Image

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
    path = Path(path)
    images = [read_ome_zarr(folder) for folder in _folders(path)]
    if not images:
        raise ImageError(f"{path} holds no posterior samples: split again, and keep samples.")
    first = images[0]
    if any(image.shape != first.shape for image in images):
        raise ImageError(f"{path}: its samples differ in shape. Copy the folder again.")
    return series([image.data for image in images]), first


def sample_levels(path: Path, axes: str, n_channels: int) -> dict[str, list[tuple[Any, ...]]]:
    """Open all resolutions of a split lazily.

    Parameters
    ----------
    path
        As of `read_samples`.
    axes
        Letters of the axes of a sample but C.
    n_channels
        Number of structures.

    Returns
    -------
    For 'samples', 'mmse' and 'sigma', as far as they are there, an array (K, ...) or (...) for each
    structure of each level, the finest first. Where blocks are missing, there is that level alone.
    """
    found = {}
    folders = _folders(path)
    each = [_levels(folder, axes, n_channels) for folder in folders]
    by_level = zip(*each, strict=False)
    found["samples"] = [
        tuple(series(arrays) for arrays in zip(*level, strict=True)) for level in by_level
    ]
    for kind in ("mmse", "sigma"):
        if (path / kind).is_dir():
            found[kind] = _levels(path / kind, axes, n_channels)
    return found


def _levels(folder: Path, axes: str, n_channels: int) -> list[tuple[Any, ...]]:
    """Open the levels of one image, of each an array for each channel."""
    each = [channel_levels(folder, channel, axes) for channel in range(n_channels)]
    levels = list(zip(*each, strict=True))
    return levels if _is_finished(folder) else levels[:1]


def _folders(path: Path) -> list[Path]:
    """Folders of the samples, in their order."""
    node = read_node(path)
    folders = [] if node is None else image_folders(node)
    return [folder for folder in folders if folder.parent == path / SAMPLES]


def _is_finished(folder: Path) -> bool:
    """Whether the coarser levels of an image hold what they should."""
    node = read_node(folder)
    own = None if node is None else node.attributes.get(KEY)
    return not isinstance(own, dict) or own.get("complete") is not False


def series(arrays: Sequence[Any]) -> Any:
    """Stack lazy arrays along a new first axis; of a part, only that part is read.

    dask's own stack would have each block read that the part touches, as a whole: of a slide 64 MiB
    for a single pixel.

    Parameters
    ----------
    arrays
        Dask arrays of the same shape and type.

    Returns
    -------
    Dask array (K, ...).
    """
    import dask.array  # only for arrays on disk

    first = arrays[0]
    return dask.array.from_array(
        _Series(tuple(arrays)),
        chunks=((1,) * len(arrays), *first.chunks),
        name=False,
        meta=np.empty((0,) * (first.ndim + 1), first.dtype),
    )


class _Series:
    """Arrays side by side, each asked only for what is wanted of it."""

    def __init__(self, arrays: tuple[Any, ...]) -> None:
        self.shape = (len(arrays), *arrays[0].shape)
        self.dtype, self.ndim = arrays[0].dtype, arrays[0].ndim + 1
        self._arrays = arrays

    def __getitem__(self, index: Any) -> NDArray[Any]:
        index = index if isinstance(index, tuple) else (index,)
        wanted = np.arange(len(self._arrays))[index[0]]
        if wanted.ndim == 0:
            return _read(self._arrays[int(wanted)], index[1:])
        return np.stack([_read(self._arrays[int(k)], index[1:]) for k in wanted])


def _read(array: Any, index: tuple[Any, ...]) -> NDArray[Any]:
    # In the thread that asks: this is one task of many.
    return np.asarray(array[index].compute(scheduler="synchronous"))
