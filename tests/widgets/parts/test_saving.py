"""A file to be written gets the ending of its kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from qtpy.QtWidgets import QFileDialog

from napari_denoisplit.widgets.parts.saving import ask_where_to_save

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
def test_the_name_ends_as_its_kind_does(monkeypatch, typed, filter_, path):
    asked = []
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *args: (asked.append(args), (typed, filter_))[1]
    )
    assert ask_where_to_save(None, "Save", "plot.svg", KINDS) == path
    assert asked[0][3] == "Drawings (*.svg);;Pictures (*.png)"
