"""A result can be hidden and removed as a whole."""

from __future__ import annotations

import pytest
from qtpy.QtWidgets import QMessageBox
from tests.widgets.conftest import layer

from napari_denoisplit.widgets.layers.view import grid_of
from napari_denoisplit.widgets.split.widget import SplitWidget

YES, NO = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No


@pytest.fixture
def split(qtbot, viewer, dock, model, jobs, rng):
    for name in ("other", "cells"):
        viewer.add_image(rng.normal(size=(16, 20)).astype("f4"), name=name)
    widget = dock(viewer, SplitWidget(viewer))
    widget.open_model(model)
    widget.settings["n_samples"].set_value(3)
    widget.panel.button.click()
    qtbot.waitUntil(lambda: not (widget.is_busy or widget.panel.is_running))
    return widget


def shown(viewer):
    return {one.name for one in viewer.layers if one.visible}


def test_the_image_takes_the_place_of_the_result_and_back(viewer, split):
    result = {"nuclei · cells", "actin · cells"}
    assert shown(viewer) == {"other", *result}
    split.row.hide_button.click()
    assert shown(viewer) == {"other", "cells"}
    split.row.hide_button.click()
    assert shown(viewer) == {"other", *result}


def test_the_image_and_its_structures_stand_side_by_side_and_back(viewer, split):
    result = {"nuclei · cells", "actin · cells"}
    split.row.grid_button.click()
    assert grid_of(viewer).enabled
    assert shown(viewer) == {"other", "cells", *result}
    split.row.grid_button.click()
    assert not grid_of(viewer).enabled
    assert shown(viewer) == {"other", *result}


def test_what_stands_side_by_side_takes_one_contrast_and_its_own_again(viewer, split):
    names = ("cells", "nuclei · cells", "actin · cells")
    own = {name: tuple(viewer.layers[name].contrast_limits) for name in names}
    split.row.grid_button.click()
    split.row.contrast_box.click()
    lows, highs = zip(*own.values(), strict=True)
    same = (min(lows), max(highs))
    assert {tuple(viewer.layers[name].contrast_limits) for name in names} == {same}
    viewer.layers["cells"].contrast_limits = (0.0, 0.5)
    assert {tuple(viewer.layers[name].contrast_limits) for name in names} == {(0.0, 0.5)}
    split.row.grid_button.click()
    assert split.row.contrast_box.isHidden()
    assert {name: tuple(viewer.layers[name].contrast_limits) for name in names} == own


def test_a_result_is_removed_with_all_its_layers_once_the_user_has_agreed(
    qtbot, viewer, split, monkeypatch
):
    monkeypatch.setattr(QMessageBox, "question", lambda *_: NO)
    split.row.remove_button.click()
    qtbot.wait(100)
    assert len(viewer.layers) > 2
    monkeypatch.setattr(QMessageBox, "question", lambda *_: YES)
    split.row.remove_button.click()
    qtbot.waitUntil(lambda: [one.name for one in viewer.layers] == ["other", "cells"])
    assert layer(viewer, "cells").visible
    qtbot.waitUntil(split.row.isHidden)
