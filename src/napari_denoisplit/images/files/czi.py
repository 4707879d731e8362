"""Images from Zeiss CZI files, where the optional reader is installed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.pixel_size import ImageMetadata

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_denoisplit.images.image import Image


def read_czi(path: Path) -> Image:
    """Read the one scene of a CZI file through bioio, with its axes, pixel size and names.

    Raises
    ------
    ImageError
        The reader is not installed, cannot read the file, or the file holds several scenes.
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
        if len(source.scenes) > 1:
            raise ImageError(
                f"{path} holds {len(source.scenes)} scenes ({', '.join(source.scenes[:8])}): save "
                "each as an OME-TIFF of its own."
            )
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
    return _image(path, letters, data, steps, names)


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
