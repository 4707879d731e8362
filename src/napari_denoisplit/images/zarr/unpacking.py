"""Compressed chunks of a Zarr array, unpacked to no more than a chunk can be."""

from __future__ import annotations

import asyncio
import bz2
import lzma
import zlib
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any, Protocol

import zarr
from numcodecs.abc import Codec
from numcodecs.compat import ndarray_copy
from zarr.abc.codec import BytesBytesCodec
from zarr.codecs import ShardingCodec

from napari_denoisplit.images.pictures import picture_size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zarr.core.array_spec import ArraySpec
    from zarr.core.buffer import Buffer

_ROOM = 32
"""Times the pixels: a filter's numbers may be wider than them, and a shard has an index."""
_SMALLEST = 2**20
"""Bytes that any chunk may have: what it costs to be generous with small ones."""
_TOO_LARGE = "a chunk unpacks to more than {} bytes, which no chunk has here"
_ZSTD_BLOCK = 2**17
"""Bytes that a block of Zstandard holds at most."""


class _Stream(Protocol):
    """A decompressor of the standard library."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes | memoryview, max_length: int, /) -> bytes: ...


def bounded(array: zarr.Array[Any]) -> zarr.Array[Any]:
    """Return an array whose chunks raise ValueError before they fill the memory.

    The libraries unpack whatever a chunk holds, 1,000 (gzip) to 30,000 (zstd) times its size on
    disk, and compare its length with that of a chunk afterwards.
    """
    metadata: Any = array.metadata
    n_bytes = array.dtype.itemsize
    if metadata.zarr_format == 3:
        stored = array.shards or array.chunks
        metadata = replace(metadata, codecs=_all_bounded(metadata.codecs, stored, n_bytes))
    else:
        most = _most(array.chunks, n_bytes)
        filters = metadata.filters and tuple(_BoundedV2(codec, most) for codec in metadata.filters)
        compressor = metadata.compressor and _BoundedV2(metadata.compressor, most)
        metadata = replace(metadata, filters=filters, compressor=compressor)
    return zarr.Array(zarr.AsyncArray(metadata=metadata, store_path=array.store_path))


def _most(shape: Sequence[int], n_bytes: int) -> int:
    return max(_SMALLEST, _ROOM * prod(shape) * n_bytes)


def _all_bounded(codecs: Sequence[Any], shape: Sequence[int], n_bytes: int) -> list[Any]:
    """Bound the codecs of pieces of this shape, and those of the chunks inside shards."""
    found: list[Any] = []
    for codec in codecs:
        if isinstance(codec, ShardingCodec):
            inner = _all_bounded(codec.codecs, codec.chunk_shape, n_bytes)
            found.append(replace(codec, codecs=tuple(inner)))
        elif isinstance(codec, BytesBytesCodec):
            found.append(_BoundedV3(codec, _most(shape, n_bytes)))
        else:
            found.append(codec)
    return found


class _BoundedV2(Codec):  # type: ignore[misc]
    """A codec of format 2 that looks at the size of what it unpacks."""

    codec_id = "bounded"  # zarr asks the class for it, though only to see that it has one

    def __init__(self, codec: Any, most: int) -> None:
        self.codec_id = codec.codec_id
        self._codec, self._most = codec, most

    def encode(self, buf: Any) -> Any:
        return self._codec.encode(buf)

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Unpack a chunk, unless it holds more than it may."""
        packed = memoryview(buf).cast("B")
        found = unpack(self.codec_id, packed, self._most, self._codec.get_config())
        return self._codec.decode(buf, out) if found is None else ndarray_copy(found, out)

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = self._codec.get_config()
        return config


