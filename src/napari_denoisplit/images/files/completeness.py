"""Whether a TIFF file is all there, told from its offsets without reading pixels."""

from __future__ import annotations

import struct
from math import prod
from typing import TYPE_CHECKING

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.file_sets import absent_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import tifffile

# Bytes of one value of each type of TIFF tag.
_BYTES_OF_TYPE = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_BYTES_OF_TYPE |= {16: 8, 17: 8, 18: 8}
_MOST_TAGS = 4096  # of a page, to tifffile
_IMAGEJ_SIZES = ("images", "channels", "slices", "frames")


def check_chain(path: Path, file: tifffile.TiffFile) -> None:
    """Refuse a file whose pages follow each other in a circle, which tifffile walks for hours.

    Parameters
    ----------
    path
        Named in the error.
    file
        Opened; its pages have not been asked for.

    Raises
    ------
    ImageError
        A page names itself or an earlier one as the page that follows it.
    """
    form, handle = file.tiff, file.filehandle
    position, seen = file.pages.first.offset, set[int]()
    while 0 < position < handle.size:
        if position in seen:
            raise ImageError(
                f"{path} is damaged: after {len(seen)} pages comes the one at byte {position} "
                "once more, without end. Copy it again, from where it was acquired."
            )
        seen.add(position)
        handle.seek(position)
        count = handle.read(form.tagnosize)
        if len(count) < form.tagnosize:
            return
        (n_tags,) = struct.unpack(form.tagnoformat, count)
        handle.seek(position + form.tagnosize + n_tags * form.tagsize)
        offset = handle.read(form.offsetsize)
        if n_tags > _MOST_TAGS or len(offset) < form.offsetsize:
            return  # tifffile, too, ends here
        (position,) = struct.unpack(form.offsetformat, offset)


def missing_part(file: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> str | None:
    """Say what a file lacks of one of its images; None where all is there.

    tifffile fills absent pages with zeros and goes on without a tag that lies beyond the end, so
    a cut file may come out as an image with other axes, or with black planes.
    """
    absent = sum(page is None for page in series.pages)
    if absent:
        names = ", ".join(absent_files(file)) or "it does not name them"
        return (
            f"{absent} of its {len(series.pages)} planes lie in files that are not here ({names})"
        )
    if series.kind == "generic":  # of no other kind are pages without a size left out
        sizeless = [i for i, page in enumerate(file.pages, start=1) if not page.shape]
        if sizeless:
            return f"its plane {sizeless[0]} has no size"
    broken = _broken_promise(file, series)
    if broken:
        return broken
    for what, start, n_bytes, size in _extents(file, series):
        if start + n_bytes > size:
            return f"its {what} should reach to byte {start + n_bytes}, the file ends at {size}"
    return None


def _broken_promise(file: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> str | None:
    """Say how many planes the header speaks of, where it is another number than is stored.

    ImageJ writes stacks above 4 GB with one page header, so a cut one looks like a single plane.
    """
    key = series.keyframe
    n_planes = series.size // (key.imagelength * key.imagewidth)
    metadata = (file.imagej_metadata or {}) if file.is_imagej else {}
    named = {name: int(metadata[name]) for name in _IMAGEJ_SIZES if name in metadata}
    n_images = named.get("images", 1)
    promised = max(n_images, prod(named.values()) // max(n_images, 1))
    if promised > n_planes:
        words = ", ".join(f"{n} {name}" for name, n in named.items())
        return f"its ImageJ header promises {promised} planes ({words}), {n_planes} can be read"
    n_stored = sum(1 for _ in series.pages) * key.size
    if series.dataoffset is None and n_stored != series.size:
        n_stored = n_stored * n_planes // series.size
        return f"its header speaks of {n_planes} planes, {n_stored} are there"
    return None


def _extents(
    file: tifffile.TiffFile, series: tifffile.TiffPageSeries
) -> Iterator[tuple[str, int, int, int]]:
    """Every stretch of bytes that a file promises: (what it is, start, length, file size)."""
    handle = file.filehandle
    for start, n_bytes in _far_values(file):
        yield "description", start, n_bytes, handle.size
    if not file.is_lsm:  # whose chain of pages wraps around at 4 GiB
        yield "planes", _next_page(file), 1, handle.size
    if series.dataoffset is not None and not series.is_multifile:
        yield "pixel data", series.dataoffset, series.nbytes, handle.size
        return
    for page in series.pages:
        if page is not None:
            size = page.parent.filehandle.size
            for start, n_bytes in zip(page.dataoffsets, page.databytecounts, strict=False):
                yield "pixel data", start, n_bytes, size


def _far_values(file: tifffile.TiffFile) -> Iterator[tuple[int, int]]:
    """(start, length) of the tag values of the first page that are stored elsewhere."""
    form, handle = file.tiff, file.filehandle
    if form.is_ndpi:
        return  # a Hamamatsu slide, whose tags have a layout of their own
    count_at = 4  # after the tag's code and type, two bytes each
    start_at = count_at + form.offsetsize
    handle.seek(file.pages.first.offset)
    (n_tags,) = struct.unpack(form.tagnoformat, handle.read(form.tagnosize))
    for _ in range(n_tags):
        tag = handle.read(form.tagsize)
        (kind,) = struct.unpack_from(form.byteorder + "H", tag, 2)
        (count,) = struct.unpack_from(form.offsetformat, tag, count_at)
        n_bytes = count * _BYTES_OF_TYPE.get(kind, 0)
        if n_bytes > form.offsetsize:
            yield struct.unpack_from(form.offsetformat, tag, start_at)[0], n_bytes


def _next_page(file: tifffile.TiffFile) -> int:
    """Where the file says that a page follows its last readable one; 0: nowhere, as it should."""
    position = file.pages.next_page_offset
    if not position:
        return 0
    file.filehandle.seek(position)
    (offset,) = struct.unpack(file.tiff.offsetformat, file.filehandle.read(file.tiff.offsetsize))
    return int(offset)
