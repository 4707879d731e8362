"""Folders of Zarr arrays, with the guarantees that this package needs."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING
from uuid import uuid4

from zarr.storage import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

    from zarr.abc.store import ByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype

__all__ = ["ConfinedStore", "WholeFileStore", "remove_partial_files"]

_PARTIAL = ".partial"


class WholeFileStore(LocalStore):
    """A folder in which a file appears under its name only when it is complete and on disk.

    Not every version of zarr writes so, and a shard that exists is taken for finished.
    """

    async def set(self, key: str, value: Buffer) -> None:
        """Write a file beside its place, then rename it."""
        self._check_writable()
        await asyncio.to_thread(_write_whole, self.root / key, value)


class ConfinedStore(LocalStore):
    """A folder that is only read, and in which no link leads out of it."""

    def __init__(self, root: Path | str, *, read_only: bool = True) -> None:
        super().__init__(root, read_only=read_only)
        self._inside = self.root.resolve()

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Read a file or a part of it; what lies elsewhere is not there."""
        if not (self.root / key).resolve().is_relative_to(self._inside):
            return None
        return await super().get(key, prototype, byte_range)


def _write_whole(path: Path, value: Buffer) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid4().hex}{_PARTIAL}")
    try:
        with temporary.open("xb") as file:
            file.write(value.as_numpy_array().data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_partial_files(folder: Path) -> None:
    """Remove what killed processes have left; nobody may be writing."""
    for path in folder.rglob(f".*{_PARTIAL}"):
        path.unlink(missing_ok=True)
