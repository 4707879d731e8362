"""Images from TIFF files of every kind, MRC and OME-Zarr folders, each with its axes."""

from __future__ import annotations

import weakref
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from napari_denoisplit.errors import REPLACE, ImageError
from napari_denoisplit.files import is_pipe
from napari_denoisplit.images.blocks import lazily
from napari_denoisplit.images.damage import DAMAGE
from napari_denoisplit.images.files.axis_names import POSITION, example_axes, name_axes
from napari_denoisplit.images.files.completeness import check_chain, missing_part
from napari_denoisplit.images.files.grey_levels import as_meant, without_alpha
from napari_denoisplit.images.files.mrc import is_mrc, read_mrc
from napari_denoisplit.images.files.remarks import remarks, tifffile_remarks
from napari_denoisplit.images.files.tiles import bound_tiles
from napari_denoisplit.images.ome_header import ome_elements, tag
from napari_denoisplit.images.pixel_size import tiff_metadata
from napari_denoisplit.images.zarr.nodes import ZARR_FILES, is_zarr
from napari_denoisplit.memory import READ_WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from napari_denoisplit.images.image import Image

MOST_PLANES = 4_000_000
"""Of an image; a list of them takes seconds."""
_COLOURS = {2, 5, 6, 8, 9, 10}  # PhotometricInterpretation: RGB, CMYK, YCbCr, three kinds of Lab
_CONVERT = (
    "Save it as OME-TIFF first (in Fiji: Plugins > Bio-Formats > Bio-Formats Exporter), or open "
    "it in napari through a reader for its format and choose the layer."
)


def read_image(
    path: str | PathLike[str],
    *,
    axes: str | None = None,
    series: int | None = None,
    lazy_above: int = READ_WHOLE,
) -> Image:
    """Read a TIFF, BigTIFF, OME-TIFF, ImageJ hyperstack, MRC file or OME-Zarr folder.

    Axes of length 1 are left out, Y and X come last, numbers are in the machine's byte order. Of
    a pyramid the full resolution is read.

    Parameters
    ----------
    path
        The file. A CZI file is read where the extra ``czi`` is installed. Of a Zarr folder (of a
        single image, a field of a plate, or an array) the pixels are always opened lazily; the
        file that describes it (``zarr.json``) stands for the folder.
    axes
        One letter of T, C, Z, Y, X for each axis as it is stored, e.g. 'CYX', in place of what
        the file says. Without it samples per pixel are channels; pages that nobody has named are
        channels if there are 2 or 3 of them, else time points, and `Image.notes` says so.
    series
        Which image of a file that holds several, from 0.
    lazy_above
        More bytes of pixels than this are not read but opened as a dask array, which keeps the
        file open while it is in use. Its pixels are not searched for NaN, and a damaged block is
        noticed only when it is read.

    Raises
    ------
    ImageError
        The file is missing, damaged, truncated or of another kind; holds several images and
        `series` does not choose; is an 8-bit RGB picture and `axes` does not say otherwise; has
        axes beyond T, C, Z, Y, X; holds complex numbers, a mask, NaN or infinity. Planes that
        are NaN as a whole are read, and `Image.notes` says so.
    """
    path = Path(path)
    if path.name in ZARR_FILES:
        path = path.parent
    if is_zarr(path):
        from napari_denoisplit.images.zarr.reading import read_ome_zarr  # loads zarr

        return read_ome_zarr(path, axes=axes, series=series)
    if _is_czi(path):
        from napari_denoisplit.images.files.czi import read_czi  # its libraries are optional

        return read_czi(path, axes=axes, series=series)
    if is_mrc(path):
        if series:
            raise ImageError(f"{path} has no image {series}; it holds one: leave series away.")
        image = read_mrc(path, axes=axes, lazy_above=lazy_above)
        found = _check_finite(path, image.data) if isinstance(image.data, np.ndarray) else ()
        return replace(image, notes=image.notes + found)
    with _damage_of(path), ExitStack() as opened, tifffile_remarks() as heard:
        file = opened.enter_context(tifffile.TiffFile(path))
        check_chain(path, file)
        _check_count(path, file)
        chosen = _choose_series(path, file, series)
        missing = missing_part(file, chosen)
        if missing:
            raise ImageError(
                f"{path} is not complete: {missing}. Copy it again, from where it was acquired, "
                "or save it anew with a program that shows all of it."
            )
        _check_pixels(path, chosen, axes)
        stored, notes = name_axes(path, chosen, axes)
        notes += remarks(file, heard)
        metadata = tiff_metadata(file, chosen)
        data, order = _pixels(path, chosen, stored, series or 0, lazy_above, opened)
        samples = stored[chosen.axes.index("S")] if "S" in chosen.axes else None
        data, order, told = without_alpha(chosen.keyframe, data, order, samples)
        notes += told
        data, told = as_meant(file, chosen.keyframe, data)
        notes += told
        if isinstance(data, np.ndarray):
            notes += _check_finite(path, data)
    name = path.stem.removesuffix(".ome") or path.stem
    return metadata.image(data, order, name=name, source=path, notes=notes)


