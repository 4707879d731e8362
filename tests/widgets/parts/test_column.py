"""Parts of a page one below the other."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_denoisplit.widgets.parts.column import Fold


def block(height: int) -> QWidget:
    widget = QWidget()
    widget.setFixedHeight(height)
    return widget


@pytest.fixture
def page(qtbot):
    page = QWidget()
    page.setLayout(QVBoxLayout())
    qtbot.addWidget(page)
    page.show()
    return page


def test_an_open_fold_grows_with_what_it_holds(qtbot, page):
    first, grows = block(40), block(30)
    fold = Fold("More", first, grows)
    page.layout().addWidget(fold)
    qtbot.mouseClick(fold.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: fold.content.height() >= 70)
    grows.setFixedHeight(300)
    qtbot.waitUntil(lambda: fold.content.height() >= 340)
    assert first.height() == 40


def test_a_closed_fold_takes_no_room(qtbot, page):
    fold = Fold("More", block(200))
    page.layout().addWidget(fold)
    for _ in range(2):
        qtbot.mouseClick(fold.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: fold.height() < 100)
