"""OME-Zarr images that are written region by region and go on after an interruption."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import zarr

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import AXES
from napari_denoisplit.images.zarr.layout import KEY, OmeZarrLayout, new_group
from napari_denoisplit.images.zarr.ngff import channel_metadata
from napari_denoisplit.images.zarr.nodes import image_name
from napari_denoisplit.images.zarr.pyramid import contrast_windows, halved
from napari_denoisplit.images.zarr.stores import WholeFileStore, ZarrLevel, remove_partial_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from numpy.typing import NDArray

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.zarr.regions import Region, RegionGrid


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
        self._levels = [_level(path, group, level["path"]) for level in multiscale["datasets"]]

    @classmethod
    def create(
        cls,
        path: str | PathLike[str],
        layout: OmeZarrLayout,
        *,
        name: str | None = None,
        overwrite: bool = False,
    ) -> Self:
        """Make an empty, unfinished image.

        Parameters
        ----------
        path
            Folder to make, best ending in .ome.zarr.
        layout
            What is known of the image.
        name
            Name of the image; by default that of the folder.
        overwrite
            Whether another Zarr folder of this name is removed.

        Raises
        ------
        ImageError
            The folder exists and may not be removed, or cannot be made.
        """
        path = Path(path)
        with new_group(path, overwrite=overwrite) as (_, group):
            layout.make(group, image_name(path) if name is None else name)
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
            if not (path / "zarr.json").is_file():  # opening a store would make its folder
                raise FileNotFoundError(path)
            group = zarr.open_group(WholeFileStore(path), mode="r+", zarr_format=3)
            return cls(path, group)
        except (FileNotFoundError, KeyError, TypeError, ValueError) as error:
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
                "regions are written. Write the others first; `missing` names them."
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


def _level(path: Path, group: zarr.Group, name: str) -> ZarrLevel:
    # A region of background only must leave its files too: their absence means unfinished.
    with zarr.config.set({"array.write_empty_chunks": True}):
        array = group[name]
    if not isinstance(array, zarr.Array):
        raise TypeError(f"{name} is no array")
    return ZarrLevel(path / name, array)


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
        layout.make(group, image.name)
        writer = OmeZarrWriter.resume(temporary)
        for region in writer.regions:
            writer.write(region, np.asarray(ordered.data[region.slices]))
        writer.finish()
