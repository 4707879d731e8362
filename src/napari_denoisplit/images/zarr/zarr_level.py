"""One resolution level of an OME-Zarr image that is being written."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.zarr.regions import RegionGrid

if TYPE_CHECKING:
    from pathlib import Path

    import zarr
    from numpy.typing import NDArray

    from napari_denoisplit.images.zarr.regions import Region

__all__ = ["ZarrLevel"]


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
