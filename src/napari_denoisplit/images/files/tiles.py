"""Tiles of a TIFF file that may hold no more than the file says."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import tifffile

from napari_denoisplit.images.pictures import picture_size

if TYPE_CHECKING:
    from collections.abc import Callable

_LERC = 34887
_ROOM = 2**24
"""Pixels that any tile may have; a tile of a larger image may have four times its pixels."""
_FEW = 4
"""Values of a pixel that any picture may have, as colours and opacity."""


def bound_tiles(series: tifffile.TiffPageSeries) -> None:
    """Refuse tiles far larger than the image, and larger pictures in tiles or strips.

    The latter raise TiffFileError before they are unpacked. Streams such as those of zlib are
    bounded by tifffile, which makes room for a tile; a picture brings its own size.

    Raises
    ------
    tifffile.TiffFileError
        A tile is larger than any image of this size needs.
    """
    page: Any = series.keyframe
    if page is None:
        return
    if page.is_tiled:
        tile, image = page.tile, (page.imagedepth, page.imagelength, page.imagewidth)
        most = max(_ROOM, 4 * prod(image))
        if prod(tile) > most:
            raise tifffile.TiffFileError(
                f"its tiles claim {' x '.join(map(str, tile))} pixels, and an image of "
                f"{' x '.join(map(str, image[-len(tile) :]))} needs {most:,} at most"
            )
    if page.compression not in {*tifffile.TIFF.IMAGE_COMPRESSIONS, _LERC}:
        return
    decode: Callable[..., Any] = page.decode
    what = "tile" if page.is_tiled else "strip"
    height = page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength)
    width = page.tilewidth if page.is_tiled else page.imagewidth
    depth = max(_FEW, page.samplesperpixel if page.planarconfig == 1 else 1)

    def bounded(data: bytes | None, index: int, /, **how: Any) -> Any:
        """Unpack a tile or strip whose picture is no larger than it."""
        size = None if data is None else picture_size(data)
        if size is not None and (size[0] > height or size[1] > width or size[2] > depth):
            deep = f" with {size[2]} values each, where {depth} may be" if size[2] > depth else ""
            raise tifffile.TiffFileError(
                f"its {what} {index} of {height} x {width} pixels holds a picture of "
                f"{size[0]} x {size[1]}{deep}"
            )
        return decode(data, index, **how)

    page.decode = bounded
