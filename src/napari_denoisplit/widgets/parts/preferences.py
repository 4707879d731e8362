"""What the user has set for this plugin in napari's preferences."""

from __future__ import annotations

from typing import Any


def preference(name: str, default: Any) -> Any:
    """Value of one of the plugin's preferences; the default where napari has none."""
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
