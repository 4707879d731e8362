"""The dialog that asks where to save something, and a button that opens it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog

from napari_denoisplit.widgets.parts.controls import button

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qtpy.QtWidgets import QPushButton, QWidget


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
        any of the endings, or the last part of one, gets that of the chosen kind.

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
    if path.suffix.lower() in {Path(f"name{ending}").suffix for ending in kinds}:
        return path
    ending = next((ending for ending in kinds if f"*{ending})" in chosen), next(iter(kinds)))
    return path.with_name(path.name + ending)


def save_button(
    text: str,
    help_text: str,
    suggestion: str,
    kinds: Mapping[str, str],
    save: Callable[[Path], None],
) -> QPushButton:
    """Make a button that asks for a file and writes it.

    Parameters
    ----------
    text, help_text
        What it says, and its tooltip.
    suggestion, kinds
        As of `ask_where_to_save`.
    save
        Writes the file.
    """

    def ask() -> None:
        if path := ask_where_to_save(made, text.rstrip("…"), suggestion, kinds):
            save(path)

    made = button(text, help_text, ask)
    return made
