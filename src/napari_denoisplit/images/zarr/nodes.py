"""What the metadata of a Zarr folder says, read without trusting it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from os.path import isfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from napari_denoisplit.errors import ImageError

if TYPE_CHECKING:
    from pathlib import Path

LARGEST_METADATA = 2**26
"""Bytes; the collected metadata of a plate may be some MiB."""


@dataclass(frozen=True, slots=True)
class ZarrNode:
    """A group or an array."""

    folder: Path
    is_array: bool
    attributes: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    """Of an array; empty for a group."""


def read_node(folder: Path) -> ZarrNode | None:
    """Read the metadata of a folder, of zarr format 2 or 3; None where it has none.

    Raises
    ------
    ImageError
        The metadata cannot be read or is none.
    """
    found = {name: _read_json(folder / name) for name in ZARR_FILES if isfile(folder / name)}
    if "zarr.json" in found:
        metadata = found["zarr.json"]
        attributes = metadata.get("attributes")
        attributes = attributes if isinstance(attributes, dict) else {}
        if metadata.get("node_type") == "array":
            return ZarrNode(folder, True, attributes, metadata)
        return ZarrNode(folder, False, attributes)
    attributes = found.get(".zattrs", {})
    if ".zarray" in found:
        return ZarrNode(folder, True, attributes, found[".zarray"])
    return ZarrNode(folder, False, attributes) if found else None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST_METADATA:
            raise ImageError(
                f"{path} has {path.stat().st_size} bytes, and no metadata needs more than "
                f"{LARGEST_METADATA}: copy the folder again."
            )
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ImageError(
            f"{path} cannot be opened ({error.strerror}): check that you may read it."
        ) from error
    except (ValueError, RecursionError) as error:
        raise ImageError(f"{path} is damaged ({error}): copy the folder again.") from error
    if not isinstance(value, dict):
        raise ImageError(f"{path} is damaged (no JSON object): copy the folder again.")
    return value


def child(root: Path, name: object) -> Path:
    """Return a folder that metadata names, which must lie inside the folder `root`.

    Raises
    ------
    ImageError
        It lies elsewhere, or links lead elsewhere.
    """
    inner = PurePosixPath(name) if isinstance(name, str) else None
    plain = inner is not None and not inner.is_absolute() and ".." not in inner.parts
    if inner is None or not plain or re.search(r"[\\:\0]", str(inner)):
        raise ImageError(
            f"{root}: its metadata names {name!r}, which is not a folder inside it. Copy it again, "
            "from where it was made."
        )
    folder = root / inner
    if not folder.resolve().is_relative_to(root.resolve()):
        raise ImageError(
            f"{root}: {name!r} is a link to {folder.resolve()}, outside of it. Copy what it shows "
            "into the folder."
        )
    return folder


ZARR_FILES = ("zarr.json", ".zarray", ".zgroup", ".zattrs")
"""Files that describe a Zarr array or group."""


def is_zarr(path: Path) -> bool:
    """Whether a path is a Zarr folder, or bears the name of one."""
    # isfile: a folder that may not be looked into is told by whoever opens it.
    return path.suffix.lower() == ".zarr" or any(isfile(path / name) for name in ZARR_FILES)


def image_name(path: Path) -> str:
    """Name of an image by its folder: 'plate_A_1_0' for plate.ome.zarr/A/1/0."""
    parts = [path.name]
    for folder in path.parents:
        if parts[0].lower().endswith(".zarr"):
            break
        parts.insert(0, folder.name)
    if not parts[0].lower().endswith(".zarr"):  # no such folder: the last name has to do
        return path.name
    return "_".join([parts[0][: -len(".zarr")].removesuffix(".ome"), *parts[1:]])
