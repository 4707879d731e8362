"""Files that are written whole or not at all, under names that a file system takes."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
import socket
import tempfile
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LONGEST_STEM = 220
"""Bytes; names may have 255, and the longest ending of results needs 27."""


def is_pipe(path: Path) -> bool:
    """Whether a path is a pipe, a socket or a device: whoever opens one may wait for ever."""
    return path.exists() and not (path.is_file() or path.is_dir())


def short_stem(name: str) -> str:
    """Return a name that leaves room for an ending; the cut part of a long one is in its hash."""
    raw = os.fsencode(name)
    if len(raw) <= _LONGEST_STEM:
        return name
    digest = hashlib.sha256(raw).hexdigest()[:12]
    return f"{raw[: _LONGEST_STEM - 13].decode(errors='ignore')}~{digest}"


def free_name(stem: str, is_taken: Callable[[str], object], joint: str = "-") -> str:
    """Return a name, numbered from 2 on where it is taken."""
    names = (stem if number == 1 else f"{stem}{joint}{number}" for number in count(1))
    return next(name for name in names if not is_taken(name))


def temporary_folder(place: Path) -> Path:
    """Make a folder that tells which process it belongs to, see `remove_abandoned`."""
    return Path(tempfile.mkdtemp(prefix=f"{_mine()}{os.getpid()}-", dir=place))


def remove_abandoned(place: Path) -> None:
    """Delete the temporary folders of processes of this machine that are no more."""
    import psutil  # takes 20 ms

    for folder in place.glob(f"{glob.escape(_mine())}*-*"):
        # Whole: a machine may be called as another one and a number.
        process = re.fullmatch(r"(\d+)-[a-z0-9_]+", folder.name.removeprefix(_mine()))
        if process is not None and not psutil.pid_exists(int(process[1])):
            shutil.rmtree(folder, ignore_errors=True)  # that of another user stays


def _mine() -> str:
    # Containers that share a folder have processes of the same number.
    return f"denoisplit-{socket.gethostname()}-"


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Hand out a temporary name beside `path`; it takes the place of `path` if all goes well.

    On any error the old file stays as it was and nothing is left behind. The temporary file is in
    the same folder, since a rename is only atomic within a file system. Behind a link, the file
    is replaced and not the link.

    Parameters
    ----------
    path
        The file.
    durable
        Whether to wait until the disk has it, which outlasts the end of power.
    """
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    # Of a length of its own: a name that just fits the file system leaves no room for more.
    temporary = path.with_name(f".{uuid4().hex}{path.suffix}")
    try:
        temporary.touch(exist_ok=False)
        yield temporary
        if durable:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(temporary)):
            raise
        # The name of the file that was meant, which is all that a full disk does not tell.
        raise type(error)(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)
