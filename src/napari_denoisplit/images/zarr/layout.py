"""How an OME-Zarr image is laid out in its folder before its pixels are written."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import zarr
from zarr.codecs import BloscCodec

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import AXES
from napari_denoisplit.images.zarr.ngff import image_metadata
from napari_denoisplit.images.zarr.pyramid import level_shapes
from napari_denoisplit.images.zarr.stores import WholeFileStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import DTypeLike

KEY = "denoisplit"
"""Attribute of a group under which this package keeps what OME-NGFF has no place for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OmeZarrLayout:
    """Axes, pixel size, names and storage of an image, known before its pixels are.

    Raises
    ------
    ImageError
        The axes do not fit the shape or are in another order than OME-NGFF demands, or the number
        of names is not that of the channels.
    """

    shape: tuple[int, ...]
    axes: str
    """Letters in the order of T, C, Z, Y, X."""
    dtype: DTypeLike = "float32"
    """Type of the pixels. Until they are written, floating-point pixels are NaN, others 0."""
    pixel_size: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    origin: Mapping[str, float] = field(default_factory=dict)
    channel_names: tuple[str, ...] = ()
    chunk: int = 256
    """Edge of what is compressed together, pixels."""
    shard: int | None = 2048
    """Edge of what is stored in one file, a multiple of `chunk`; None for a file per chunk."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """How the image is made, as JSON; kept with the image, for whoever resumes to compare."""

    def __post_init__(self) -> None:
        ordered = [a for a in AXES if a in self.axes]
        fits = list(self.axes) == ordered and len(self.shape) == len(ordered)
        if not fits or self.axes[-2:] != "YX" or min(self.shape) < 1:
            raise ImageError(
                f"Axes {self.axes!r} of sizes {self.shape} cannot be written: OME-Zarr wants Y "
                f"and X, and before them others in the order of {AXES}."
            )
        if self.channel_names and len(self.channel_names) != self.n_channels:
            raise ImageError(
                f"{len(self.channel_names)} channel names do not fit {self.n_channels} channels: "
                "give one each."
            )

    @property
    def n_channels(self) -> int:
        """Number of channels; 1 without a channel axis."""
        return self.shape[self.axes.index("C")] if "C" in self.axes else 1

    def make(self, group: zarr.Group, name: str) -> None:
        """Make the empty arrays of all resolution levels and the metadata of an image."""
        dtype = np.dtype(self.dtype)
        shapes = level_shapes(self.shape)
        for number, shape in enumerate(shapes):
            chunks, shards = self._storage(shape)
            group.create_array(
                str(number),
                shape=shape,
                dtype=dtype,
                chunks=chunks,
                shards=shards,
                # Part of the first version of zarr 3; other readers lack newer codecs.
                compressors=BloscCodec(cname="zstd", clevel=3, shuffle="shuffle"),
                fill_value=np.nan if dtype.kind == "f" else 0,
                dimension_names=tuple(self.axes.lower()),
            )
        own = {"complete": False, "provenance": dict(self.provenance)}
        group.update_attributes({"ome": image_metadata(self, name, len(shapes)), KEY: own})

    def _storage(self, shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
        """Shape of chunks and of shards; small levels get small ones."""
        sizes = list(zip(shape, self.axes, strict=True))
        chunks = tuple(min(self.chunk, n) if a in "YX" else 1 for n, a in sizes)
        if self.shard is None:
            return chunks, None
        shards = [n if a == "C" else 1 for n, a in sizes[:-2]]
        for n, chunk in zip(shape[-2:], chunks[-2:], strict=True):
            shards.append(min(max(1, self.shard // chunk), -(-n // chunk)) * chunk)
        return chunks, tuple(shards)


@contextmanager
def new_group(path: Path, *, overwrite: bool) -> Iterator[tuple[Path, zarr.Group]]:
    """Hand out an empty group in a temporary folder, which gets the name `path` if all goes well.

    Raises
    ------
    ImageError
        The folder exists and may not be removed, or cannot be written.
    """
    if path.exists() and not overwrite:
        raise ImageError(f"{path} exists already: choose another name, or overwrite it.")
    temporary = path.with_name(f".{uuid4().hex}.zarr")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary, zarr.create_group(WholeFileStore(temporary))
        put_in_place(temporary, path)
    except OSError as error:
        raise ImageError(
            f"{path} could not be written ({error.strerror or error}). Check that the folder may "
            "be written to and has space left."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def put_in_place(temporary: Path, path: Path) -> None:
    """Give a finished folder its name; a Zarr folder of that name is removed."""
    old = path.with_name(f".{uuid4().hex}.old")
    if path.exists():
        # Never anything else: a mistyped name must not cost somebody's data.
        if not any((path / name).is_file() for name in ("zarr.json", ".zgroup", ".zarray")):
            raise ImageError(f"{path} exists and is not a Zarr folder: choose another name.")
        path.rename(old)
    try:
        temporary.rename(path)
    except OSError:
        if old.exists():
            old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)
