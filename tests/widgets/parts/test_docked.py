"""A widget knows when napari closes its dock."""

from __future__ import annotations

from qtpy.QtWidgets import QWidget

from napari_denoisplit.widgets.parts.docked import DockedWidget


def test_losing_the_dock_is_told_and_moving_to_another_is_not(qtbot, viewer):
    docks, widget, told = [QWidget(), QWidget()], DockedWidget(viewer, "Widget"), []
    for made in (*docks, widget):
        qtbot.addWidget(made)
    widget.undocked.connect(lambda: told.append("undocked"))
    for dock in docks:
        widget.setParent(dock)
    assert told == []
    widget.setParent(None)
    assert told == ["undocked"]
