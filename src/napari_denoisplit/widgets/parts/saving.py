"""The dialog that asks where to save something."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qtpy.QtWidgets import QWidget


def ask_where_to_save(
    parent: QWidget, title: str, suggestion: str, kinds: Mapping[str, str]
) -> Path | None:
    """Let the user choose a file to write.

    Parameters
    ----------
    parent
        What the dialog belongs to.
    title
        Of the dialog.
    suggestion
        The name to begin with.
    kinds
        Ending of each kind of file, e.g. ".csv", and what such files are called. A name without
        any of the endings gets that of the chosen kind.

    Returns
    -------
    path
        None where the user does not want to save.
    """
    patterns = ";;".join(f"{kind} (*{ending})" for ending, kind in kinds.items())
    name, chosen = QFileDialog.getSaveFileName(parent, title, suggestion, patterns)
    if not name:
        return None
    path = Path(name)
    if path.name.lower().endswith(tuple(kinds)):
        return path
    ending = next((ending for ending in kinds if f"*{ending})" in chosen), next(iter(kinds)))
    return path.with_name(path.name + ending)
