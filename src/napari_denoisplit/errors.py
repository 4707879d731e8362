"""Errors of the package.

Every message names the thing, the value that was found and the way out. None derives from
RuntimeError: the worker layer of Qt plugins takes a RuntimeError for "the worker is gone" and
stays silent.
"""

from __future__ import annotations

import errno

REPLACE = (
    "Find out what they stand for, then crop them away or give them a value (in Fiji: Process > "
    "Math > NaN Background, or Process > Filters > Remove NaNs)."
)
"""The way out of pixels that are NaN or infinite."""


class DenoisplitError(Exception):
    """Base of every error that this package raises on purpose."""


class ImageError(DenoisplitError, ValueError):
    """An image or image file cannot be used as it is."""


class ModelFileError(DenoisplitError, ValueError):
    """A model file is damaged, foreign, or made for something else."""


class NoiseModelError(DenoisplitError, ValueError):
    """A noise model cannot be read, fitted or used."""


class CalibrationError(DenoisplitError, ValueError):
    """A sigma cannot be calibrated with what was given."""


class TrainingError(DenoisplitError):
    """Training cannot go on, or cannot start with what it was given."""


class JobError(DenoisplitError):
    """A job ended with an error of the libraries below (out of memory, a failing device)."""


def message_of(error: BaseException) -> str:
    """Message of an error as one line, whoever raised it."""
    match error:
        case OSError(errno=errno.ENOSPC | errno.EDQUOT, filename=path):
            text = (
                f"{path or 'The result'} could not be written: the disk is full. Make room, or "
                "choose another place."
            )
        case OSError(strerror=str(reason), filename=path):
            text = f"{path}: {reason}" if path else reason
        case MemoryError():
            text = f"out of memory: {error}" if str(error) else "out of memory"
        case _:
            text = str(error)
    return " ".join(text.split()) or type(error).__name__
