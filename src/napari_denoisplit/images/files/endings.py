"""Endings of the files that are read as images, for folders, dialogs and drops alike."""

from __future__ import annotations

TIFFS = (".tif", ".tiff", ".btf", ".tf8", ".tf2")
"""Of files that may belong to a set of OME-TIFF."""
READABLE = (*TIFFS, ".lsm", ".czi", ".mrc", ".zarr")
"""Of files, and of the folders of Zarr."""
