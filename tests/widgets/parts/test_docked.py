"""A page knows when it is taken out of its dock, and keeps the button of its job in sight."""

from __future__ import annotations

from operator import attrgetter

import pytest
from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QScrollArea, QWidget

from napari_denoisplit import widgets
from napari_denoisplit.widgets.dock.steps import STEPS, TOOLS
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


@pytest.mark.parametrize("name", STEPS | TOOLS)
def test_the_button_stays_in_sight_however_long_the_page_is(qtbot, viewer, dock, name):
    page = dock(viewer, getattr(widgets, (STEPS | TOOLS)[name].widget)(viewer))
    page.resize(320, 300)
    page.show()
    qtbot.waitExposed(page)
    scrolled = page.findChild(QScrollArea)
    assert scrolled.verticalScrollBar().maximum() > 0
    button = {"Samples": "show_button", "Trust": "residual.panel.button"}.get(name, "panel.button")
    shown = attrgetter(button)(page)
    assert not scrolled.isAncestorOf(shown)
    assert page.rect().contains(shown.rect().translated(shown.mapTo(page, QPoint())))
