"""Messages of errors, and the exit codes that they end the command with.

0: all is done. 1: an image, a model or a computation failed. 2: the command was called wrongly.
3: a noise model fell short of what was required of it, or adapting a model does not help. 130: the
user interrupted it; what was done until then is kept.
"""

from __future__ import annotations

import re

from pydantic import ValidationError

from napari_denoisplit.errors import DenoisplitError, message_of

FAILED = 1
USAGE = 2
SHORT = 3
INTERRUPTED = 130


class UsageError(Exception):
    """The command was called in a way that cannot work."""


# RuntimeError is what torch raises, e.g. when a device is out of memory.
EXPECTED = (DenoisplitError, UsageError, ValidationError, OSError, MemoryError, RuntimeError)


_IN_PYTHON = re.compile(r"\b(axes|series|channel)=(?=['\d])|\b(again|recursive)=True\b")


def with_options(text: str) -> str:
    """Write what a message proposes for Python as the command takes it: --axes 'TYX'."""
    return _IN_PYTHON.sub(lambda found: f"--{found[1]} " if found[1] else f"--{found[2]}", text)


def one_line(error: BaseException) -> str:
    """Message of an error as one line."""
    if not isinstance(error, ValidationError):
        return with_options(message_of(error))
    text = "; ".join(
        f"{'.'.join(map(str, each['loc'])) or 'settings'}: {each['msg']} (given: {each['input']!r})"
        for each in error.errors()
    )
    return " ".join(text.split())


def exit_code(error: BaseException) -> int:
    """Exit code of the command after an error."""
    return USAGE if isinstance(error, (UsageError, ValidationError)) else FAILED