def _is_czi(path: Path) -> bool:
    """Look at the first bytes; refuse what is no file at all."""
    if path.is_dir():
        raise ImageError(f"{path} is a folder: choose the TIFF files inside it.")
    if is_pipe(path):
        raise ImageError(f"{path} is a pipe or a device: write it to a file first.")
    try:
        with path.open("rb") as file:
            begin = file.read(10)
    except FileNotFoundError as error:
        raise ImageError(f"{path} does not exist: check the name and the folder.") from error
    except OSError as error:
        raise ImageError(
            f"{path} cannot be opened ({error.strerror}): check that you may read it."
        ) from error
    if begin.startswith(b"PK\x03\x04"):
        raise ImageError(
            f"{path} is a zip archive. If it is a zipped OME-Zarr, unzip it first and choose the "
            "folder; else the images that it holds."
        )
    return begin == b"ZISRAWFILE"


@contextmanager
def _damage_of(path: Path) -> Iterator[None]:
    """Turn what the libraries below raise on foreign or damaged files into an ImageError."""
    try:
        yield
    except ImageError:
        raise
    except tifffile.TiffFileError as error:
        if not path.stat().st_size:
            raise ImageError(f"{path} is empty (0 bytes). Copy it again.") from error
        if str(error).startswith(("not a TIFF file", "empty file")):
            raise ImageError(f"{path} is not a TIFF file. {_CONVERT}") from error
        raise ImageError(f"{path} is a damaged TIFF file ({error}). Copy it again.") from error
    except MemoryError as error:
        raise ImageError(
            f"{path} asks for more memory than there is: it is damaged, or too large to be read at "
            "once. Copy it again, or save it as OME-Zarr, which is read piece by piece."
        ) from error
    except DAMAGE as error:
        raise ImageError(
            f"{path} cannot be read as a TIFF file ({type(error).__name__}: {error}). It may be "
            f"damaged or use a rare variant. {_CONVERT}"
        ) from error


def _check_count(path: Path, file: tifffile.TiffFile) -> None:
    """Refuse numbers of planes that no file has, before a list of them is made."""
    for element in ome_elements(file.ome_metadata):
        names = {"Pixels": ("SizeT", "SizeC", "SizeZ"), "TiffData": ("PlaneCount",)}
        sizes = [int(element.get(name, "1")) for name in names.get(tag(element), ())]
        if prod(sizes) > MOST_PLANES:
            raise ImageError(
                f"{path} claims to have {' x '.join(f'{size:.6g}' for size in sizes)} planes, more "
                "than can be true: its OME header is damaged. Save it anew."
            )


def _choose_series(
    path: Path, file: tifffile.TiffFile, series: int | None
) -> tifffile.TiffPageSeries:
    """Find the image asked for; thumbnails do not count where there is anything else."""
    found = [s for s in file.series if not s.keyframe.is_reduced] or list(file.series)
    if not found:
        raise ImageError(f"{path} holds no image. {_CONVERT}")
    if len(found) == 1 and POSITION in found[0].axes:
        _check_position(path, found[0], series)
        return found[0]
    listing = "; ".join(
        f"{i}: {s.name or 'unnamed'!r} {s.axes} {' x '.join(map(str, s.shape))} {s.dtype}"
        for i, s in enumerate(found[:8])
    )
    listing += "; ..." if len(found) > 8 else ""
    if series is None and len(found) > 1:
        raise ImageError(
            f"{path} holds {len(found)} images ({listing}): choose one with series=0 to "
            f"{len(found) - 1}, or save each in a file of its own."
        )
    if series is not None and not 0 <= series < len(found):
        raise ImageError(f"{path} has no image {series}; it holds {listing}.")
    chosen = found[series or 0]
    if any(page is not None and page.parent is not file for page in chosen.pages):
        # tifffile reads what lies in one piece from the file that was opened, also where the
        # piece lies in another file of the set: page by page it asks the right one.
        chosen.dataoffset = None
    return chosen


