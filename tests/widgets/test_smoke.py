"""Every widget in a real window, under whichever Qt binding is installed."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QThreadPool
from tests.widgets.conftest import layer, menu_actions

from napari_denoisplit import widgets
from napari_denoisplit.widgets.parts.docked import DockedWidget


def opened_from_menus(window):
    """Every page of the plugin, by the name of its class."""
    main = window.__wrapped__.window._qt_window
    main.show()
    actions = menu_actions(main)
    del actions[""]  # it hides what is open
    for action in actions.values():
        action.trigger()
    return {type(widget).__name__: widget for widget in main.findChildren(DockedWidget)}


def leave_at_work(qtbot, window, small_model):
    """Open everything, split once, and let a second split run; the widgets are kept by nobody."""
    opened = opened_from_menus(window)
    assert sorted(opened) == sorted(widgets.__all__)
    split = opened["SplitWidget"]
    split.open_model(small_model)
    split.settings["n_samples"].set_value(3)
    split.panel.button.click()
    qtbot.waitUntil(lambda: not split.is_busy)
    assert split.panel.status.text().startswith("Split cells into nuclei and actin: 3 answers")
    mmse = layer(window, "actin · cells").data
    mean = layer(window, "actin answers · cells").data.mean(0)
    np.testing.assert_allclose(mean, mmse, rtol=1e-3, atol=1e-5)
    split.settings["n_samples"].set_value(10_000)
    split.panel.button.click()
    qtbot.waitUntil(lambda: "actin · cells [1]" in window.layers)
    assert split.panel.is_running


def test_all_widgets_open_one_splits_and_the_window_closes_at_work(qtbot, window, small_model, rng):
    window.add_image(rng.normal(size=(64, 64)).astype(np.float32), name="cells")
    leave_at_work(qtbot, window, small_model)
    window.close()
    # What goes wrong in a slot from now on is a failure, too.
    qtbot.waitUntil(lambda: QThreadPool.globalInstance().activeThreadCount() == 0)
    qtbot.wait(100)
