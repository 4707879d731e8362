"""Boxes take numbers as people type them."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QLocale, Qt

from napari_denoisplit.widgets.parts.boxes import NumberBox, WholeNumberBox


@pytest.mark.parametrize("language", ["de_DE", "en_US", "fr_FR", "de_CH"])
@pytest.mark.parametrize(
    ("typed", "read"),
    [
        *[("1.5", 1.5), ("1,5", 1.5), ("1,234.5", 7), ("1.234,5", 7), ("1 5", 7)],
        *[("2.5e2", 250), ("2,5E2", 250), ("1e-3", 7), ("0.001", 7), ("1e", 7), ("1e99", 7)],
    ],
)
def test_a_point_and_a_comma_are_before_decimals_in_every_language(qtbot, language, typed, read):
    box = NumberBox()
    qtbot.addWidget(box)
    box.setLocale(QLocale(language))
    box.setRange(0, 1e6)
    box.setValue(7)
    box.selectAll()
    qtbot.keyClicks(box, typed)
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert box.value() == read


@pytest.mark.parametrize("language", ["de_DE", "en_US"])
@pytest.mark.parametrize(("typed", "read"), [("12", 12), ("1.5", 7), ("1,5", 7), ("2000000", 7)])
def test_a_whole_number_has_no_separators(qtbot, language, typed, read):
    box = WholeNumberBox()
    qtbot.addWidget(box)
    box.setLocale(QLocale(language))
    box.setRange(0, 10**6)
    box.setValue(7)
    box.selectAll()
    qtbot.keyClicks(box, typed)
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert box.value() == read
