"""OME-Zarr images that are written region by region and go on after an interruption."""

from __future__ import annotations

import shutil
from itertools import pairwise, product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import numpy as np
import zarr
from zarr.codecs import BloscCodec

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import AXES
from napari_denoisplit.images.ngff import channel_metadata, image_metadata
from napari_denoisplit.images.pyramid import contrast_windows, halved, level_shapes
from napari_denoisplit.images.regions import Region, RegionGrid
from napari_denoisplit.images.zarr_stores import WholeFileStore, remove_partial_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from os import PathLike

    from numpy.typing import DTypeLike, NDArray

__all__ = ["OmeZarrWriter", "Region"]

KEY = "denoisplit"
"""Attribute of a group under which this package keeps what OME-NGFF has no place for."""


class OmeZarrWriter:
    """An OME-Zarr image (OME-NGFF 0.5, zarr 3) into which regions are written in any order.

    The image is there under its name from the beginning, marked as unfinished. What has been
    written is known from the store alone: a region whose files exist is complete, since each
    appears whole or not at all. Several processes may write into one image, each its own regions,
    each through a writer of its own made by `resume`.
    """

    def __init__(self, path: Path, group: zarr.Group) -> None:
        self.path = path
        self._group = group
        own: Any = group.attrs[KEY]
        ome: Any = group.attrs["ome"]
        multiscale = ome["multiscales"][0]
        self.axes = "".join(axis["name"].upper() for axis in multiscale["axes"])
        self.provenance: dict[str, Any] = own["provenance"]
        self._levels = [_Level(path, group, level["path"]) for level in multiscale["datasets"]]

    @classmethod
    def create(
        cls,
        path: str | PathLike[str],
        *,
        shape: tuple[int, ...],
        axes: str,
        dtype: DTypeLike = "float32",
        pixel_size: Mapping[str, float] | None = None,
        units: Mapping[str, str] | None = None,
        channel_names: tuple[str, ...] = (),
        chunk: int = 256,
        shard: int | None = 2048,
        provenance: Mapping[str, Any] | None = None,
        overwrite: bool = False,
    ) -> Self:
        """Make an empty, unfinished image.

        Parameters
        ----------
        path
            Folder to make, best ending in .ome.zarr.
        shape, axes
            Sizes and letters of the axes in the order of T, C, Z, Y, X that OME-NGFF demands.
        dtype
            Type of the pixels. Until they are written, floating-point pixels are NaN, others 0.
        pixel_size, units
            Size of a step along an axis and its unit, where known.
        channel_names
            Name of each channel; empty where unknown.
        chunk
            Edge of what is compressed together, pixels.
        shard
            Edge of what is stored in one file, a multiple of `chunk`; None for a file per chunk.
        provenance
            How the image is made, as JSON; kept with the image, and compared by whoever resumes.
        overwrite
            Whether another Zarr folder of this name is removed.

        Raises
        ------
        ImageError
            The folder exists and may not be removed, or cannot be made; the axes do not fit.
        """
        path = Path(path)
        _check(path, shape, axes, channel_names)
        if path.exists() and not overwrite:
            raise ImageError(f"{path} exists already: choose another name, or overwrite it.")
        temporary = path.with_name(f".{uuid4().hex}.zarr")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _make_image(
                zarr.create_group(WholeFileStore(temporary)),
                name=name_of(path),
                shape=shape,
                axes=axes,
                dtype=np.dtype(dtype),
                pixel_size=pixel_size or {},
                units=units or {},
                channel_names=channel_names,
                chunk=chunk,
                shard=shard,
                provenance=provenance or {},
            )
            put_in_place(temporary, path)
        except OSError as error:
            raise ImageError(
                f"{path} could not be written ({error.strerror or error}). Check that the folder "
                "may be written to and has space left."
            ) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return cls.resume(path)

    @classmethod
    def resume(cls, path: str | PathLike[str]) -> Self:
        """Open an image that `create` has made, finished or not.

        Raises
        ------
        ImageError
            There is no such image.
        """
        path = Path(path)
        try:
            group = zarr.open_group(WholeFileStore(path), mode="r+")
            return cls(path, group)
        except (FileNotFoundError, KeyError, TypeError) as error:
            raise ImageError(
                f"{path} is not an OME-Zarr image that was begun here: start anew, under another "
                "name."
            ) from error

    @property
    def shape(self) -> tuple[int, ...]:
        """Size of each axis."""
        return self._levels[0].grid.shape

    @property
    def regions(self) -> RegionGrid:
        """The regions to write: all channels of a block of (Y, X) of one plane each.

        It has a length, can be iterated and indexed by number.
        """
        return self._levels[0].grid

    @property
    def complete(self) -> bool:
        """Whether `finish` has run to its end."""
        own: Any = self._group.attrs[KEY]
        return bool(own["complete"])

    def done(self, region: Region) -> bool:
        """Whether a region has been written, by this process or any other."""
        return self._levels[0].done(region)

    def missing(self) -> list[Region]:
        """Regions that have not been written yet."""
        return [region for region in self.regions if not self.done(region)]

    def write(self, region: Region, pixels: NDArray[Any]) -> None:
        """Write a region; what was there is replaced.

        Parameters
        ----------
        region
            One of `regions`.
        pixels
            Array of `region.shape`: all axes of the image, T and Z with length 1.

        Raises
        ------
        ImageError
            The disk is full or cannot be written.
        """
        self._levels[0].write(region, pixels)

    def finish(self) -> None:
        """Make the coarser resolution levels and mark the image as complete.

        Raises
        ------
        ImageError
            Regions are missing, or the disk is full.
        """
        for _ in self.finishing():
            pass

    def finishing(self) -> Iterator[tuple[int, int]]:
        """Do what `finish` does, in steps: yield how many of how many regions are done.

        It may be left at any step, and another call goes on from there.
        """
        if self.complete:
            return
        missing = len(self.missing())
        if missing:
            raise ImageError(
                f"{self.path} is unfinished: {len(self.regions) - missing} of {len(self.regions)} "
                "regions are written."
            )
        pairs = list(pairwise(self._levels))
        total = sum(len(coarse.grid) for _, coarse in pairs)
        number = 0
        for fine, coarse in pairs:
            for region in coarse.grid:
                if not coarse.done(region):
                    coarse.write(region, halved(fine.array, region))
                number += 1
                yield number, total
        self._mark_complete()

    def _mark_complete(self) -> None:
        remove_partial_files(self.path)
        attributes: dict[str, Any] = dict(self._group.attrs)
        channels = attributes["ome"]["omero"]["channels"]
        windows = contrast_windows(self._levels[-1].array, self.axes)
        names = [channel["label"] for channel in channels if "label" in channel]
        attributes["ome"]["omero"]["channels"] = channel_metadata(names, len(channels), windows)
        attributes[KEY]["complete"] = True
        self._group.update_attributes(attributes)


