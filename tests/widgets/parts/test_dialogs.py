"""Dialogs lead to a file of the right kind, from where the user was last."""

from __future__ import annotations

from pathlib import Path

import pytest
from qtpy.QtWidgets import QFileDialog

from napari_denoisplit.widgets.parts.dialogs import ask_for_file, ask_for_folder, ask_where_to_save

KINDS = {".svg": "Drawings", ".png": "Pictures"}


@pytest.mark.parametrize(
    ("typed", "filter_", "path"),
    [
        ("plot.PNG", "Drawings (*.svg)", Path("plot.PNG")),
        ("plot", "Pictures (*.png)", Path("plot.png")),
        ("plot.v2", "", Path("plot.v2.svg")),
        ("", "Drawings (*.svg)", None),
    ],
)
def test_the_name_ends_as_its_kind_does(monkeypatch, tmp_path, typed, filter_, path):
    asked = []
    typed = typed and str(tmp_path / typed)
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *args: (asked.append(args), (typed, filter_))[1]
    )
    expected = path and tmp_path / path
    assert ask_where_to_save(None, "Save", "plot.svg", KINDS) == expected
    assert asked[0][2] == str(Path.home() / "plot.svg")
    assert asked[0][3] == "Drawings (*.svg);;Pictures (*.png)"


def test_a_dialog_begins_in_the_folder_where_the_last_one_ended(monkeypatch, tmp_path):
    asked, chosen = [], tmp_path / "images" / "cells.tif"
    chosen.parent.mkdir()
    chosen.touch()
    monkeypatch.setattr(
        QFileDialog, "getOpenFileName", lambda *args: (asked.append(args[2]), (str(chosen), ""))[1]
    )
    monkeypatch.setattr(
        QFileDialog, "getExistingDirectory", lambda *args: (asked.append(args[2]), "")[1]
    )
    assert ask_for_file(None, "Open") == chosen
    assert ask_for_folder(None, "Folder") is None
    assert ask_for_folder(None, "Folder", tmp_path) is None  # what was chosen before comes first
    assert asked == [str(Path.home()), str(chosen.parent), str(tmp_path)]
