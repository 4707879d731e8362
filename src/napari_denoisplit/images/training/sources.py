"""Images as a model file remembers them: a line with the name and a hash of the pixels."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_denoisplit.images.image import Image

_HASH = " sha256:"


def source_line(image: Image, *, hashed: bool = True) -> str:
    """Name, axes, shape and hash of the content of an image, so that a model says what it saw."""
    if not hashed:  # pixels that memory does not hold are not all read for it
        return f"{image.name} {image.axes} {image.shape}"
    digest = hashlib.sha256()
    for plane in image.each_field():
        digest.update(np.ascontiguousarray(plane).view(np.uint8).data)
    return f"{image.name} {image.axes} {image.shape}{_HASH}{digest.hexdigest()[:16]}"


def content_hash(line: str) -> str:
    """Hash of the pixels; where there is none, the line itself tells images apart."""
    return line.rpartition(_HASH)[2]


def source_name(line: str) -> str:
    """Return all but the hash."""
    return line.partition(_HASH)[0]


def same_content(lines: Iterable[str], known: Iterable[str]) -> list[str]:
    """Lines of images whose pixels are among those of the known ones, under whatever name.

    Of a known one without a hash, name and shape decide.
    """
    contents = {content_hash(line) for line in known}
    return [line for line in lines if {content_hash(line), source_name(line)} & contents]
