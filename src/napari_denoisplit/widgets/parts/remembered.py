"""What is remembered from one session to the next: folders, the last model, values of forms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from qtpy.QtCore import QSettings

Thing = Literal["folder", "model"]


def remembered(thing: Thing) -> Path | None:
    """Return where something was last; None where nothing is known, or it is gone."""
    path = Path(str(_settings().value(thing, "") or ""))
    return path if path != Path() and path.exists() else None


def remember(thing: Thing, path: Path) -> None:
    """Keep where something is for the next session."""
    _settings().setValue(thing, str(path.absolute()))


def remembered_values(page: str) -> dict[str, Any]:
    """Return what the forms of a page held, by the name of the control; unchecked."""
    try:
        values = json.loads(str(_settings().value(f"values/{page}", "{}")))
    except ValueError:  # somebody wrote into the file
        return {}
    return values if isinstance(values, dict) else {}


def remember_values(page: str, values: dict[str, Any]) -> None:
    """Keep what the forms of a page hold for the next session."""
    _settings().setValue(f"values/{page}", json.dumps(values))


def preferred(name: str, default: Any) -> Any:
    """Return what the user has set for this plugin in napari; the default where there is none."""
    # Plugins have preferences from napari 0.9 on.
    try:
        from napari.settings import get_plugin_settings
    except ImportError:
        return default
    try:
        settings = get_plugin_settings("napari-denoisplit")
    except KeyError:  # the plugin is not registered, as when a script builds the widget
        return default
    return getattr(getattr(settings, "compute", None), name, default)


def _settings() -> QSettings:
    form, scope = QSettings.Format.IniFormat, QSettings.Scope.UserScope
    return QSettings(form, scope, "napari-denoisplit", "napari-denoisplit")
