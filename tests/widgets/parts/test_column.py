"""Parts of a page one below the other."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_denoisplit.widgets.parts.column import Column, Fold


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


@pytest.mark.parametrize("height", [60, 900])
def test_what_opens_at_the_lower_end_of_a_page_comes_in_sight(qtbot, height):
    page = QWidget()
    qtbot.addWidget(page)
    column, fold = Column(page), Fold("More", block(height))
    column.add(block(150))
    column.add(fold)
    page.resize(340, 200)
    page.show()
    qtbot.waitExposed(page)
    qtbot.mouseClick(fold.button, Qt.MouseButton.LeftButton)

    def is_in_sight() -> bool:
        top = fold.button.mapTo(column.viewport(), fold.button.rect().topLeft()).y()
        seen = column.viewport().height() - top - fold.button.height()
        return fold.content.height() >= height and top >= 0 and seen >= min(height, 100)

    qtbot.waitUntil(is_in_sight)
