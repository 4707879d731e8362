"""Model files that napari opens: they go to the Split widget."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari_denoisplit.errors import ModelFileError
from napari_denoisplit.widgets.parts.docked import open_page

if TYPE_CHECKING:
    from collections.abc import Callable


def get_reader(path: str | list[str]) -> Callable[[object], list[tuple[None]]]:
    """Say how napari opens a model: the Split widget comes to the front with it chosen."""
    return partial(_open, [path] if isinstance(path, str) else path)


def _open(paths: list[str], _: object) -> list[tuple[None]]:
    from napari import current_viewer

    viewer = current_viewer()
    if viewer is None:
        raise ModelFileError(
            f"{paths[0]} opens in a window of napari, and there is none: give it to split(), or "
            "to `denoisplit split`."
        )
    open_page(viewer, "Split").open_files([Path(path) for path in paths])
    return [(None,)]
