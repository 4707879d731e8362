"""Fields for how images are split, alike on every page that splits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_denoisplit.settings import SplitSettings
from napari_denoisplit.widgets.parts.fields import SettingsForm

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

_MORE = (
    "keep_samples",
    "eightfold",
    "grey_levels",
    "device",
    "seed",
    "tile_size",
    "overlap",
    "memory_gib",
    "precision",
)


def split_fields(parent: QWidget) -> tuple[SettingsForm, SettingsForm]:
    """Make the field that is always in sight, and those that are folded away."""
    seen = SettingsForm(SplitSettings, ["n_samples"], parent=parent)
    return seen, SettingsForm(SplitSettings, _MORE, parent=parent)
