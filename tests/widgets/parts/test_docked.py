"""A page knows when it is taken out of its dock, and keeps the button of its job in sight."""

from __future__ import annotations

from qtpy.QtWidgets import QScrollArea, QWidget

from napari_denoisplit.widgets import SplitWidget, TrainWidget
from napari_denoisplit.widgets.parts.docked import DockedWidget

SCREEN = 720  # pixels high


def test_losing_the_dock_is_told_and_moving_to_another_is_not(qtbot, viewer):
    homes, widget, told = [QWidget(), QWidget()], DockedWidget(viewer, "Widget"), []
    for made in (*homes, widget):
        qtbot.addWidget(made)
    widget.undocked.connect(lambda: told.append("undocked"))
    for home in homes:
        widget.setParent(home)
    assert told == []
    widget.setParent(None)
    assert told == ["undocked"]


def test_the_button_stays_in_sight_however_long_the_page_is(qtbot, viewer, dock):
    for kind in (SplitWidget, TrainWidget):
        page = dock(viewer, kind(viewer))
        page.resize(320, 300)
        page.show()
        qtbot.waitExposed(page)
        scrolled = page.findChild(QScrollArea)
        assert scrolled.verticalScrollBar().maximum() > 0
        assert not scrolled.isAncestorOf(page.panel)
        assert page.rect().contains(page.panel.geometry())
