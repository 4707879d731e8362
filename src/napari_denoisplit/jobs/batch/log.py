"""A table of what has become of the files of a batch, which grows by a line at a time."""

from __future__ import annotations

import csv
import io
import os
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["LOG_NAME", "append_line"]

LOG_NAME = "batch.csv"
"""Name of the table in the folder of the results."""
_HEADINGS = ("time", "file", "status", "seconds", "message", "results")


def append_line(
    log: Path, path: Path, status: str, seconds: float, message: str, outputs: Sequence[Path]
) -> None:
    """Append one line, whole or not at all; runs that share a log do not mix their lines.

    Raises
    ------
    OSError
        The log cannot be written.
    """
    text = io.StringIO()
    lines = csv.writer(text)
    names = "; ".join(output.name for output in outputs)
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    flags = os.O_APPEND | os.O_CREAT | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    descriptor = os.open(log, flags, 0o666)
    try:
        if os.fstat(descriptor).st_size == 0:
            lines.writerow(_HEADINGS)
        lines.writerow((now, str(path), status, f"{seconds:.1f}", message, names))
        # A file name may hold bytes that are no text.
        os.write(descriptor, text.getvalue().encode("utf-8", "backslashreplace"))
    finally:
        os.close(descriptor)
