"""A widget knows its dock: when it is closed, and that it is one tab among the plugin's."""

from __future__ import annotations

from npe2 import PluginManager
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QWidget
from tests.widgets.conftest import menu_actions

from napari_denoisplit import widgets
from napari_denoisplit.widgets.parts.docked import DockedWidget

SCREEN = 720  # pixels high


def shown(qtbot, viewer):
    """Show the window of a viewer; no fixture, which would keep it alive."""
    main = viewer.__wrapped__.window._qt_window
    main.show()
    qtbot.waitUntil(main.isVisible)
    return main


def docks(main):
    return [dock for dock in main.findChildren(QDockWidget) if "denoi" in dock.windowTitle()]


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


def test_widgets_opened_from_the_menus_are_tabs_that_do_not_raise_the_window(qtbot, window):
    main = shown(qtbot, window)
    before = main.height()
    for action in menu_actions(main).values():
        action.trigger()
        qtbot.wait(50)
    kinds = [type(widget).__name__ for widget in main.findChildren(DockedWidget)]
    assert sorted(kinds) == sorted(widgets.__all__)
    assert main.height() == before <= SCREEN
    first, *others = docks(main)
    assert set(main.tabifiedDockWidgets(first)) == set(others)
    assert not main.findChild(widgets.DenoiseWidget).visibleRegion().isEmpty()


def test_a_dock_that_the_user_moved_stays_where_it_is(qtbot, window):
    main = shown(qtbot, window)
    actions = menu_actions(main)
    actions["Split"].trigger()
    actions["Train"].trigger()
    moved = docks(main)[-1]
    main.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, moved)
    qtbot.wait(50)
    assert main.tabifiedDockWidgets(moved) == []
    actions["Trust"].trigger()
    main.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, moved)
    assert main.tabifiedDockWidgets(moved) == []


def test_an_open_widget_is_reused_however_it_was_opened(qtbot, window):
    main = shown(qtbot, window)
    actions = menu_actions(main)
    actions["Split"].trigger()
    actions["Train"].trigger()
    train, split = main.findChild(widgets.TrainWidget), main.findChild(widgets.SplitWidget)
    assert train._open_widget("Split") is split
    assert not split.visibleRegion().isEmpty()
    trust = train._open_widget("Trust")
    actions["Trust"].trigger()  # which hides what is open
    assert main.findChildren(widgets.TrustWidget) == [trust]
    assert train._open_widget("Trust") is trust
    assert trust.isVisible()


def test_a_widget_is_found_from_one_that_floats(qtbot, window):
    main = shown(qtbot, window)
    actions = menu_actions(main)
    actions["Split"].trigger()
    actions["Train"].trigger()
    docks(main)[0].setFloating(True)
    docks(main)[1].setFloating(True)
    train, split = main.findChild(widgets.TrainWidget), main.findChild(widgets.SplitWidget)
    assert train._open_widget("Split") is split


def test_a_widget_that_a_script_or_the_command_opens_is_the_one_of_the_menus(qtbot, window):
    main = shown(qtbot, window)
    opened, again = (
        window.window.add_plugin_dock_widget("napari-denoisplit", name)[1]
        for name in ("Split", "Train")
    )
    actions = menu_actions(main)
    actions["Split"].trigger()
    actions["Train"].trigger()
    assert main.findChildren(widgets.SplitWidget) == [opened]
    assert main.findChildren(widgets.TrainWidget) == [again]
    # What the program opens under that name is the one of the menus, too.
    manifest = PluginManager.instance().get_manifest("napari-denoisplit")
    assert {dock.windowTitle() for dock in docks(main)} == {
        f"{name} ({manifest.display_name})" for name in ("Split", "Train")
    }


def test_choosing_a_page_shows_it_and_only_the_one_in_front_is_hidden(qtbot, window):
    main = shown(qtbot, window)
    actions = menu_actions(main)
    actions["Split"].trigger()
    actions["Train"].trigger()
    qtbot.wait(50)
    split = main.findChild(widgets.SplitWidget)

    def chosen():
        actions["Split"].trigger()
        qtbot.wait(50)
        return not split.visibleRegion().isEmpty()

    assert split.visibleRegion().isEmpty()  # its tab is behind
    assert chosen()
    assert not chosen()
    assert not split.isVisible()
    assert chosen()
