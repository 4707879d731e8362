"""Room in memory for the files that are to be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

READ_WHOLE = 2**30
"""Bytes up to which `read_image` reads a file whole, and does not open it lazily."""
SHARE = 0.25
"""Of the free memory that files may take: as float32 their pixels are up to four times as large."""


def read_whole(paths: Iterable[Path]) -> bool:
    """Whether there is room to read files, or they are better opened and read as they are needed.

    Their pixels take as many bytes as the files, or more where those are compressed.

    Parameters
    ----------
    paths
        Of images that are to be used together.
    """
    sizes = [path.stat().st_size for path in paths if path.is_file()]
    whole = sum(size for size in sizes if size <= READ_WHOLE)
    return whole <= SHARE * psutil.virtual_memory().available
