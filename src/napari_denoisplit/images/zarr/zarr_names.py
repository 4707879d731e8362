"""Names of Zarr folders, told without opening them."""

from __future__ import annotations

from os.path import isfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ZARR_FILES", "image_name", "is_zarr"]

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
