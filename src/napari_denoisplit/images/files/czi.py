"""Images from Zeiss CZI files, where the optional reader is installed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.pixel_size import ImageMetadata
from napari_denoisplit.memory import free_memory
from napari_denoisplit.wording import gib

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import DTypeLike, NDArray

    from napari_denoisplit.images.image import Image


def read_czi(path: Path, *, axes: str | None = None, series: int | None = None) -> Image:
    """Read a scene of a CZI file through bioio, with its axes, pixel size and names.

    Parameters
    ----------
    path
        The file.
    axes
        Must be those that the file names; None takes them.
    series
        Number of the scene, from 0; None where there is one.

    Raises
    ------
    ImageError
        The reader is not installed or cannot read the file, several scenes are there and none is
        chosen, there is no such scene, or other axes are asked for.
    """
    try:
        from bioio import BioImage
        from bioio_czi import Reader
    except ImportError as error:
        raise ImageError(
            f"{path} is a Zeiss CZI file, not a TIFF. Install the reader for it (pip install "
            '"napari-denoisplit[czi]"), or save the image as OME-TIFF in ZEN or Fiji.'
        ) from error
    try:
        source = BioImage(path, reader=Reader)
        _check_scene(path, source.scenes, series)
        source.set_scene(series or 0)
        _check_memory(path, source.shape, source.dtype)
        letters, data = str(source.dims.order), np.asarray(source.data)
        pixel = source.physical_pixel_sizes
        steps = {"Z": pixel.Z, "Y": pixel.Y, "X": pixel.X}
        names = tuple(str(name) for name in source.channel_names or ())
    except (OSError, ValueError, TypeError, LookupError, RuntimeError, AttributeError) as error:
        if isinstance(error, ImageError):
            raise
        raise ImageError(
            f"{path} cannot be read as a CZI file ({type(error).__name__}: {error}). Save it as "
            "OME-TIFF in ZEN or Fiji."
        ) from error
    image = _image(path, letters, data, steps, names)
    if axes is not None and axes.upper() not in (image.axes, letters):
        raise ImageError(
            f"{path}: axes={axes!r} are not those of the file, which names its axes itself "
            f"({image.axes}): leave axes away."
        )
    return image


def _check_scene(path: Path, scenes: Sequence[str], series: int | None) -> None:
    """Refuse a scene that there is not, and to guess one."""
    listing = "; ".join(f"{i}: {name}" for i, name in enumerate(scenes[:8]))
    listing += "; ..." if len(scenes) > 8 else ""
    if series is None and len(scenes) > 1:
        raise ImageError(
            f"{path} holds {len(scenes)} scenes ({listing}): choose one with series=0 to "
            f"{len(scenes) - 1}."
        )
    if series is not None and not 0 <= series < len(scenes):
        raise ImageError(f"{path} has no image {series}; it holds {listing}.")


def _check_memory(path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> None:
    """Refuse what is larger than the memory, before room is made for it."""
    n_bytes, free = math.prod(shape) * np.dtype(dtype).itemsize, free_memory()
    if n_bytes > free:
        raise ImageError(
            f"{path} claims to have {' x '.join(map(str, shape))} pixels, which take "
            f"{gib(n_bytes)}, and {gib(free)} of memory are free. Save it as OME-TIFF or OME-Zarr, "
            "which are read piece by piece; if it cannot be true, copy it again."
        )


def _image(
    path: Path,
    letters: str,
    data: NDArray[Any],
    steps: dict[str, float | None],
    names: tuple[str, ...],
) -> Image:
    """Make the image, without the axes of length 1; the reader gives steps in µm."""
    if "S" in letters:
        raise ImageError(
            f"{path} is an RGB picture (axes {letters}): colours for the eye, not measured "
            "channels. Use a recording with one channel per structure."
        )
    kept = [a for a, n in zip(letters, data.shape, strict=True) if n > 1 or a in "YX"]
    axes = "".join(kept)
    data = data.reshape([data.shape[letters.index(a)] for a in kept])
    sizes = {a: float(n) for a, n in steps.items() if n and math.isfinite(n)}
    units = dict.fromkeys(sizes, "µm")
    return ImageMetadata(sizes, units, names).image(data, axes, name=path.stem, source=path)
