"""Dialogs that ask for files and folders: each begins in the folder where the last one ended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog

from napari_denoisplit.widgets.parts.controls import button
from napari_denoisplit.widgets.parts.remembered import remember, remembered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qtpy.QtWidgets import QPushButton, QWidget


def ask_for_folder(parent: QWidget, title: str, start: Path | None = None) -> Path | None:
    """Let the user choose a folder.

    Parameters
    ----------
    parent
        What the dialog belongs to.
    title
        Of the dialog.
    start
        What was chosen before; None: the folder of the last dialog.
    """
    name = QFileDialog.getExistingDirectory(parent, title, _start(start))
    return _ended([name])[0] if name else None


def ask_for_files(
    parent: QWidget, title: str, pattern: str = "", start: Path | None = None
) -> list[Path]:
    """Let the user choose files that exist.

    Parameters
    ----------
    parent, title, start
        As of `ask_for_folder`.
    pattern
        Which files are shown, as Qt takes it; empty: all.
    """
    names, _ = QFileDialog.getOpenFileNames(parent, title, _start(start), pattern)
    return _ended(names)


def ask_for_file(
    parent: QWidget, title: str, pattern: str = "", start: Path | None = None
) -> Path | None:
    """Let the user choose a file that exists; for the parameters see `ask_for_files`."""
    name, _ = QFileDialog.getOpenFileName(parent, title, _start(start), pattern)
    return _ended([name])[0] if name else None


def ask_for_new_file(
    parent: QWidget, title: str, pattern: str = "", start: Path | None = None
) -> Path | None:
    """Let the user name a file to write; for the parameters see `ask_for_files`."""
    name, _ = QFileDialog.getSaveFileName(parent, title, _start(start), pattern)
    return _ended([name])[0] if name else None


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
    where = str(Path(_start(None)) / suggestion)  # a whole path stays as it is
    name, chosen = QFileDialog.getSaveFileName(parent, title, where, patterns)
    if not name:
        return None
    (path,) = _ended([name])
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


def _start(before: Path | None) -> str:
    return str(before or remembered("folder") or Path.home())


def _ended(names: list[str]) -> list[Path]:
    """Take what was chosen, and keep its folder for the next dialog."""
    paths = [Path(name) for name in names]
    for path in paths[-1:]:
        remember("folder", path if path.is_dir() else path.parent)
    return paths
