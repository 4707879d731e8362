"""Stdout and stderr that take what they can: no line that is not printed ends the work."""

from __future__ import annotations

import codecs
import io
import sys
from typing import Any


class _Lossy(io.RawIOBase):
    """Bytes on their way to a disk that is full, or to a reader that has gone."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        self.lost: OSError | None = None

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def isatty(self) -> bool:
        return self._raw.isatty()

    def write(self, data: Any, /) -> int | None:
        try:
            written: int | None = self._raw.write(data)
        except OSError as error:
            self.lost = error
            return memoryview(data).nbytes
        return written


def print_anything() -> None:
    """Let stdout and stderr take every line, whatever becomes of it.

    Names of files may hold bytes that are no text, which go out as they are, and letters that the
    terminal's encoding lacks, which become escapes. What no disk or reader takes is dropped; see
    `unprinted`.
    """
    codecs.register_error("denoisplit", _as_bytes_or_escaped)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, io.TextIOWrapper):
            continue
        stream.reconfigure(errors="denoisplit")
        raw = getattr(stream.buffer, "raw", stream.buffer)
        if isinstance(raw, io.RawIOBase) and not isinstance(raw, _Lossy):
            stream.flush()
            lossy = io.TextIOWrapper(
                io.BufferedWriter(_Lossy(raw)),
                stream.encoding,
                "denoisplit",
                line_buffering=stream.line_buffering,
                write_through=stream.write_through,
            )
            setattr(sys, name, lossy)


def unprinted() -> str | None:
    """Why some of what went to stdout is lost; None where all is there, or nobody reads on."""
    stream = sys.stdout
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    if not isinstance(raw, _Lossy):
        return None
    stream.flush()
    # A reader such as `head` that has seen enough is no failure.
    lost = None if isinstance(raw.lost, BrokenPipeError) else raw.lost
    return None if lost is None else lost.strerror


def _as_bytes_or_escaped(error: UnicodeError) -> tuple[str | bytes, int]:
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("backslashreplace")(error)