@dataclass(frozen=True)
class _BoundedV3(BytesBytesCodec):
    """A codec of format 3 that looks at the size of what it unpacks."""

    codec: Any
    most: int

    @property
    def is_fixed_size(self) -> bool:  # type: ignore[override]
        return bool(self.codec.is_fixed_size)

    def to_dict(self) -> dict[str, Any]:
        named: dict[str, Any] = self.codec.to_dict()
        return named

    def evolve_from_array_spec(self, array_spec: ArraySpec) -> _BoundedV3:
        return replace(self, codec=self.codec.evolve_from_array_spec(array_spec))

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        return int(self.codec.compute_encoded_size(input_byte_length, chunk_spec))

    async def decode(self, chunks_and_specs: Any) -> Any:
        """Unpack chunks, unless one holds more than it may."""
        return await asyncio.gather(*(self._decode_one(*pair) for pair in chunks_and_specs))

    async def _decode_one(self, chunk: Buffer | None, spec: ArraySpec) -> Buffer | None:
        if chunk is None:
            return None
        named = self.to_dict()
        name, config = named["name"].removeprefix("numcodecs."), named.get("configuration", {})
        stored: Any = chunk.as_numpy_array()
        packed = memoryview(stored).cast("B")
        found = await asyncio.to_thread(unpack, name, packed, self.most, config)
        if found is not None:
            return spec.prototype.buffer.from_bytes(found)
        (unpacked,) = await self.codec.decode([(chunk, spec)])
        whole: Buffer | None = unpacked
        return whole

    async def encode(self, chunks_and_specs: Any) -> Any:
        return await self.codec.encode(chunks_and_specs)


def unpack(name: str, packed: memoryview, most: int, config: dict[str, Any]) -> bytes | None:
    """Unpack no more than `most` bytes.

    Parameters
    ----------
    name
        Of the codec, as numcodecs calls it.
    packed
        What it is to unpack.
    most
        Bytes.
    config
        Of the codec.

    Returns
    -------
    The bytes; None where it is known that the codec will unpack no more, or will tell what is
    wrong.

    Raises
    ------
    ValueError
        There is more.
    """
    match name:
        case "blosc":
            size = int.from_bytes(packed[4:8], "little")
        case "lz4":
            size = int.from_bytes(packed[:4], "little")
        case "zstd":
            size = _zstd_size(packed)
        case "zlib" | "gzip":
            return _streamed(lambda: zlib.decompressobj(47), packed, most)
        case "bz2":
            return _streamed(bz2.BZ2Decompressor, packed, most)
        case "lzma":
            form, filters = config.get("format", 1), config.get("filters")
            return _streamed(lambda: lzma.LZMADecompressor(form, filters=filters), packed, most)
        case _ if name.startswith("imagecodecs_"):
            size = prod(picture_size(packed) or (0,))
        case _:
            return None
    if size > most:
        raise ValueError(_TOO_LARGE.format(most))
    return None


def _streamed(begin: Callable[[], _Stream], packed: memoryview, most: int) -> bytes | None:
    """Unpack one stream after another; None where they are damaged."""
    pieces, size = [], 0
    rest: bytes | memoryview = packed
    try:
        while rest:
            stream = begin()
            # One byte more than there may be, which tells that there are too many.
            piece = stream.decompress(rest, most - size + 1)
            pieces.append(piece)
            size += len(piece)
            if size > most:
                raise ValueError(_TOO_LARGE.format(most))
            if not stream.eof:
                return None
            rest = stream.unused_data
    except (zlib.error, OSError, EOFError, lzma.LZMAError):
        return None
    return b"".join(pieces) if len(pieces) > 1 else pieces[0] if pieces else None


def _zstd_size(packed: memoryview) -> int:
    """Bytes in frames of Zstandard (RFC 8878); at most, where they do not say."""
    size, at = 0, 0
    while at + 5 <= len(packed):
        magic, flags = int.from_bytes(packed[at : at + 4], "little"), packed[at + 4]
        if magic & 0xFFFFFFF0 == 0x184D2A50:  # a frame to be skipped
            at += 8 + int.from_bytes(packed[at + 4 : at + 8], "little")
            continue
        if magic != 0xFD2FB528:
            break
        single = flags >> 5 & 1
        n_bytes = (single, 2, 4, 8)[flags >> 6]
        window = packed[at + 5] if not single and at + 5 < len(packed) else 0xFF
        block = min(_ZSTD_BLOCK, (1 << 7 + (window >> 3)) * (8 + (window & 7)))
        at += 5 + (not single) + (0, 1, 2, 4)[flags & 3]
        claimed = int.from_bytes(packed[at : at + n_bytes], "little") + 256 * (n_bytes == 2)
        at += n_bytes
        held, last = 0, False
        while not last and at + 3 <= len(packed):
            header = int.from_bytes(packed[at : at + 3], "little")
            last, kind, length = bool(header & 1), header >> 1 & 3, header >> 3
            held += length if kind < 2 else block
            at += 3 + (1 if kind == 1 else length)
        size += claimed if n_bytes else held
        at += 4 * (flags >> 2 & 1)
    return size
