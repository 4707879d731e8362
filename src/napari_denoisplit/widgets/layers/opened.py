"""A result of a split, opened from its files in the background, and added as layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_denoisplit.events import Stage
from napari_denoisplit.images.results.layers import layers_of, levels_of
from napari_denoisplit.widgets.layers.results import show_levels

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping
    from pathlib import Path

    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.results.layers import Key, Levels
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.widgets.layers.results import OwnLayers


@dataclass(frozen=True, slots=True, eq=False)
class OpenedResult:
    """A result whose pixels are ready to be shown."""

    split: Split
    levels: Mapping[Key, Levels]


def open_result(path: Path, stop: threading.Event) -> Job[StatusEvent, OpenedResult | None]:
    """Open any result of a split.

    Parameters
    ----------
    path
        One of its files, or its folder.
    stop
        Ends the work, without a result.
    """
    yield Stage(f"Opening {path.name}")
    from napari_denoisplit.images.results.files import open_split  # loads tifffile

    split = open_split(path)
    return None if stop.is_set() else OpenedResult(split, levels_of(split, split.axes))


def add_result(layers: OwnLayers, opened: OpenedResult) -> None:
    """Show a result in layers of its own; of what is shown already, bring the pixels up to date."""
    for key, data, keywords in layers_of(opened.split, opened.levels):
        if (layer := layers.alive(key)) is not None:
            show_levels(layer, opened.levels[key].arrays)
        else:
            layers.add(key, data, keywords.pop("contrast_limits"), **keywords)
