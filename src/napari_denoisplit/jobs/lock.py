"""A lock on a place that a job writes to: no other run writes there at the same time."""

from __future__ import annotations

import errno
import os
import socket
import sys
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from napari_denoisplit.errors import JobError
from napari_denoisplit.files import short_stem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BUSY = {errno.EAGAIN, errno.EACCES, errno.EDEADLK}  # what the systems say of a lock that is taken

if sys.platform == "win32":
    import msvcrt

    def _lock(file: Any) -> None:
        file.seek(2**30)  # beyond the text, which others are to read
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: Any) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other runs from writing to a file or folder, whether it is there or not.

    The system gives the lock back when a process ends, in whatever way. A hidden file beside the
    place says who has it. Nobody is kept away where a file system knows no locks, as some of
    clusters, or where nothing can be written, which the job itself says.

    Raises
    ------
    JobError
        Another run writes there; names its process.
    """
    path = path.resolve()
    lock = path.with_name(f".{short_stem(path.name)}.lock")
    file: Any = None
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = _taken(lock, path)
    if file is None:
        yield
        return
    try:
        now = datetime.now().astimezone().isoformat(" ", "seconds")
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}, since {now}".encode())
        file.flush()
        yield
    finally:
        if sys.platform == "win32":  # where an open file cannot be removed
            file.close()
        with suppress(OSError):
            lock.unlink()
        file.close()


def _taken(lock: Path, place: Path) -> Any:
    """Open a lock file and take its lock."""
    while True:
        file = lock.open("a+b")
        try:
            _lock(file)
        except OSError as error:
            with file:
                if error.errno not in _BUSY:
                    raise
                file.seek(0)
                who = file.read(200).decode(errors="replace") or "another process"
            raise JobError(
                f"{place} is being written by {who}. Wait until that has ended, or choose another "
                "name."
            ) from error
        # Who had it may have removed it between the two steps.
        with suppress(OSError):
            if os.path.samestat(os.fstat(file.fileno()), lock.stat()):
                return file
        file.close()
