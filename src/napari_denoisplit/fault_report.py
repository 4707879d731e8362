"""The words for an error that a user sees, with all that a report of it needs."""

from __future__ import annotations

import platform
import sys
import traceback
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from napari_denoisplit.errors import DenoisplitError, JobError, message_of

if TYPE_CHECKING:
    from collections.abc import Mapping

TRACKER = "https://github.com/napari-denoisplit/napari-denoisplit/issues"
_PACKAGES = ("napari-denoisplit", "napari", "torch", "numpy", "zarr", "tifffile")


def explained(error: BaseException) -> str:
    """Say what happened and what to do; what this package raises on purpose says so itself."""
    match error:
        case JobError(__cause__=RuntimeError()):
            return (
                f"The computation failed: {message_of(error)}. Try again with Device cpu; "
                f"if that fails too, please report it with its details at {TRACKER}."
            )
        case DenoisplitError():
            return str(error)
        case OSError() | MemoryError():
            return message_of(error)
        case _:
            return (
                f"A fault of the program, not of yours ({type(error).__name__}: "
                f"{message_of(error)}). Please report it with its details at {TRACKER}."
            )


def fault_report(
    error: BaseException, settings: Mapping[str, Any], surroundings: Mapping[str, str]
) -> str:
    """Write down an error as text to be pasted into an issue.

    Parameters
    ----------
    error
        What happened; its traceback is told, and those of its causes.
    settings
        What was chosen.
    surroundings
        What else is known of where it happened, such as the page and the version of Qt.
    """
    facts = {name: _version(name) for name in _PACKAGES} | dict(surroundings)
    facts |= {"Python": sys.version.split()[0], "system": platform.platform()}
    facts |= {"settings": ", ".join(f"{name}={value!r}" for name, value in settings.items())}
    # Not imported for this: where it is not, nothing was computed.
    if (torch := sys.modules.get("torch")) is not None and torch.cuda.is_available():
        facts["GPU"] = torch.cuda.get_device_name()
    lines = [f"- {name}: {value}" for name, value in facts.items() if value]
    told = "".join(traceback.format_exception(error)).rstrip()
    return "\n".join((*lines, "", "```", told, "```"))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
