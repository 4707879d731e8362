"""Blocks in which a lazy image is read."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.damage import DAMAGE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["block_shape", "lazily"]

BLOCK_BYTES = 2**26
"""At most, where the stored pieces are not larger: few tasks, and little memory for each."""


def block_shape(
    shape: Sequence[int], stored: Sequence[int], n_bytes: int, plane: Sequence[int]
) -> tuple[int, ...]:
    """Shape of blocks of whole stored pieces, as square as it can be, up to 64 MiB.

    Parameters
    ----------
    shape
        Size of each axis.
    stored
        Shape of a tile, strip or chunk.
    n_bytes
        Bytes of a pixel.
    plane
        Which axes are Y and X. The others stay as they are stored, until the whole plane is in
        one block; then the last of them that has room is lengthened.
    """
    block = [min(n, size) for n, size in zip(shape, stored, strict=True)]
    others = [axis for axis in reversed(range(len(shape))) if axis not in plane]
    while True:
        growing = [axis for axis in plane if block[axis] < shape[axis]]
        growing = growing or [axis for axis in others if block[axis] < shape[axis]][:1]
        if not growing:
            return tuple(block)
        axis = min(growing, key=block.__getitem__)
        longer = min(2 * block[axis], shape[axis])
        if prod(block) // block[axis] * longer * n_bytes > BLOCK_BYTES:
            return tuple(block)
        block[axis] = longer


def lazily(stored: Any, plane: Sequence[int], path: Path) -> Any:
    """Open a zarr array as a dask array; a part of it reads only the stored pieces it touches.

    Parameters
    ----------
    stored
        The array.
    plane
        Which of its axes are Y and X.
    path
        Named when a piece turns out to be damaged, which raises ImageError.
    """
    import dask.array  # only for arrays on disk

    return dask.array.from_array(
        _Pieces(stored, path),
        chunks=block_shape(stored.shape, stored.chunks, stored.dtype.itemsize, plane),
        name=False,
        meta=np.empty((0,) * stored.ndim, stored.dtype),
    )


class _Pieces:
    """An array on disk that says which file is damaged."""

    def __init__(self, stored: Any, path: Path) -> None:
        self.shape, self.dtype, self.ndim = stored.shape, stored.dtype, stored.ndim
        self._stored, self._path = stored, path

    def __getitem__(self, index: Any) -> NDArray[Any]:
        try:
            return np.asarray(self._stored[index])
        except DAMAGE as error:
            raise ImageError(
                f"{self._path} cannot be read at {index} ({type(error).__name__}: {error}). Copy "
                "it again, from where it was acquired."
            ) from error
