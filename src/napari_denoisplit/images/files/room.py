"""Room in memory for the files that are to be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

from napari_denoisplit.errors import ImageError
from napari_denoisplit.wording import gib

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

READ_WHOLE = 2**30
"""Bytes up to which `read_image` reads a file whole, and does not open it lazily."""


def check_room_for(paths: Iterable[Path]) -> None:
    """Refuse files that are read whole and hold more than memory does, before one is read.

    Their pixels take as many bytes as the files, or more where those are compressed.

    Parameters
    ----------
    paths
        Of images that are to be in memory together.

    Raises
    ------
    ImageError
        They are larger than the memory that is free.
    """
    sizes = [path.stat().st_size for path in paths if path.is_file()]
    whole = [size for size in sizes if size <= READ_WHOLE]
    needed, free = sum(whole), psutil.virtual_memory().available
    if needed > free:
        raise ImageError(
            f"{len(whole)} files hold {gib(needed)}, which must be in memory together, and "
            f"{gib(free)} are free: take fewer of them, or parts of them that show all that there "
            "is."
        )
