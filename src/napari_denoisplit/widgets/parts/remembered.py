"""What is remembered from one session to the next: folders of dialogs, and the last model."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from qtpy.QtCore import QSettings

Thing = Literal["folder", "model"]


def remembered(thing: Thing) -> Path | None:
    """Return where something was last; None where nothing is known, or it is gone."""
    path = Path(str(_settings().value(thing, "") or ""))
    return path if path != Path() and path.exists() else None


def remember(thing: Thing, path: Path) -> None:
    """Keep where something is for the next session."""
    _settings().setValue(thing, str(path.absolute()))


def _settings() -> QSettings:
    form, scope = QSettings.Format.IniFormat, QSettings.Scope.UserScope
    return QSettings(form, scope, "napari-denoisplit", "napari-denoisplit")
