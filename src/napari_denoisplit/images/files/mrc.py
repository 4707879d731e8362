"""Images from MRC files: a header of 1024 bytes, then one section after the other.

Source: MRC2014 (Cheng et al. 2015, https://www.ccpem.ac.uk/mrc_format/mrc2014.php); older files, as
those of BioSR, lack its stamps.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import isfinite, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.pixel_size import ImageMetadata
from napari_denoisplit.memory import READ_WHOLE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_denoisplit.images.image import Image

SUFFIX = ".mrc"
_HEADER = 1024
_MODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
_NO_IMAGE = {3: "complex numbers", 4: "complex numbers", 101: "pixels of 4 bits"}
_IMOD = 1146047817
"""Stamp of IMOD, which says in a flag of its own whether bytes have a sign."""
_LARGEST_EDGE = 2**24
"""Of no file that there is; a number beyond it is read in the wrong order of bytes, or damaged."""


@dataclass(frozen=True, slots=True)
class _Header:
    """What a file says of its pixels."""

    shape: tuple[int, int, int]
    """Sections, rows, columns."""
    dtype: np.dtype[Any]
    extended: int
    """Bytes between the header and the pixels."""
    is_volume: bool
    """Whether sections are planes of a volume, and not images of a stack."""
    micrometres: dict[str, float]
    """Size of a step along Z, Y, X, where it is known."""


def is_mrc(path: Path) -> bool:
    """Go by the name, since old files have nothing in them to be known by."""
    return path.suffix.lower() == SUFFIX


def read_mrc(path: Path, *, axes: str | None = None, lazy_above: int = READ_WHOLE) -> Image:
    """Read an MRC file; see `read_image`.

    Sections of a volume are planes along Z, of a stack time points.

    Raises
    ------
    ImageError
        The file is damaged or truncated, or holds no real numbers.
    """
    header = _header(path)
    offset = _offset(path, header)
    n_bytes = prod(header.shape) * header.dtype.itemsize
    stored: NDArray[Any] = np.memmap(path, header.dtype, "r", offset, header.shape)
    data: Any = stored
    native = header.dtype.newbyteorder("=")
    if n_bytes > lazy_above:
        import dask.array  # only for large files

        data = dask.array.from_array(stored, chunks=(1, *header.shape[1:])).astype(native)
    else:
        data = np.array(stored, native)
    letters = _letters(path, header, axes)
    if len(letters) == 2:
        data = data[0]
    metadata = ImageMetadata(header.micrometres, dict.fromkeys(header.micrometres, "µm"))
    surplus = path.stat().st_size - offset - n_bytes
    notes = (
        f"{path.name} holds {surplus:,} bytes beyond the {header.shape[0]} sections of its header: "
        "they were left out.",
    )
    return metadata.image(
        data, letters, name=path.stem, source=path, notes=notes if surplus else ()
    )


def _letters(path: Path, header: _Header, axes: str | None) -> str:
    """Letters of the stored axes, without that of a single section."""
    single = header.shape[0] == 1
    if axes is None:
        return "YX" if single else f"{'Z' if header.is_volume else 'T'}YX"
    letters = axes.upper()
    kept = letters[-2:] if single and len(letters) == 3 else letters
    if kept not in (("YX",) if single else ("TYX", "ZYX", "CYX")):
        raise ImageError(
            f"{path}: axes={axes!r} do not fit {header.shape[0]} section(s) of "
            f"{header.shape[1]} x {header.shape[2]} pixels: give TYX, ZYX or CYX, or YX for one."
        )
    return kept


def _header(path: Path) -> _Header:
    with path.open("rb") as file:
        raw = file.read(_HEADER)
    if len(raw) < _HEADER:
        raise ImageError(
            f"{path} is not an MRC file, or is damaged: it has {len(raw)} bytes. Copy it again."
        )
    order = next((order for order in "<>" if _is_plausible(raw, order)), None)
    if order is None:
        x, y, z, mode = struct.unpack_from("<4i", raw)
        raise ImageError(
            f"{path} is not an MRC file, or is damaged: its header claims {x} x {y} x {z} pixels "
            f"of mode {mode}. Copy it again."
        )
    ints = struct.unpack_from(f"{order}56i", raw)
    x, y, z, mode = ints[:4]
    if mode not in _MODES:
        raise ImageError(
            f"{path} holds {_NO_IMAGE.get(mode, 'pixels of an unknown kind')} (MRC mode {mode}): "
            "use an image of integer or floating-point intensities."
        )
    if ints[16:19] not in ((1, 2, 3), (0, 0, 0)):
        raise ImageError(
            f"{path} has its axes in the order {ints[16:19]}, and only columns, rows, sections are "
            "read: save it anew, e.g. in Fiji as OME-TIFF."
        )
    kind = _MODES[mode]
    if mode == 0 and ints[38] == _IMOD and not ints[39] & 1:
        kind = "u1"
    extended = max(0, ints[23])
    is_stamped = raw[208:212] == b"MAP "
    sizes = (
        _micrometres(ints[7:10], struct.unpack_from(f"{order}3f", raw, 40)) if is_stamped else {}
    )
    return _Header(
        (z, y, x), np.dtype(f"{order}{kind}"), extended, is_stamped and ints[22] == 1, sizes
    )


def _is_plausible(raw: bytes, order: str) -> bool:
    """Whether a header makes sense in this order of bytes."""
    *edges, mode = struct.unpack_from(f"{order}4i", raw)
    return all(0 < n < _LARGEST_EDGE for n in edges) and 0 <= mode < 1000


def _micrometres(intervals: tuple[int, ...], cell: tuple[float, ...]) -> dict[str, float]:
    """Sizes of a step, of a cell in ångström that is divided into intervals."""
    steps = zip("XYZ", cell, intervals, strict=True)
    return {
        axis: 1e-4 * length / n
        for axis, length, n in steps
        if n > 0 and isfinite(length) and length > 0
    }


def _offset(path: Path, header: _Header) -> int:
    """Where the pixels begin, once the file is known to have all of them."""
    there, pixels = path.stat().st_size, prod(header.shape) * header.dtype.itemsize
    offset = _HEADER + header.extended
    if there == _HEADER + pixels:  # some writers tell of an extended header that they leave out
        offset = _HEADER
    if there < offset + pixels:
        sections, rows, columns = header.shape
        raise ImageError(
            f"{path} is not complete: {sections} sections of {rows} x {columns} pixels need "
            f"{offset + pixels:,} bytes, and it has {there:,}. Copy it again."
        )
    return offset
