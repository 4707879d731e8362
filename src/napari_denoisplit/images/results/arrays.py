"""Arrays of a result, one of each structure or one of all; in memory or lazy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.images.image import sliceable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Frame = NDArray[np.float32]
    Arrays = Sequence[Any] | NDArray[Any]


def by_channel(data: Any, axes: str) -> Arrays | None:
    """Part an array into its channels, without a copy."""
    if data is None:
        return None
    data, at = sliceable(data), axes.find("C")
    if at < 0:
        return (data,)
    if isinstance(data, np.ndarray):
        return np.moveaxis(data, at, 0)
    return tuple(data[(*(slice(None),) * at, c)] for c in range(data.shape[at]))


def joined(arrays: Any, axis: int) -> Any:
    """Make one array of those of the structures: a view of what is one already."""
    if hasattr(arrays, "shape"):
        return np.moveaxis(arrays, 0, axis)
    if all(isinstance(array, np.ndarray) for array in arrays):
        return np.stack(arrays, axis=axis)
    import dask.array  # only for arrays on disk

    return dask.array.stack([sliceable(array) for array in arrays], axis=axis)


def pixels_of(part: Any) -> NDArray[np.float32]:
    """Read a part of an array that may be lazy, in the thread that asks for it."""
    if hasattr(part, "dask"):
        # dask's own threads would take the processor from the window while a film is played.
        part = part.compute(scheduler="synchronous")
    return np.asarray(part, dtype=np.float32)
