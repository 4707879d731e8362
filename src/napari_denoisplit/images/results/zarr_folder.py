"""The OME-Zarr folder that a split has written, opened lazily.

OME-NGFF 0.5 allows time, one channel or custom axis and two or three of space, five in all: samples
of several channels have no axis. Samples are therefore a series of images in one folder, in the
layout of bioformats2raw, which the specification knows and other programs open one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.results.levels import with_coarser
from napari_denoisplit.images.results.split import Split
from napari_denoisplit.images.zarr.layout import KEY
from napari_denoisplit.images.zarr.levels import channel_levels
from napari_denoisplit.images.zarr.nodes import image_name, read_node
from napari_denoisplit.images.zarr.reading import read_ome_zarr
from napari_denoisplit.images.zarr.series import image_folders

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_denoisplit.images.zarr.nodes import ZarrNode

SAMPLES = "samples"
"""Folder inside the result of a split in which the images are samples."""


def open_zarr_folder(path: Path) -> Split:
    """Open the result of a split; pixels that are not written yet are NaN.

    Parameters
    ----------
    path
        Folder with a series of images: ``mmse``, ``sigma`` and those in ``samples``.

    Raises
    ------
    ImageError
        It holds neither an MMSE nor samples, or the samples differ in shape.
    """
    node = read_node(path)
    folders = [] if node is None else image_folders(node)
    samples = [folder for folder in folders if folder.parent == path / SAMPLES]
    named = {name: path / name for name in ("mmse", "sigma") if (path / name).is_dir()}
    if "mmse" not in named and not samples:
        raise ImageError(
            f"{path} is not a result of a split: it holds no MMSE and no samples. Choose a folder "
            "that 'denoisplit split' wrote."
        )
    images = [read_ome_zarr(folder) for folder in (*samples, *named.values())]
    first = images[0]
    if any(image.shape != first.shape for image in images[: len(samples)]):
        raise ImageError(f"{path}: its samples differ in shape. Copy the folder again.")
    axes = first.axes.replace("C", "")
    each = [_levels(folder, axes, first.n_channels) for folder in samples]
    levels: dict[str, list[tuple[Any, ...]]] = {}
    if each:
        levels["sample_arrays"] = [
            tuple(series(arrays) for arrays in zip(*level, strict=True))
            for level in zip(*each, strict=False)
        ]
    for (kind, folder), image in zip(named.items(), images[len(samples) :], strict=True):
        if image.shape == first.shape:
            levels[f"{kind}_arrays"] = _levels(folder, axes, first.n_channels)
    whole = Split.of_image(
        first,
        record=record_of(node),
        **{kind: arrays[0] for kind, arrays in levels.items()},
        name=image_name(path),
        path=path,
        stopped_early=not all(map(_is_finished, (*samples, *named.values()))),
    )
    return with_coarser(whole, levels)


def record_of(node: ZarrNode | None) -> dict[str, Any]:
    """Read how a folder was made; empty where it does not say."""
    own = None if node is None else node.attributes.get(KEY)
    parts = [own.get(key) for key in ("plan", "provenance")] if isinstance(own, dict) else []
    return {key: value for part in parts if isinstance(part, dict) for key, value in part.items()}


def _levels(folder: Path, axes: str, n_channels: int) -> list[tuple[Any, ...]]:
    """Open the levels of one image, of each an array for each channel.

    Where blocks are missing, there is the finest level alone.
    """
    each = [channel_levels(folder, channel, axes) for channel in range(n_channels)]
    levels = list(zip(*each, strict=True))
    return levels if _is_finished(folder) else levels[:1]


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
