"""The plugin has one dock, whose pages know what the others have made."""

from __future__ import annotations

import pytest
from qtpy.QtWidgets import QDockWidget
from tests.widgets.conftest import menu_actions
from tests.widgets.samples_layers import add_split, make_samples

from napari_denoisplit import widgets
from napari_denoisplit.widgets.dock.shell import DenoisplitDock
from napari_denoisplit.widgets.dock.steps import STEPS, TOOLS
from napari_denoisplit.widgets.parts.docked import open_page

SCREEN = 720  # pixels high


@pytest.fixture
def shell(viewer, qtbot):
    made = DenoisplitDock(viewer)
    qtbot.addWidget(made)
    return made


def shown(qtbot, viewer):
    """Show the window of a viewer; no fixture, which would keep it alive."""
    main = viewer.__wrapped__.window._qt_window
    main.show()
    qtbot.waitUntil(main.isVisible)
    return main


def docks(main):
    return [dock for dock in main.findChildren(QDockWidget) if "denoi" in dock.name]


def test_every_menu_entry_opens_the_one_dock_on_its_page(qtbot, window):
    main = shown(qtbot, window)
    before = main.height()
    actions = menu_actions(main)
    actions.pop("").trigger()
    (dock,) = docks(main)
    qtbot.waitUntil(lambda: type(dock.widget().stack.currentWidget()) is widgets.SplitWidget)
    assert main.findChildren(widgets.TrainWidget) == []  # a page is made at the first visit
    seen = []
    for action in actions.values():
        action.trigger()
        qtbot.wait(20)
        seen.append(type(dock.widget().stack.currentWidget()).__name__)
    assert sorted(seen) == sorted(widgets.__all__)
    assert docks(main) == [dock]
    assert main.height() == before <= SCREEN
    for button in dock.widget().buttons.values():
        assert button.fontMetrics().horizontalAdvance(button.text()) < button.width()


def test_the_column_of_layers_keeps_its_width_whatever_is_opened_and_shown(qtbot, window, rng):
    main = shown(qtbot, window)
    main.resize(1280, SCREEN)
    window.add_image(rng.normal(size=(20, 24)), name="mine")  # napari makes room for its controls
    qtbot.wait(100)
    column = window.__wrapped__.window._qt_viewer.dockLayerList
    width = column.width()

    def keeps():
        qtbot.wait(50)
        return column.width() == width

    for name in (*STEPS, *TOOLS):
        open_page(window, name)
        assert keeps(), name
    add_split(window, make_samples(rng))
    look = open_page(window, "Samples")
    look.show_button.click()
    look.pin()
    assert keeps()
    open_page(window, "Trust").mask.show_button.click()
    assert "nuclei trusted · cell" in window.layers
    assert keeps()
    look.browser.hide()


def test_a_page_comes_to_the_front_of_a_dock_that_was_hidden_or_moved(qtbot, window):
    main = shown(qtbot, window)
    menu_actions(main)["Train a splitting model"].trigger()
    (dock,) = docks(main)
    dock.setFloating(True)
    dock.hide()
    train = main.findChild(widgets.TrainWidget)
    split = train._open_page("Split")
    assert docks(main) == [dock]
    assert dock.isFloating()
    assert split.isVisible()
    assert not train.isVisible()
    assert open_page(window, "Train") is train


def test_a_second_dock_gives_way_to_the_first(qtbot, window):
    main = shown(qtbot, window)
    menu_actions(main)["Split an image"].trigger()
    (dock,) = docks(main)
    window.window.add_plugin_dock_widget("napari-denoisplit")
    qtbot.waitUntil(lambda: docks(main) == [dock])
    menu_actions(main)[""].trigger()  # which hides what is open
    assert docks(main) == [dock]
    assert not dock.isVisible()


def test_closing_the_dock_is_told_to_every_page(qtbot, shell):
    told = []
    for name in ("Split", "Train"):
        shell.show_page(name).undocked.connect(lambda name=name: told.append(name))
    home = QDockWidget()
    qtbot.addWidget(home)
    home.setWidget(shell)
    assert told == []
    shell.setParent(None)
    assert sorted(told) == ["Split", "Train"]


def test_a_known_model_is_not_asked_for_again_and_a_chosen_one_stays(shell, model):
    split = shell.show_page("Split")
    calibration = shell.show_page("Calibration")
    split.model_known.emit(model)
    assert calibration.model.path == model
    assert shell.show_page("Batch").model.path == model
    assert "Model cells" in shell.known.text()
    other = model.with_name("other.denoisplit")
    calibration.model.open(other)  # by hand
    calibration.offer_model(model)
    assert calibration.model.path == other


@pytest.mark.parametrize("name", ["Calibration", "Batch"])
def test_a_model_that_is_chosen_anywhere_is_known_everywhere(shell, model, name):
    split, page = shell.show_page("Split"), shell.show_page(name)
    page.open_model(model)
    assert shell.known.text() == "Model cells"
    assert split.model.path == model
    other = model.rename(model.with_name("other.denoisplit"))
    split.open_model(other)
    shell.show_page(name)
    assert shell.known.text() == "Model cells"  # what was chosen here stays


def test_the_next_session_knows_the_last_model(qtbot, viewer, shell, model):
    shell.show_page("Split").model_known.emit(model)
    later = DenoisplitDock(viewer)
    qtbot.addWidget(later)
    assert later.show_page("Split").model.path == model
    model.unlink()
    new = DenoisplitDock(viewer)
    qtbot.addWidget(new)
    assert new.show_page("Split").model.header is None
    assert new.known.text() == "No model yet"


def test_after_a_training_the_other_pages_have_the_model(qtbot, viewer, shell, model, jobs, rng):
    for name in ("nuclei", "actin"):
        viewer.add_image(rng.normal(size=(40, 40)).astype("f4"), name=name)
    split, train = shell.show_page("Split"), shell.show_page("Train")
    model.unlink()
    train.target.save.set_path(model)
    train.panel.button.click()
    qtbot.waitUntil(lambda: not train.panel.is_running)
    assert split.model.path == model
    assert shell.show_page("Calibration").model.path == model
    assert "Model cells" in shell.known.text()


def test_the_line_says_of_which_image_the_page_in_front_is(qtbot, viewer, shell, small_model, rng):
    viewer.add_image(rng.normal(size=(32, 32)).astype("f4"), name="first")
    split, trust = shell.show_page("Split"), shell.show_page("Trust")
    split.open_model(small_model)
    split.settings["n_samples"].set_value(2)
    split.panel.button.click()
    qtbot.waitUntil(lambda: not (split.is_busy or split.panel.is_running))
    shell.reset_choices()  # as napari's dock does
    viewer.add_image(rng.normal(size=(32, 32)).astype("f4"), name="second")
    shell.reset_choices()
    assert shell.known.text() == "Model small · image first"
    assert trust.residual.input.layer.name == "first"
    shell.show_page("Split")
    assert shell.known.text() == "Model small · image second"


def test_the_bar_says_which_page_is_in_front(shell):
    for name in STEPS:
        shell.show_page(name)
        assert [step for step, button in shell.buttons.items() if button.isChecked()] == [name]
    shell.show_page("Noise model")
    assert shell.tools.text() == "Noise model ▾"
    assert not any(button.isChecked() for button in shell.buttons.values())