class _Level:
    """One resolution level: its array and the regions in which it is stored."""

    def __init__(self, path: Path, group: zarr.Group, name: str) -> None:
        # A region of background only must leave its files too: their absence means unfinished.
        with zarr.config.set({"array.write_empty_chunks": True}):
            array = group[name]
        if not isinstance(array, zarr.Array):
            raise TypeError(f"{name} is no array")
        self.array: Any = array
        self._folder = path / name / "c"
        self._stored = array.shards or array.chunks
        names: Any = array.metadata.to_dict()["dimension_names"]
        # A region holds all channels, whether they lie in one file or in several.
        step = (
            n if a == "c" else s for a, n, s in zip(names, array.shape, self._stored, strict=True)
        )
        self.grid = RegionGrid(array.shape, tuple(step))

    def done(self, region: Region) -> bool:
        """Whether all files of a region exist."""
        places = (
            range(a // n, -(-b // n))
            for a, b, n in zip(region.start, region.stop, self._stored, strict=True)
        )
        return all(self._folder.joinpath(*map(str, at)).is_file() for at in product(*places))

    def write(self, region: Region, pixels: NDArray[Any]) -> None:
        """Write one region of the grid."""
        if pixels.shape != region.shape:
            raise ValueError(f"pixels have shape {pixels.shape}, the region {region.shape}")
        try:
            self.array[region.slices] = np.asarray(pixels, dtype=self.array.dtype)
        except OSError as error:
            raise ImageError(
                f"{self._folder} could not be written ({error.strerror or error}). What was "
                "written before is kept: make space, then run the same again."
            ) from error


def _check(path: Path, shape: tuple[int, ...], axes: str, names: tuple[str, ...]) -> None:
    ordered = [a for a in AXES if a in axes]
    if list(axes) != ordered or axes[-2:] != "YX" or len(shape) != len(axes) or 0 in shape:
        raise ImageError(
            f"{path}: axes {axes!r} of sizes {shape} cannot be written: OME-Zarr wants Y and X, "
            f"and what else there is before them, in the order of {AXES}."
        )
    n_channels = shape[axes.index("C")] if "C" in axes else 1
    if names and len(names) != n_channels:
        raise ImageError(
            f"{path}: {len(names)} channel names were given for {n_channels} channels."
        )


def _make_image(
    group: zarr.Group,
    *,
    name: str,
    shape: tuple[int, ...],
    axes: str,
    dtype: np.dtype[Any],
    pixel_size: Mapping[str, float],
    units: Mapping[str, str],
    channel_names: tuple[str, ...],
    chunk: int,
    shard: int | None,
    provenance: Mapping[str, Any],
) -> None:
    """Make the empty arrays of all resolution levels, and the metadata."""
    shapes = level_shapes(shape)
    for number, level in enumerate(shapes):
        chunks, shards = _storage(level, axes, chunk, shard)
        group.create_array(
            str(number),
            shape=level,
            dtype=dtype,
            chunks=chunks,
            shards=shards,
            compressors=BloscCodec(cname="zstd", clevel=3, shuffle="shuffle"),
            fill_value=np.nan if dtype.kind == "f" else 0,
            dimension_names=tuple(axes.lower()),
        )
    n_channels = shape[axes.index("C")] if "C" in axes else 1
    metadata = image_metadata(
        name=name,
        axes=axes,
        factors=[2**number for number in range(len(shapes))],
        pixel_size=pixel_size,
        units=units,
        channels=channel_metadata(channel_names, n_channels),
    )
    own = {"complete": False, "provenance": dict(provenance)}
    group.update_attributes({"ome": metadata, KEY: own})


def _storage(
    shape: tuple[int, ...], axes: str, chunk: int, shard: int | None
) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
    """Shape of chunks and of shards; small images get small ones."""
    sizes = list(zip(shape, axes, strict=True))
    chunks = tuple(min(chunk, n) if a in "YX" else 1 for n, a in sizes)
    if shard is None:
        return chunks, None
    fitting = []
    for (n, a), c in zip(sizes, chunks, strict=True):
        if a in "YX":
            fitting.append(min(max(1, shard // c), -(-n // c)) * c)
        else:
            fitting.append(n if a == "C" else 1)
    return chunks, tuple(fitting)


def put_in_place(temporary: Path, path: Path) -> None:
    """Give a finished folder its name; a Zarr folder of that name is removed."""
    old = path.with_name(f".{uuid4().hex}.old")
    if path.exists():
        if not path.is_dir() or not any(
            (path / name).exists() for name in ("zarr.json", ".zgroup", ".zarray")
        ):
            raise ImageError(f"{path} exists and is no Zarr folder: choose another name.")
        path.rename(old)
    try:
        temporary.rename(path)
    except OSError:
        if old.exists():
            old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def name_of(path: Path) -> str:
    """Name of an image by its folder: without .zarr or .ome.zarr."""
    return path.name.removesuffix(".zarr").removesuffix(".ome")
