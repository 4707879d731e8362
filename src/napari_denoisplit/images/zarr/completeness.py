"""Whether an array holds the pixels that its shape promises."""

from __future__ import annotations

import math
import os
from itertools import product
from typing import TYPE_CHECKING, Any

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.zarr.layout import KEY
from napari_denoisplit.images.zarr.ngff_axes import step
from napari_denoisplit.images.zarr.nodes import ZarrNode, child, read_node
from napari_denoisplit.images.zarr.stores import ZarrLevel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import zarr

MOST_COUNTED = 1_000_000
"""Files of an array that are looked for, to say how many there are."""


def notes_of_image(
    node: ZarrNode, multiscale: dict[str, Any], array: zarr.Array[Any]
) -> tuple[str, ...]:
    """Say what the finest level of an image lacks.

    Parameters
    ----------
    node
        Group of the image.
    multiscale
        What its metadata says of its levels.
    array
        The finest level.
    """
    finest = child(node.folder, multiscale["datasets"][0]["path"])
    own = node.attributes.get(KEY)
    if isinstance(own, dict) and own.get("complete") is False:
        written = _written(finest, array)
        return (f"{node.folder.name} is unfinished{written}. Run the same command again to go on.",)
    return notes_of_files(node.folder.name, finest, array) + _notes_of_sizes(
        node, multiscale["datasets"], array.shape
    )


def _written(folder: Path, array: zarr.Array[Any]) -> str:
    if array.metadata.zarr_format != 3 or not array.metadata.dimension_names:
        return ""
    level = ZarrLevel(folder, array)
    if len(level.grid) > MOST_COUNTED:
        return ""
    return f": {sum(map(level.done, level.grid))} of {len(level.grid)} regions"


def notes_of_files(name: str, folder: Path, array: zarr.Array[Any]) -> tuple[str, ...]:
    """Say where the files of an array are not those of its shape.

    Programs leave out files whose pixels all have the value declared for such, so this is no error;
    a copy that broke off and a damaged shape look the same.
    """
    stored = array.shards or array.chunks
    counts = [-(-n // size) for n, size in zip(array.shape, stored, strict=True)]
    if math.prod(counts) > MOST_COUNTED:
        return ()
    encode = array.metadata.encode_chunk_key
    promised = {encode(at) for at in product(*map(range, counts))}
    found = set(_keys(folder))
    notes = []
    if absent := len(promised - found):
        notes.append(
            f"{name}: files of its pixels are absent ({absent} of {len(promised)}); these pixels "
            f"are read as {array.fill_value}, as its metadata says."
        )
    if beyond := sum(map(_is_piece, found - promised)):
        notes.append(
            f"{name}: files of pixels ({beyond}) lie outside of the {_times(array.shape)} that its "
            "metadata names, and are not read. If the image should be larger, copy it again."
        )
    return tuple(notes)


def _keys(folder: Path) -> Iterator[str]:
    """Names of the files of an array, as zarr writes them."""
    for at, _, names in os.walk(folder):
        inner = os.path.relpath(at, folder).replace(os.sep, "/")
        yield from names if inner == "." else (f"{inner}/{name}" for name in names)


def _is_piece(key: str) -> bool:
    return all(number.isdigit() for number in key.removeprefix("c/").replace("/", ".").split("."))


def _notes_of_sizes(node: ZarrNode, levels: list[Any], shape: tuple[int, ...]) -> tuple[str, ...]:
    """Say where a coarser level is not of the size that its scale tells."""
    scale = step(levels[0], "scale", len(shape), math.nan)
    for level in levels[1:]:
        size = _size(node, level)
        if size is None or len(size) != len(shape):
            continue
        coarser = step(level, "scale", len(shape), math.nan)
        expected = [
            n * a / b if b else math.nan for n, a, b in zip(shape, scale, coarser, strict=True)
        ]
        # Rounded up or down from level to level, a size is less than a pixel off.
        if any(abs(n - m) > 1 for n, m in zip(expected, size, strict=True)):
            return (
                f"{node.folder.name} was read as {_times(shape)} pixels, to which the "
                f"{_times(size)} of its level {level['path']!r} do not fit: a size or a scale in "
                "its metadata is wrong. Look at the edges of the image, or copy it again.",
            )
    return ()


def _size(node: ZarrNode, level: object) -> list[int] | None:
    """Size that a level names; None where it is damaged: its pixels are not read."""
    if not isinstance(level, dict):
        return None
    try:
        found = read_node(child(node.folder, level.get("path")))
    except ImageError:
        return None
    size = found.metadata.get("shape") if found is not None else None
    return size if isinstance(size, list) and all(type(n) is int for n in size) else None


def _times(sizes: tuple[int, ...] | list[int]) -> str:
    return " x ".join(map(str, sizes))
