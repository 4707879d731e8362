"""Samples that are stored as an image each, as one lazy array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["series"]


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
