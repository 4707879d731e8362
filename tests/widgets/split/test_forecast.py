"""What a split will take, in the widget."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from tests.stand_in import stand_in

from napari_denoisplit.widgets.split.widget import SplitWidget


@pytest.fixture
def widget(viewer, model, jobs, dock, rng):
    viewer.add_image(rng.normal(100, 10, (24, 32)).astype(np.float32), name="cells")
    return dock(viewer, SplitWidget(viewer))


def text(widget) -> str:
    return widget.where.line.text() if not widget.where.line.isHidden() else ""


def test_nothing_is_told_before_there_is_a_model(qtbot, widget, jobs):
    qtbot.wait(500)
    assert text(widget) == ""
    assert not jobs.forecasts


def test_a_model_and_an_image_tell_what_the_split_takes(qtbot, widget, model):
    widget.settings["n_samples"].set_value(7)
    widget.open_model(model)
    qtbot.waitUntil(lambda: text(widget).startswith("Takes "))
    assert "7 answers on cpu" in widget.where.line.toolTip()
    widget.settings["n_samples"].set_value(9)
    qtbot.waitUntil(lambda: "9 answers on cpu" in widget.where.line.toolTip())


def test_a_stale_answer_is_dropped(qtbot, widget, model, jobs, monkeypatch):
    shown, begun, go_on = [], threading.Event(), threading.Event()
    widget.where.line.found.connect(lambda told: shown.append(told.in_memory.n_samples))

    def preflight(model, image, settings, *, on_disk=False, region=None):
        begun.set()
        go_on.wait(60)
        return jobs.preflight(model, image, settings, on_disk=on_disk, region=region)

    stand_in(monkeypatch, "jobs.preflight", preflight)
    widget.open_model(model)
    qtbot.waitUntil(begun.is_set)
    widget.settings["n_samples"].set_value(9)
    go_on.set()
    qtbot.waitUntil(lambda: bool(shown))
    assert shown == [9]


def test_nothing_out_of_date_is_told_while_a_split_runs(qtbot, widget, model, jobs):
    widget.open_model(model)
    qtbot.waitUntil(lambda: bool(text(widget)))
    jobs.endless = True
    widget.settings["n_samples"].set_value(99)
    widget.panel.button.click()
    assert text(widget) == ""
    widget.panel.button.click()
    qtbot.waitUntil(lambda: text(widget).startswith("Takes "), timeout=10_000)


@pytest.mark.parametrize(("results", "in_work"), [(5, 0), (2, 7)], ids=["results", "in work"])
def test_disk_is_proposed_where_a_split_would_fill_the_memory(
    qtbot, widget, model, jobs, results, in_work
):
    jobs.results_gib, jobs.in_work_gib = results, in_work
    widget.open_model(model)
    qtbot.waitUntil(lambda: widget.where.choice.keeping == "temporary")
    assert "so they go to disk" in text(widget)
    jobs.results_gib, jobs.in_work_gib = 0.1, 0.0
    widget.settings["n_samples"].set_value(3)
    qtbot.waitUntil(lambda: widget.where.choice.keeping == "memory")
    assert "disk" not in text(widget)


def test_the_choice_of_the_user_is_left_alone(qtbot, widget, model, jobs):
    widget.where.choice.choose("memory")
    jobs.results_gib = 9
    widget.open_model(model)
    qtbot.waitUntil(lambda: "keep fewer answers" in text(widget))
    assert widget.where.choice.keeping == "memory"


def test_settings_that_cannot_be_used_tell_nothing(qtbot, widget, model):
    widget.open_model(model)
    qtbot.waitUntil(lambda: bool(text(widget)))
    widget.more["tile_size"].set_value(70)  # not a multiple of 16
    qtbot.waitUntil(lambda: not text(widget))
