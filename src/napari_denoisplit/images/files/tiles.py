"""Tiles of a TIFF file that may hold no more than the file says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tifffile

from napari_denoisplit.images.pictures import picture_size

if TYPE_CHECKING:
    from collections.abc import Callable

_LERC = 34887


def bound_pictures(series: tifffile.TiffPageSeries) -> None:
    """Let a tile or strip that holds a larger picture raise TiffFileError before it is unpacked.

    Streams such as those of zlib are bounded by tifffile; a picture brings its own size.
    """
    page: Any = series.keyframe
    if page is None or page.compression not in {*tifffile.TIFF.IMAGE_COMPRESSIONS, _LERC}:
        return
    decode: Callable[..., Any] = page.decode
    what = "tile" if page.is_tiled else "strip"
    height = page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength)
    width = page.tilewidth if page.is_tiled else page.imagewidth

    def bounded(data: bytes | None, index: int, /, **how: Any) -> Any:
        """Unpack a tile or strip whose picture is no larger than it."""
        size = None if data is None else picture_size(data)
        if size is not None and (size[0] > height or size[1] > width):
            raise tifffile.TiffFileError(
                f"its {what} {index} of {height} x {width} pixels holds a picture of "
                f"{size[0]} x {size[1]}"
            )
        return decode(data, index, **how)

    page.decode = bounded
