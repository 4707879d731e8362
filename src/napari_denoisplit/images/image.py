"""An image with its axes, pixel size and channel names, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

AXES = "TCZYX"


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """Pixels with their meaning.

    Raises
    ------
    ImageError
        Axes do not fit the data, an axis stands twice or is unknown, or Y or X is missing; or the
        data are no array of real numbers, or have pixels under a mask.
    """

    data: Any
    """Array-like with shape, dtype and slicing: numpy, dask or zarr."""
    axes: str
    """One letter of T, C, Z, Y, X for each axis of `data`; Y and X are the last two."""
    pixel_size: Mapping[str, float] = field(default_factory=dict)
    """Size of a step along an axis, where known."""
    units: Mapping[str, str] = field(default_factory=dict)
    """Unit of `pixel_size` of an axis, e.g. 'µm' or 's'; missing means pixel."""
    channel_names: tuple[str, ...] = ()
    """Name of each channel; empty where unknown."""
    name: str = "image"
    source: Path | None = None
    notes: tuple[str, ...] = ()
    """What had to be assumed when the image was read, in sentences for its owner."""
    origin: Mapping[str, float] = field(default_factory=dict)
    """Where the first pixel lies along an axis, in the unit of `pixel_size`; 0 where missing."""

    def __post_init__(self) -> None:
        self._check_data()
        shape = tuple(self.data.shape)
        if len(self.axes) != len(shape):
            raise ImageError(
                f"{self.name!r} has shape {shape} but axes {self.axes!r}: give one letter of "
                f"{AXES} per axis."
            )
        if len(set(self.axes)) != len(self.axes) or not set(self.axes) <= set(AXES):
            raise ImageError(
                f"{self.name!r} has axes {self.axes!r}: each may be one of {AXES}, once."
            )
        if self.axes[-2:] != "YX":
            raise ImageError(f"{self.name!r} has axes {self.axes!r}: they must end in YX.")
        if 0 in shape:
            raise ImageError(f"{self.name!r} has shape {shape}: it holds no pixel.")
        if self.channel_names and len(self.channel_names) != self.n_channels:
            raise ImageError(
                f"{self.name!r} has {self.n_channels} channels but {len(self.channel_names)} "
                "channel names: give one each."
            )

    def _check_data(self) -> None:
        """Refuse what would turn into numbers silently, or fail far from here."""
        dtype = getattr(self.data, "dtype", None)
        kind = getattr(dtype, "kind", None)
        if kind is None or not hasattr(self.data, "shape"):
            raise ImageError(
                f"{self.name!r} holds a {type(self.data).__name__}: give an array of numpy, dask "
                "or zarr, e.g. numpy.asarray(it)."
            )
        if kind not in "biuf":
            raise ImageError(
                f"{self.name!r} holds pixels of type {dtype}: give integers or floating-point "
                "numbers."
            )
        if np.ma.is_masked(self.data):
            raise ImageError(
                f"{self.name!r} holds masked pixels ({int(self.data.mask.sum())}): give them a "
                "value first, e.g. array.filled(0), or crop them away."
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Size of each axis."""
        return tuple(int(n) for n in self.data.shape)

    @property
    def n_channels(self) -> int:
        """Number of channels; 1 without a channel axis."""
        return self.shape[self.axes.index("C")] if "C" in self.axes else 1

    def size(self, axis: str) -> int:
        """Size along one axis; 1 where the image does not have it."""
        return self.shape[self.axes.index(axis)] if axis in self.axes else 1

    def channel(self, index: int) -> Image:
        """Return one channel, counted from 0, as an image without a channel axis."""
        if not 0 <= index < self.n_channels:
            raise ImageError(
                f"{self.name!r} has no channel {index}: it has {self.n_channels}, counted from 0."
            )
        names = self.channel_names[index : index + 1]
        if "C" not in self.axes:
            return self
        chosen = tuple(index if axis == "C" else slice(None) for axis in self.axes)
        data = sliceable(self.data)[chosen]
        return replace(self, data=data, axes=self.axes.replace("C", ""), channel_names=names)

    def with_channel_names(self, names: tuple[str, ...]) -> Image:
        """Return the image with these names, or with none where their number does not fit."""
        return replace(self, channel_names=names if len(names) == self.n_channels else ())

    def transposed(self, axes: str) -> Image:
        """Return the image with its axes in another order; those of size 1 may come or go."""
        dropped = [a for a in self.axes if a not in axes]
        for axis in dropped:
            if self.size(axis) != 1:
                raise ImageError(
                    f"{self.name!r} has {self.size(axis)} steps along {axis}: choose one before "
                    f"it is used as {axes}."
                )
        data = sliceable(self.data)
        data = data[tuple(0 if a in dropped else slice(None) for a in self.axes)]
        kept = "".join(a for a in self.axes if a not in dropped)
        data = data.transpose([kept.index(a) for a in axes if a in kept])
        data = data[tuple(slice(None) if a in kept else None for a in axes)]
        names = self.channel_names if "C" in axes or self.n_channels == 1 else ()
        return replace(self, data=data, axes=axes, channel_names=names)

    def fields(self) -> list[NDArray[np.float32]]:
        """Copy every (C, Y, X) plane stack over T and Z into a float32 array."""
        return list(self.each_field())

    def each_field(self) -> Iterator[NDArray[np.float32]]:
        """Make one of `fields` after the other, so that not all of them are in memory."""
        view = self.transposed("TZCYX")
        for plane in np.ndindex(view.shape[:2]):
            yield np.array(view.data[plane], dtype=np.float32)

    @property
    def field_shapes(self) -> list[tuple[int, ...]]:
        """(Y, X) of each of `fields`; no pixel is read."""
        return [self.shape[-2:]] * (self.size("T") * self.size("Z"))


def no_image(given: object) -> ImageError:
    """Make the error for what was given in place of an image, with the way to one."""
    if isinstance(given, (str, PathLike)):
        return ImageError(f"{str(given)!r} is the name of a file: read it first, by read_image.")
    shape = getattr(given, "shape", None)
    if shape is not None:
        return ImageError(
            f"An array of shape {tuple(shape)} does not say what its axes are: make it an image, "
            "e.g. Image(array, 'YX')."
        )
    return ImageError(
        f"A {type(given).__name__} is not an image: give one made by read_image or Image."
    )


def sliceable(data: Any) -> Any:
    """Return data that can be transposed and given new axes without being read.

    numpy and dask arrays are returned as they are; xarray's are taken out of their wrapping;
    zarr's and others' become dask arrays.
    """
    if hasattr(data, "dims") and hasattr(data, "data"):
        data = data.data
    if isinstance(data, np.ndarray) or hasattr(data, "dask"):
        return data
    import dask.array  # only for arrays on disk

    return dask.array.from_array(data)
