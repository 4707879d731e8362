"""A widget that runs a job says what is in its way, what it takes and what came of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox

from napari_denoisplit.errors import JobError
from napari_denoisplit.events import Progress
from napari_denoisplit.images.files.endings import READABLE
from napari_denoisplit.widgets.parts.dropping import FileDrop, FileList
from napari_denoisplit.widgets.parts.job_widget import JobWidget
from napari_denoisplit.widgets.parts.worker import start_job


class Counting(JobWidget):
    """Counts the files it was given, once its box is checked."""

    counted = Signal(int)

    def __init__(self, viewer, start=start_job):
        super().__init__(viewer, "Count files", "Count", "Count the files.", start)
        self.files = FileList("TIFF files", READABLE, self)
        self.ready = QCheckBox("Ready", self)
        self._lay_out("Files", self.files, self.ready, self.panel)
        self._take_drops({READABLE: self.files.add}, self.panel.status)
        self.files.changed.connect(self._refresh)
        self.ready.toggled.connect(self._refresh)
        self.wait = False
        self._refresh()

    @property
    def problem(self):
        return "" if self.ready.isChecked() else "Check the box."

    def _order(self):
        if not self.files.paths:
            raise JobError("There is nothing to count.")
        return self.files.paths

    def _begin(self, order):
        def job(stop):
            yield Progress(0.5, 1.0, "half")
            if self.wait:
                stop.wait(10)
                raise JobError("It was stopped before the first file.")
            return len(order)

        self.panel.run(job, on_done=self.counted.emit, title="counting")


@pytest.fixture
def widget(viewer, dock):
    return dock(viewer, Counting(viewer))


@pytest.fixture
def errors(monkeypatch):
    shown = []
    monkeypatch.setattr("napari.utils.notifications.show_error", shown.append)
    return shown


def test_an_obstacle_is_said_beside_the_button_until_it_is_gone(widget):
    assert widget.panel.hint.text() == "Check the box."
    assert not widget.panel.button.isEnabled()
    widget.ready.setChecked(True)
    assert widget.panel.hint.isHidden()
    assert widget.panel.button.isEnabled()


def test_nothing_runs_past_an_obstacle_or_a_wrong_choice(widget, errors):
    widget.run()
    assert "Check the box" in widget.panel.status.text()
    widget.ready.setChecked(True)
    widget.run()
    assert "nothing to count" in widget.panel.status.text()
    assert len(errors) == 2
    assert not widget.panel.is_running


def test_the_result_arrives_before_the_end_is_told(qtbot, widget):
    widget.ready.setChecked(True)
    told = []
    widget.counted.connect(told.append)
    widget.panel.finished.connect(lambda: told.append("finished"))
    widget.open_files([Path("a.tif"), Path("b.tif")])
    widget.panel.button.click()
    qtbot.waitUntil(lambda: "finished" in told, timeout=5000)
    assert told == [2, "finished"]


def test_files_are_taken_by_every_part_and_what_is_refused_is_said(widget, tmp_path):
    (tmp_path / "a.tif").touch()
    (tmp_path / "notes.txt").touch()
    drops = widget.findChildren(FileDrop)
    assert len(drops) == 2  # the widget's own and that of the list
    for drop in drops:
        widget.panel.say("")
        drop.take([tmp_path / "a.tif", tmp_path / "notes.txt"])
        assert "notes.txt" in widget.panel.status.text()
        assert widget.files.paths == (tmp_path / "a.tif",)
        widget.files.remove_selected()


def test_what_was_refused_is_said_until_something_fits(widget, tmp_path):
    (tmp_path / "a.tif").touch()
    (tmp_path / "notes.txt").touch()
    widget.files.drop.take([tmp_path / "notes.txt"])
    assert "notes.txt" in widget.panel.status.text()
    widget.files.drop.take([tmp_path / "a.tif"])
    assert widget.panel.status.text() == ""
    widget.panel.say("1 counted.")
    widget.files.drop.take([tmp_path / "a.tif"])
    assert widget.panel.status.text() == "1 counted."


def test_choices_are_locked_while_they_have_no_effect(qtbot, widget):
    widget.ready.setChecked(True)
    widget.wait = True
    widget.open_files([Path("a.tif")])
    widget.panel.button.click()
    assert not widget.files.isEnabled()
    assert not widget.ready.isEnabled()
    assert widget.panel.button.isEnabled()
    widget.panel.stop()
    qtbot.waitUntil(lambda: not widget.panel.is_running)
    assert widget.files.isEnabled()
    assert widget.ready.isEnabled()


def test_a_job_that_was_stopped_without_a_result_is_no_error(qtbot, widget, errors):
    widget.ready.setChecked(True)
    widget.wait = True
    widget.open_files([Path("a.tif")])
    widget.panel.button.click()
    qtbot.waitUntil(lambda: widget.panel.progress.text() != "", timeout=5000)
    widget.panel.stop()
    qtbot.waitUntil(lambda: not widget.panel.is_running, timeout=5000)
    assert widget.panel.status.text() == "It was stopped before the first file."
    assert errors == []
