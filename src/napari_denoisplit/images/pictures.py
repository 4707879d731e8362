"""The size that a compressed picture says it has, read from its first bytes.

JPEG, PNG, WebP, JPEG 2000, JPEG XL, JPEG XR and LERC bring a size of their own into a tile of a
TIFF file or a chunk of an array; their decoders make room for it, whatever the tile is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Size = tuple[int, int, int]
"""Height and width in pixels, and values per pixel: 1 where a picture has no more than a few."""

_LERC = b"Lerc2 "
_CODESTREAM = b"\xff\x4f\xff\x51"  # JPEG 2000: start, then the marker of the size
_CONTAINER = b"\x00\x00\x00\x0cJXL \r\n\x87\n"
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Width to height, as JPEG XL numbers them from 1 on."""


def picture_size(packed: bytes | memoryview) -> Size | None:
    """Size of a picture; None where it is none of these, or does not say.

    Sources: ITU-T T.81 (JPEG), T.800 (JPEG 2000), T.832 (JPEG XR), ISO/IEC 15948 (PNG) and 18181
    (JPEG XL), RFC 9649 (WebP), github.com/Esri/lerc (LERC 2).
    """
    data = bytes(packed)
    try:
        if data.startswith(b"\xff\xd8"):
            return _jpeg(data)
        if data.startswith(b"\x89PNG"):
            return _big(data, 20, 4), _big(data, 16, 4), 1
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return _webp(data)
        if data.startswith(_LERC):
            return _lerc(data)
        if data.startswith(b"CntZImage "):  # the first version of LERC
            return _little(data, 18, 4), _little(data, 22, 4), 1
        if data.startswith(b"II\xbc"):
            return _jpeg_xr(data)
        if data.startswith((b"\xff\x0a", _CONTAINER)):
            return _jpeg_xl(data)
        if data.startswith((_CODESTREAM, b"\x00\x00\x00\x0cjP")):  # bare, or in boxes
            at = data.find(_CODESTREAM)
            return None if at < 0 else _jpeg_2000(data, at + 8)
    except IndexError:  # the decoder will tell that it is cut short
        pass
    return None


def _big(data: bytes, at: int, n: int) -> int:
    return _number(data[at : at + n], n, "big")


def _little(data: bytes, at: int, n: int) -> int:
    return _number(data[at : at + n], n, "little")


def _number(part: bytes, n: int, order: str) -> int:
    if len(part) < n:
        raise IndexError
    return int.from_bytes(part, "big" if order == "big" else "little")


def _jpeg(data: bytes) -> Size | None:
    at = 2
    while True:
        marker = data[at + 1]
        if marker == 0xFF:  # may be repeated before a marker
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            return _big(data, at + 5, 2), _big(data, at + 7, 2), 1
        elif marker == 0xDA:
            return None
        else:
            at += 2 + _big(data, at + 2, 2)


def _jpeg_2000(data: bytes, at: int) -> Size:
    width, height, left, top = (_big(data, at + 4 * i, 4) for i in range(4))
    return height - top, width - left, _big(data, at + 32, 2)


def _lerc(data: bytes) -> Size:
    """Size of the first band, with the values of all: each is a blob of its own."""
    height = width = depth = at = 0
    while data.startswith(_LERC, at):
        version = _little(data, at + 6, 4)
        first = at + (14 if version >= 3 else 10)  # behind a checksum
        rows, columns = _little(data, first, 4), _little(data, first + 4, 4)
        height, width = max(height, rows), max(width, columns)
        depth += _little(data, first + 8, 4) if version >= 4 else 1
        length = _little(data, first + (20 if version >= 4 else 16), 4)
        if not length:
            break
        at += length
    return height, width, depth


def _jpeg_xr(data: bytes) -> Size:
    at = _little(data, 4, 4)
    fields = (at + 2 + 12 * i for i in range(_little(data, at, 2)))
    values = {_little(data, field, 2): _little(data, field + 8, 4) for field in fields}
    return values.get(0xBC81, 0), values.get(0xBC80, 0), 1


def _webp(data: bytes) -> Size:
    match data[12:16]:
        case b"VP8X":
            return 1 + _little(data, 27, 3), 1 + _little(data, 24, 3), 1
        case b"VP8L":
            bits = _little(data, 21, 4)
            return 1 + (bits >> 14 & 0x3FFF), 1 + (bits & 0x3FFF), 1
        case _:
            return _little(data, 28, 2) & 0x3FFF, _little(data, 26, 2) & 0x3FFF, 1


def _jpeg_xl(data: bytes) -> Size | None:
    start = 0 if data.startswith(b"\xff\x0a") else next(_codestreams(data), None)
    if start is None:
        return None
    bits = _little(data, start + 2, 10)

    def take(n: int) -> int:
        """Read the next n bits."""
        nonlocal bits
        value, bits = bits & (1 << n) - 1, bits >> n
        return value

    def edge() -> int:
        return 8 * (1 + take(5)) if small else 1 + take((9, 13, 18, 30)[take(2)])

    small = take(1)
    height = edge()
    ratio = take(3)
    if not ratio:
        return height, edge(), 1
    across, down = _RATIOS[ratio - 1]
    return height, height * across // down, 1


def _codestreams(data: bytes) -> Iterator[int]:
    """Where codestreams begin in the boxes of JPEG XL."""
    at = 0
    while True:
        length, kind = _big(data, at, 4), data[at + 4 : at + 8]
        if kind in {b"jxlc", b"jxlp"}:
            yield at + (12 if kind == b"jxlp" else 8)
        if length < 8:  # to the end, or longer than four bytes can say
            return
        at += length
