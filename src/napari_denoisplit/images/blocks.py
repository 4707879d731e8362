"""Blocks in which a lazy image is read."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.damage import DAMAGE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

BLOCK_BYTES = 2**26
"""At most, where the stored pieces are not larger: few tasks, and little memory for each."""


def block_shape(
    shape: Sequence[int], stored: Sequence[int], n_bytes: int, most: int = BLOCK_BYTES
) -> tuple[int, ...]:
    """Shape of blocks of whole stored pieces, as square as it can be.

    Parameters
    ----------
    shape
        Size of each axis (..., Y, X).
    stored
        Shape of a tile, strip or chunk. Axes before Y and X stay as they are stored, until the
        whole plane is in one block; then the last of them that has room is lengthened.
    n_bytes
        Bytes of a pixel.
    most
        Bytes of a block, where the stored pieces are not larger.
    """
    block = [min(n, size) for n, size in zip(shape, stored, strict=True)]
    others, plane = range(len(shape) - 3, -1, -1), range(len(shape) - 2, len(shape))
    while True:
        growing = [axis for axis in plane if block[axis] < shape[axis]]
        growing = growing or [axis for axis in others if block[axis] < shape[axis]][:1]
        if not growing:
            return tuple(block)
        axis = min(growing, key=block.__getitem__)
        longer = min(2 * block[axis], shape[axis])
        if prod(block) // block[axis] * longer * n_bytes > most:
            return tuple(block)
        block[axis] = longer


def lazily(
    stored: Any,
    order: Sequence[int],
    path: Path,
    at: Mapping[int, int] | None = None,
    *,
    most: int = BLOCK_BYTES,
) -> Any:
    """Open a zarr array as a dask array, of which a part reads only the pieces that it touches.

    Parameters
    ----------
    stored
        The array.
    order
        Which of its axes to take, in their order (..., Y, X); others have length 1, or stand in
        `at`.
    path
        Named when a piece turns out to be damaged, which raises ImageError.
    at
        Where to stay along axes that are not taken. Taken first and then indexed, such an axis
        would keep dask from reading less than its blocks.
    most
        As of `block_shape`.
    """
    import dask.array  # only for arrays on disk

    pieces = _Pieces(stored, tuple(order), path, at or {})
    chunks = [stored.chunks[axis] for axis in order]
    return dask.array.from_array(
        pieces,
        chunks=block_shape(pieces.shape, chunks, pieces.dtype.itemsize, most),
        name=False,
        meta=np.empty((0,) * pieces.ndim, pieces.dtype),
    )


class _Pieces:
    """An array on disk, its axes in another order and its numbers in that of the machine.

    Done here and not by dask, which would read whole blocks for a part of a transposed array.
    """

    def __init__(
        self, stored: Any, order: tuple[int, ...], path: Path, at: Mapping[int, int]
    ) -> None:
        self.shape = tuple(int(stored.shape[axis]) for axis in order)
        self.dtype = np.dtype(stored.dtype).newbyteorder("=")
        self.ndim = len(order)
        self._stored, self._order, self._path, self._at = stored, order, path, at

    def __getitem__(self, index: tuple[Any, ...]) -> NDArray[Any]:
        wanted: list[slice | int] = [self._at.get(n, 0) for n in range(len(self._stored.shape))]
        after: list[Any] = []
        for axis, part, size in zip(self._order, index, self.shape, strict=True):
            wanted[axis], then = _stretch(part, size)
            after.append(then)
        try:
            pixels = np.asarray(self._stored[tuple(wanted)], dtype=self.dtype)
        except ImageError:  # names the file and the way out
            raise
        except DAMAGE as error:
            raise ImageError(
                f"{self._path} cannot be read at {index} ({type(error).__name__}: {error}). Copy "
                "it again, from where it was acquired."
            ) from error
        taken = sorted(self._order)
        pixels = pixels.transpose([taken.index(axis) for axis in self._order])
        for axis, then in enumerate(after):
            if isinstance(then, np.ndarray):
                pixels = pixels.take(then, axis=axis)
                after[axis] = slice(None)
        found: NDArray[Any] = pixels[tuple(after)]
        return found


def _stretch(part: Any, size: int) -> tuple[slice, Any]:
    """Return the stretch of an axis to read, without steps, and what to take of it then."""
    if isinstance(part, slice):
        places = np.arange(*part.indices(size))
        then: Any = slice(None, None, part.indices(size)[2])
    elif np.ndim(part) == 0:
        places, then = np.array([part]), 0
    else:
        places = np.asarray(part)
        then = places - places.min(initial=size)
    if not places.size:
        return slice(0, 0), slice(None)
    return slice(int(places.min()), int(places.max()) + 1), then