def _check_position(path: Path, series: tifffile.TiffPageSeries, position: int | None) -> None:
    """Refuse a position that there is not, and to guess one."""
    n_positions = series.shape[series.axes.index(POSITION)]
    if position is None or not 0 <= position < n_positions:
        asked = "" if position is None else f", and none of number {position}"
        raise ImageError(
            f"{path} holds {n_positions} positions{asked}: choose one with series=0 to "
            f"{n_positions - 1}."
        )


def _check_pixels(path: Path, series: tifffile.TiffPageSeries, axes: str | None) -> None:
    """Refuse what is not measured intensities."""
    key = series.keyframe
    kind = "?" if key.dtype is None else key.dtype.kind
    if kind not in "uif":
        named = {"b": "a black-and-white mask", "c": "complex numbers"}
        raise ImageError(
            f"{path} holds {named.get(kind, 'pixels of an unknown kind')} ({key.bitspersample} "
            "bits): use an image of integer or floating-point intensities."
        )
    photograph = series.dtype == np.uint8 and int(key.photometric) in _COLOURS
    if photograph and "S" in series.axes and axes is None:
        samples = series.shape[series.axes.index("S")]
        raise ImageError(
            f"{path} is an RGB picture ({samples} colours of 8 bits): colours for the eye, not "
            "measured channels. Use the file it was made from. If each colour does show one "
            "structure, save the colours as channels (in Fiji: Image > Color > Make Composite), "
            f"or read it with axes={example_axes(series)!r}."
        )


def _pixels(
    path: Path,
    series: tifffile.TiffPageSeries,
    stored: str,
    position: int,
    lazy_above: int,
    opened: ExitStack,
) -> tuple[Any, str]:
    """Read or open the pixels of an image; return them with the letters of their axes."""
    bound_tiles(series)
    order = "".join(a for a in stored if a not in "YX" + POSITION) + "YX"
    places = [stored.index(a) for a in order]
    at = {stored.index(POSITION): position} if POSITION in stored else {}
    n_bytes = series.nbytes // series.shape[next(iter(at))] if at else series.nbytes
    if n_bytes > lazy_above:
        return _lazy_data(path, series, places, at, opened), order
    if at:  # one of several: the others are not read
        with ExitStack() as closed:
            data = np.asarray(_lazy_data(path, series, places, at, closed))
    else:
        data = series.asarray(level=0).transpose(places)
    return np.ascontiguousarray(data, dtype=data.dtype.newbyteorder("=")), order


def _lazy_data(
    path: Path,
    series: tifffile.TiffPageSeries,
    order: list[int],
    at: dict[int, int],
    opened: ExitStack,
) -> Any:
    """Open the file as a dask array; it is closed when the array is no longer in use."""
    import zarr

    store = series.aszarr(level=0)
    weakref.finalize(store, opened.pop_all().close)
    return lazily(zarr.open_array(store, mode="r"), order, path, at)


def _check_finite(path: Path, data: np.ndarray[Any, Any]) -> tuple[str, ...]:
    """Refuse pixels (..., Y, X) that are not finite, but for planes that are missing as a whole.

    A split that was stopped leaves such planes; they are pointed out.
    """
    if data.dtype.kind != "f":
        return ()
    finite = np.isfinite(data)
    missing = ~finite.any(axis=(-2, -1))
    bad = data.size - int(np.count_nonzero(finite))
    if bad > int(missing.sum()) * data.shape[-1] * data.shape[-2] or missing.all():
        raise ImageError(
            f"{path} has {bad} of {data.size} pixels that are NaN or infinite. {REPLACE}"
        )
    if not bad:
        return ()
    return (f"{int(missing.sum())} of {missing.size} planes of {path.name} are empty (NaN).",)
