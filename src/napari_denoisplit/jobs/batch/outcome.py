"""Outcomes of the files of a batch, and the table that lists them."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from napari_denoisplit.wording import duration

if TYPE_CHECKING:
    from pathlib import Path

    from napari_denoisplit.events import FileOutcome, FileStatus


@dataclass(frozen=True, slots=True)
class BatchResult:
    """Outcome of a batch."""

    files: tuple[FileOutcome, ...]
    """One for each item, in their order."""
    stopped_early: bool
    seconds: float
    log: Path | None
    """Table to which every file has added a line; None if none was asked for."""

    def with_status(self, status: FileStatus) -> tuple[FileOutcome, ...]:
        """Return the files that have come to this."""
        return tuple(file for file in self.files if file.status == status)

    @property
    def summary(self) -> str:
        """What has become of all files, in one line."""
        counts = {
            "done": "split",
            "skipped": "done before",
            "failed": "failed",
            "stopped": "stopped early",
            "waiting": "not begun",
        }
        parts = [
            f"{n} {words}"
            for status, words in counts.items()
            if (n := sum(file.status == status for file in self.files))
        ]
        images = "1 image" if len(self.files) == 1 else f"{len(self.files)} images"
        return f"{images} in {duration(self.seconds)}: {', '.join(parts)}"


LOG_NAME = "batch.csv"
"""Name of the table in the folder of the results."""
_HEADINGS = ("time", "file", "status", "seconds", "message", "results")


def append_line(log: Path, file: FileOutcome) -> None:
    """Append one line, whole or not at all; runs that share a log do not mix their lines.

    Raises
    ------
    OSError
        The log cannot be written.
    """
    text = io.StringIO()
    lines = csv.writer(text)
    names = "; ".join(output.name for output in file.outputs)
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    flags = os.O_APPEND | os.O_CREAT | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    descriptor = os.open(log, flags, 0o666)
    try:
        if os.fstat(descriptor).st_size == 0:
            lines.writerow(_HEADINGS)
        seconds = f"{file.seconds:.1f}"
        lines.writerow((now, str(file.path), file.status, seconds, file.message, names))
        # A file name may hold bytes that are no text.
        os.write(descriptor, text.getvalue().encode("utf-8", "backslashreplace"))
    finally:
        os.close(descriptor)
