"""Zarr arrays of pixels, opened once their metadata are known to be harmless."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import zarr

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.damage import DAMAGE
from napari_denoisplit.images.zarr.nodes import child, read_node
from napari_denoisplit.images.zarr.stores import ConfinedStore
from napari_denoisplit.images.zarr.unpacking import bounded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_denoisplit.images.zarr.nodes import ZarrNode

LARGEST_CHUNK = 2**31
"""Bytes; no usual codec makes larger ones, and each is held in memory as a whole."""
LARGEST_IMAGE = 2**46
"""Bytes: 64 TiB, more than the largest images there are."""
MOST_AXES = 8
MOST_CODECS = 32

# Codecs that turn bytes into numbers and do nothing else. All others are refused: there is one
# (pickle) that runs whatever program a file contains.
_CODECS_2 = frozenset(
    "blosc bz2 gzip lz4 lzma zlib zstd shuffle delta fixedscaleoffset bitround quantize packbits "
    "crc32 crc32c adler32 fletcher32 jenkins_lookup3".split()
)
_CODECS_3 = frozenset("bytes transpose sharding_indexed blosc gzip zstd crc32c".split()) | {
    f"numcodecs.{name}" for name in _CODECS_2
}
_BYTES_2 = {f"{kind}{n}": n for kind in "uif" for n in (1, 2, 4, 8) if kind + str(n) != "f1"}
_BYTES_3 = {f"{kind}{8 * n}": n for kind in ("uint", "int", "float") for n in (1, 2, 4, 8)}


@dataclass(frozen=True, slots=True)
class _Storage:
    """How an array is stored, in the words of either format."""

    pixels: object
    n_bytes: int | None
    """Bytes of a pixel; None where it is no plain number."""
    chunks: list[Any]
    """Shape of shards, if any, then of chunks."""
    codecs: set[str]
    trusted: frozenset[str]
    names: object


def open_pixels(node: ZarrNode) -> tuple[zarr.Array[Any], tuple[str, ...]]:
    """Open an array whose metadata were checked before anything else reads them.

    Returns
    -------
    The array, and the names of its axes; none where it does not name them.

    Raises
    ------
    ImageError
        The pixels are no numbers, a codec is not trusted, sizes are not those of an image, or the
        array is damaged.
    """
    at, metadata = node.folder, node.metadata
    stored = _format_3(at, metadata) if metadata.get("zarr_format") == 3 else _format_2(at, node)
    if stored.n_bytes is None:
        raise ImageError(
            f"{at} holds pixels of type {stored.pixels!r}: use an image of integer or "
            "floating-point intensities."
        )
    unknown = stored.codecs - stored.trusted
    if unknown:
        raise ImageError(
            f"{at} is stored with {', '.join(sorted(unknown))}, which is not among the codecs that "
            "are trusted here: write it anew with one that every reader has, such as blosc."
        )
    shape = _sizes(at, metadata.get("shape"))
    _check_extent(at, shape, [_sizes(at, chunk) for chunk in stored.chunks], stored.n_bytes)
    names = stored.names if isinstance(stored.names, list) else []
    named = len(names) == len(shape) and all(isinstance(name, str) for name in names)
    try:
        array = bounded(zarr.open_array(ConfinedStore(at), mode="r"))
    except DAMAGE as error:
        raise ImageError(
            f"{at} cannot be opened as a Zarr array ({type(error).__name__}: {error}). Copy it "
            "again."
        ) from error
    return array, tuple(names) if named else ()


def open_level(folder: Path, dataset: object) -> zarr.Array[Any]:
    """Open a resolution level of the image in a folder, by its entry among the datasets.

    Raises
    ------
    ImageError
        As of `open_pixels`; or the level is missing.
    """
    if not isinstance(dataset, dict):
        raise ImageError(f"{folder} names no array with its pixels: copy the folder again.")
    node = read_node(child(folder, dataset.get("path")))
    if node is None or not node.is_array:
        raise ImageError(
            f"{folder / str(dataset.get('path'))}, a level of the image, is missing: copy the "
            "folder again."
        )
    return open_pixels(node)[0]


def _format_2(at: Path, node: ZarrNode) -> _Storage:
    metadata = node.metadata
    filters = metadata.get("filters") or []
    used = [metadata.get("compressor"), *(filters if isinstance(filters, list) else [filters])]
    return _Storage(
        metadata.get("dtype"),
        _BYTES_2.get(str(metadata.get("dtype")).lstrip("<>|=")),
        [metadata.get("chunks")],
        {_named(at, codec, "id") for codec in used if codec is not None},
        _CODECS_2,
        node.attributes.get("_ARRAY_DIMENSIONS"),
    )


def _format_3(at: Path, metadata: dict[str, Any]) -> _Storage:
    pixels = metadata.get("data_type")
    n_bytes = _BYTES_3.get(pixels) if isinstance(pixels, str) and pixels != "float8" else None
    codecs = list(_nested(at, metadata.get("codecs")))
    chunks = [_configuration(metadata.get("chunk_grid")).get("chunk_shape")]
    chunks += [_configuration(codec)["chunk_shape"] for codec in codecs if _is_sharding(codec)]
    names = {_named(at, codec, "name") for codec in codecs}
    # Nothing is defined that would be one, so nothing is known of what it may do.
    names |= {"storage transformers"} if metadata.get("storage_transformers") else set()
    return _Storage(pixels, n_bytes, chunks, names, _CODECS_3, metadata.get("dimension_names"))


def _nested(at: Path, codecs: object, depth: int = 0) -> Iterator[object]:
    """Every codec, and those inside shards."""
    if not isinstance(codecs, list) or len(codecs) > MOST_CODECS or depth > MOST_AXES:
        raise ImageError(f"{at}: its codecs ({str(codecs)[:80]}) are damaged. Copy it again.")
    for codec in codecs:
        yield codec
        for key in ("codecs", "index_codecs"):
            if key in _configuration(codec):
                yield from _nested(at, _configuration(codec)[key], depth + 1)


def _is_sharding(codec: object) -> bool:
    return "chunk_shape" in _configuration(codec)


def _configuration(thing: object) -> dict[str, Any]:
    found = thing.get("configuration") if isinstance(thing, dict) else None
    return found if isinstance(found, dict) else {}


def _named(at: Path, codec: object, key: str) -> str:
    name = codec.get(key) if isinstance(codec, dict) else codec
    if not isinstance(name, str):
        raise ImageError(f"{at}: a codec has no name ({str(codec)[:80]}). Copy it again.")
    return name


def _sizes(at: Path, value: object) -> tuple[int, ...]:
    """Sizes along the axes, as whole positive numbers."""
    sizes: list[Any] = value if isinstance(value, list) else []
    if not 0 < len(sizes) <= MOST_AXES or not all(type(n) is int and n > 0 for n in sizes):
        raise ImageError(
            f"{at}: {str(value)[:80]} cannot be the size of an image or of a part. Copy it again."
        )
    return tuple(sizes)


def _check_extent(
    at: Path, shape: tuple[int, ...], chunks: list[tuple[int, ...]], n_bytes: int
) -> None:
    if any(len(chunk) != len(shape) for chunk in chunks):
        raise ImageError(f"{at}: its chunks {chunks} do not fit its shape {shape}. Copy it again.")
    if prod(shape) * n_bytes > LARGEST_IMAGE:
        raise ImageError(
            f"{at} claims to have {' x '.join(map(str, shape))} pixels, more than can be "
            "true. Copy it again."
        )
    # Shards are not held as a whole, the chunks in them are.
    if prod(chunks[-1]) * n_bytes > LARGEST_CHUNK:
        raise ImageError(
            f"{at} is stored in pieces of {prod(chunks[-1]) * n_bytes / 2**30:.1f} GiB: write it "
            "anew with chunks of a few MiB."
        )
