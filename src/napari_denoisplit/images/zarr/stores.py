"""Folders of Zarr arrays, with the guarantees that this package needs."""

from __future__ import annotations

import asyncio
import os
from itertools import product
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
from zarr.storage import LocalStore

from napari_denoisplit.errors import ImageError
from napari_denoisplit.files import is_pipe
from napari_denoisplit.images.zarr.regions import RegionGrid

if TYPE_CHECKING:
    from pathlib import Path

    import zarr
    from numpy.typing import NDArray
    from zarr.abc.store import ByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype

    from napari_denoisplit.images.zarr.regions import Region

_PARTIAL = ".partial"


class WholeFileStore(LocalStore):
    """A folder in which a file appears under its name only when it is complete and on disk.

    Not every version of zarr writes so, and a shard that exists is taken for finished.
    """

    async def set(self, key: str, value: Buffer) -> None:
        """Write a file beside its place, then rename it."""
        self._check_writable()
        await asyncio.to_thread(_write_whole, self.root / key, value)


class ConfinedStore(LocalStore):
    """A folder that is only read, and in which no link leads out of it."""

    def __init__(self, root: Path | str, *, read_only: bool = True) -> None:
        super().__init__(root, read_only=read_only)
        self._inside = self.root.resolve()

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Read a file or a part of it; what lies elsewhere is not there."""
        path = (self.root / key).resolve()
        if not path.is_relative_to(self._inside):
            return None
        if is_pipe(path):
            raise ImageError(f"{path} is a pipe or a device, no file: copy the folder again.")
        found = await super().get(key, prototype, byte_range)
        if found is not None and not len(found):
            # zarr takes an empty shard for one without pixels, and gives the fill value.
            raise ImageError(f"{path} is empty: copy the folder again.")
        return found


def _write_whole(path: Path, value: Buffer) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid4().hex}{_PARTIAL}")
    try:
        with temporary.open("xb") as file:
            file.write(value.as_numpy_array().data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_partial_files(folder: Path) -> None:
    """Remove what killed processes have left; nobody may be writing."""
    for path in folder.rglob(f".*{_PARTIAL}"):
        path.unlink(missing_ok=True)


class ZarrLevel:
    """An array, the regions in which it is stored, and which of them are there.

    Parameters
    ----------
    folder
        Where the array lies.
    array
        The array, of zarr format 3, with its axes' letters as dimension names.
    """

    def __init__(self, folder: Path, array: zarr.Array[Any]) -> None:
        self.array: Any = array
        self._folder = folder / "c"
        self._stored = array.shards or array.chunks
        names: Any = array.metadata.to_dict()["dimension_names"]
        # A region holds all channels, whether they lie in one file or in several.
        sizes = zip(names, array.shape, self._stored, strict=True)
        self.grid = RegionGrid(array.shape, tuple(n if a == "c" else s for a, n, s in sizes))

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
