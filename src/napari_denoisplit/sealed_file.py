"""The layout of a model file: safetensors, whose metadata holds a checksum of the whole file."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from typing import TYPE_CHECKING, Any

from napari_denoisplit.errors import ModelFileError
from napari_denoisplit.files import is_pipe

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = ".denoisplit"
MAX_HEADER = 100 * 2**20  # the limit of safetensors itself
_SEAL = "sha256"
_ZEROS = "0" * 64
NOT_SEALED = {_SEAL: _ZEROS}
"""In the metadata of a file before `sealed` puts the checksum there."""


def sealed(data: bytes) -> bytes:
    """Put the checksum of a file into it, where zeros hold its place.

    It is of the whole file: weights that changed are finite numbers, too.
    """
    return data.replace(_ZEROS.encode(), hashlib.sha256(data).hexdigest().encode(), 1)


def check_seal(path: Path, data: bytes) -> None:
    """Refuse a file that is not as it was written.

    Raises
    ------
    ModelFileError
        Its checksum is another, or it has none.
    """
    seal = str(metadata_of(path).get(_SEAL)).encode()
    at = data.find(seal)
    digest = hashlib.sha256(data[:at])  # the weights, which are long, are not copied
    digest.update(_ZEROS.encode())
    digest.update(memoryview(data)[at + len(seal) :])
    if digest.hexdigest().encode() != seal:
        raise ModelFileError(
            f"{path} is not as it was written (its checksum is another): the file is damaged. Take "
            "a copy or train again."
        )


def metadata_of(path: Path) -> dict[str, Any]:
    """Read the metadata of a safetensors file: 8 bytes of length, then JSON.

    Raises
    ------
    ModelFileError
        The file is missing, cut short, or not of this layout.
    """
    if is_pipe(path):
        raise ModelFileError(f"{path} is a pipe or a device: choose a {SUFFIX} file.")
    try:
        with path.open("rb") as file:
            prefix = file.read(8)
            length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
            if not 2 <= length <= MAX_HEADER:
                ways = "Choose a model that this program made"
                if prefix.startswith(b"PK"):  # what torch writes
                    ways += ", or turn a checkpoint of another one into it by `denoisplit import`"
                raise ModelFileError(
                    f"{path} is not a {SUFFIX} file (it begins with {prefix!r}). {ways}."
                )
            header = json.loads(file.read(length))
            size = file.seek(0, os.SEEK_END)
    except ModelFileError:
        raise
    except OSError as error:
        raise ModelFileError(
            f"{path} cannot be opened ({error.strerror}): check that the file exists and may be "
            "read."
        ) from error
    except (ValueError, RecursionError) as error:  # of bad letters, bad JSON, nested brackets
        raise ModelFileError(
            f"{path} is damaged or no {SUFFIX} file (its header is not JSON): take a copy or train "
            "again."
        ) from error
    if (promised := 8 + length + _weights_size(header)) != size:
        raise ModelFileError(
            f"{path} is damaged: it has {size} bytes, not the {promised} of its header. If it is "
            "being copied, wait for the end; else take a copy or train again."
        )
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    return metadata if isinstance(metadata, dict) else {}


def _weights_size(header: Any) -> int:
    """Bytes of all tensors, as a header of safetensors tells; 0 where it tells nothing usable."""
    tensors = header.values() if isinstance(header, dict) else ()
    places = [one.get("data_offsets") for one in tensors if isinstance(one, dict)]
    ends = [place[-1] for place in places if isinstance(place, list) and place]
    return max((end for end in ends if isinstance(end, int)), default=0)
