"""Images into OME-TIFF files or OME-Zarr folders, whole or not at all."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from napari_denoisplit.errors import ImageError
from napari_denoisplit.files import replacing
from napari_denoisplit.images.image import Image, no_image
from napari_denoisplit.images.units import LENGTHS, TIMES, in_known_unit, normal_unit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from numpy.typing import NDArray

# Offsets of a classic TIFF end at 4 GiB; 32 MiB are left for what is not pixels.
_LARGEST_CLASSIC = 2**32 - 2**25
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WIDENED = {np.dtype(np.float16): np.dtype(np.float32)}
_OME_TYPES = {np.dtype(t) for t in "u1 i1 u2 i2 u4 i4 f4 f8".split()}


def write_image(path: str | PathLike[str], image: Image, *, description: str = "") -> None:
    """Write an OME-TIFF or OME-Zarr with axes, pixel size, units and channel names.

    One plane (of OME-Zarr one block of a plane) after the other is computed, compressed without
    loss and written, so that a lazy image needs little memory. The file appears under its name
    when it is complete; a file that was there before stays as it is until then.

    Parameters
    ----------
    path
        Name of the file, best ending in .ome.tif (or .tif, .tiff), or of an OME-Zarr folder,
        ending in .zarr. Folders that are missing are made.
    image
        Integers of 8 to 32 bits (in OME-Zarr also 64) or floating-point numbers. OME-Zarr wants
        axes in the order of T, C, Z, Y, X and gets them so.
    description
        Text to keep with the image, e.g. how it was made.

    Raises
    ------
    ImageError
        The name has another ending, the folder cannot be written or is full, or the pixels are of
        a kind that the format does not know.
    """
    if not isinstance(image, Image):
        raise no_image(image)
    path = Path(path)
    if path.suffix.lower() == ".zarr":
        from napari_denoisplit.images.zarr.writer import write_ome_zarr  # loads zarr

        write_ome_zarr(path, image, description=description)
        return
    if path.suffix.lower() not in {".tif", ".tiff"}:
        raise ImageError(f"Images end in .ome.tif or .ome.zarr: rename {path}.")
    native = np.dtype(image.data.dtype).newbyteorder("=")
    dtype = _WIDENED.get(native, native)
    if dtype not in _OME_TYPES:
        raise ImageError(
            f"{image.name!r} has pixels of type {dtype}, which an OME-TIFF cannot hold: convert "
            "it to uint16 or float32 first."
        )
    with (
        _explaining(path),
        replacing(path) as temporary,
        tifffile.TiffWriter(
            temporary, ome=True, bigtiff=_n_bytes(image, dtype) > _LARGEST_CLASSIC
        ) as tiff,
    ):
        tiff.write(
            _planes(image, dtype),
            shape=image.shape,
            dtype=dtype,
            photometric="minisblack",
            compression="zlib",
            compressionargs={"level": 1},  # noise hardly gets smaller with more, only slower
            predictor=dtype.kind != "f",
            metadata=_ome_metadata(image, description),
        )


def _n_bytes(image: Image, dtype: np.dtype[Any]) -> int:
    return int(np.prod(image.shape, dtype=np.int64)) * dtype.itemsize


def _planes(image: Image, dtype: np.dtype[Any]) -> Iterator[NDArray[Any]]:
    """(Y, X) planes in stored order, each computed when it is asked for."""
    for index in np.ndindex(image.shape[:-2]):
        yield np.ascontiguousarray(image.data[index], dtype=dtype)


@contextmanager
def _explaining(path: Path) -> Iterator[None]:
    """Turn an error of the disk into one that names the file and the way out."""
    try:
        yield
    except OSError as error:
        raise ImageError(
            f"{path} could not be written ({error.strerror or error}); what was there before is "
            "unchanged. Check that the folder may be written to and has space left."
        ) from error


def _ome_metadata(image: Image, description: str) -> dict[str, Any]:
    """Metadata in tifffile's words, which are those of OME."""
    metadata: dict[str, Any] = {"axes": image.axes, "Name": _plain(image.name)}
    if description:
        metadata["Description"] = _plain(description)
    if image.channel_names:
        metadata["Channel"] = {"Name": [_plain(name) for name in image.channel_names]}
    for axis in "ZYX":
        # A size in a unit that nobody knows says nothing: it is left out.
        known = in_known_unit(image.pixel_size.get(axis, 0.0), image.units.get(axis))
        if axis in image.pixel_size and known is not None:
            size, unit = known
            metadata[f"PhysicalSize{axis}"] = float(size)
            # OME takes a size without a unit for micrometres, which it may not be.
            metadata[f"PhysicalSize{axis}Unit"] = unit if unit in LENGTHS else "pixel"
    time_unit = normal_unit(image.units.get("T"))
    if "T" in image.pixel_size and time_unit in TIMES:
        metadata["TimeIncrement"] = float(image.pixel_size["T"])
        metadata["TimeIncrementUnit"] = time_unit
    if any(image.origin.get(axis) for axis in "YX"):
        metadata["Plane"] = _places(image)
    return metadata


def _places(image: Image) -> dict[str, list[Any]]:
    """Where the first pixel of every plane lies, in OME's words the position of the stage."""
    n_planes = int(np.prod(image.shape[:-2], dtype=np.int64))
    found: dict[str, list[Any]] = {}
    for axis in "YX":
        unit = normal_unit(image.units.get(axis))
        found[f"Position{axis}"] = [float(image.origin.get(axis, 0.0))] * n_planes
        found[f"Position{axis}Unit"] = [unit if unit in LENGTHS else "pixel"] * n_planes
    return found


def _plain(text: str) -> str:
    """Text without the characters that XML cannot hold: one would make all of it unreadable."""
    return _NOT_XML.sub("", text)
