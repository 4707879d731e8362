"""Every control can be named, explained and reached, and the widgets fit a small screen."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QScrollArea,
)
from tests.widgets.samples_layers import add_split, make_samples

from napari_denoisplit.widgets import (
    BatchWidget,
    CalibrationWidget,
    DenoiseWidget,
    NoiseWidget,
    SamplesWidget,
    SplitWidget,
    TrainWidget,
    TrustWidget,
)
from napari_denoisplit.widgets.parts.column import Fold

CONTROLS = (QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit, QAbstractItemView)
OF_THE_FIELD = re.compile(
    r"\b(MMSE|MAP|posterior|RMSE|RMV|KL|nats|PIT|ELBO|ECE|alpha|bfloat16|latents?"
    r"|[Ss]amples?|[Ss]igma|σ)\b"
)
WITH_A_SEED = [SplitWidget, TrainWidget, NoiseWidget, BatchWidget, CalibrationWidget]
EVERY_WIDGET = pytest.mark.parametrize(
    "kind", [*WITH_A_SEED, DenoiseWidget, SamplesWidget, TrustWidget]
)


def controls(widget):
    """What a user can click or type into, without the inner parts of controls."""
    # One class at a time: only PyQt takes several.
    found = {id(x): x for kind in CONTROLS for x in widget.findChildren(kind)}
    for control in found.values():
        parents = []
        parent = control.parent()
        while parent is not widget and parent is not None:
            parents.append(parent)
            parent = parent.parent()
        if not any(isinstance(p, CONTROLS) for p in parents):
            yield control


def test_opening_every_page_loads_nothing_heavy_that_napari_does_without():
    code = """
import sys
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication
app = QApplication([])
from napari_denoisplit import widgets
viewer = ViewerModel()
opened = [getattr(widgets, name)(viewer) for name in widgets.__all__]
sys.exit(sorted({"matplotlib", "tifffile", "torch", "zarr"} & set(sys.modules)) or 0)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr.strip()) == (0, "")


@EVERY_WIDGET
def test_every_control_has_a_name_and_an_explanation(viewer, dock, kind):
    widget = dock(viewer, kind(viewer))
    found = list(controls(widget))
    assert len(found) > 10
    for control in found:
        text = control.text() if isinstance(control, QAbstractButton) else ""
        assert control.accessibleName() or text, control
        assert control.toolTip(), control.accessibleName() or text


@EVERY_WIDGET
def test_words_of_the_field_stand_only_in_brackets_and_tooltips(viewer, dock, kind):
    assert_plain(dock(viewer, kind(viewer)))


@pytest.mark.parametrize("kind", [SplitWidget, SamplesWidget, TrustWidget])
def test_of_a_result_pages_and_layers_speak_in_plain_words(viewer, dock, kind, rng):
    add_split(viewer, make_samples(rng), "answer")
    widget = dock(viewer, kind(viewer))
    if kind is SamplesWidget:
        widget.show_button.click()
        widget.pin()
    assert_plain(widget)
    for layer in viewer.layers:
        for text in (layer.name, *layer.axis_labels):
            assert not OF_THE_FIELD.search(text), text


def assert_plain(widget):
    """Assert that words of the field stand in brackets only, in all that is in sight."""
    labels = [x for x in widget.findChildren(QLabel) if x.isVisibleTo(widget)]
    buttons = [x for x in widget.findChildren(QAbstractButton) if x.isVisibleTo(widget)]
    boxes = [x for x in widget.findChildren(QComboBox) if x.isVisibleTo(widget)]
    items = [box.itemText(row) for box in boxes for row in range(box.count())]
    for text in [*(x.text() for x in (*labels, *buttons)), *items]:
        assert not OF_THE_FIELD.search(re.sub(r"\([^()]*\)", "", text)), text


@EVERY_WIDGET
def test_a_widget_fits_a_small_screen(viewer, dock, kind):
    widget = dock(viewer, kind(viewer))
    hint = widget.minimumSizeHint()
    assert hint.width() <= 400
    assert hint.height() <= 400
    column = widget.findChild(QScrollArea)
    bar = column.verticalScrollBar().sizeHint().width()
    assert column.widget().minimumSizeHint().width() <= 320 - bar  # or it is cut off at the right


@EVERY_WIDGET
def test_the_tab_key_goes_from_top_to_bottom(qtbot, viewer, dock, kind):
    viewer.add_image(np.zeros((8, 8)))
    viewer.add_image(np.zeros((8, 8)))
    widget = dock(viewer, kind(viewer))
    widget.show()
    qtbot.waitExposed(widget)
    inside = widget.findChild(QScrollArea).widget()
    rows, control, reached = [], inside.nextInFocusChain(), set(controls(widget))
    for _ in range(500):
        if control in reached and control.isVisible() and control.isEnabled():
            # What stays in sight at the bottom comes after all that scrolls.
            end = 0 if inside.isAncestorOf(control) else inside.height()
            rows.append(end + control.mapToGlobal(control.rect().topLeft()).y())
        control = control.nextInFocusChain()
        if control is inside:
            break
    assert len(rows) > 1
    tolerance = 6  # controls of a row differ in height
    assert all(below >= above - tolerance for above, below in pairwise(rows))


@pytest.mark.parametrize("kind", WITH_A_SEED)
def test_what_is_folded_away_is_out_of_reach_until_it_is_unfolded(qtbot, viewer, dock, kind):
    widget = dock(viewer, kind(viewer))
    widget.show()
    qtbot.waitExposed(widget)
    seed = widget.findChild(QAbstractSpinBox, "seed")
    assert not seed.isVisible()
    fold = widget.findChild(Fold)
    fold.button.click()
    qtbot.waitUntil(lambda: seed.isVisible() and fold.height() > 150)


def test_closing_the_dock_ends_the_run_and_keeps_what_there_is(
    qtbot, window, dock, model, jobs, rng
):
    jobs.endless = True
    window.add_image(rng.normal(size=(16, 16)).astype(np.float32), name="cells")
    widget = dock(window, SplitWidget(window))
    widget.open_model(model)
    widget.panel.button.click()
    qtbot.waitUntil(lambda: "nuclei · cells" in window.layers, timeout=10_000)
    window.window.remove_dock_widget(widget)
    qtbot.waitUntil(lambda: not (widget.panel.is_running or widget.is_busy), timeout=10_000)
    assert widget.results[0].split.stopped_early
    widget.deleteLater()
    qtbot.wait(50)
