"""The Batch widget, with a job that needs no network."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from tests.stand_in import stand_in
from tests.widgets.conftest import layer

from napari_denoisplit.errors import JobError
from napari_denoisplit.events import (
    FileOutcome,
    FileProgress,
    FileStarted,
    Progress,
    SampleDrawn,
)
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.layer_record import MMSE
from napari_denoisplit.images.results.files import write_split
from napari_denoisplit.images.results.split import Split
from napari_denoisplit.jobs.batch.outcome import BatchResult
from napari_denoisplit.widgets.batch.table import BatchModel, BatchRow, BatchTable
from napari_denoisplit.widgets.batch.widget import BatchWidget
from napari_denoisplit.widgets.layers.found import find_results


@dataclass
class FakeBatch:
    """A batch in which files named 'bad' fail and those named 'old' are done."""

    error: Exception | None = None
    slow: bool = False
    calls: list[dict[str, Any]] = field(default_factory=list)

    def batch_job(
        self,
        model,
        items,
        settings,
        *,
        output,
        reading=None,
        skip_done=True,
        keep_log=True,
        dry_run=False,
        stop=None,
    ):
        self.calls.append(
            {"items": items, "settings": settings, "skip_done": skip_done, "reading": reading}
        )
        done = []
        for index, item in enumerate(items):
            if stop.is_set():
                break
            if skip_done and "old" in item.name:
                yield FileOutcome(index, item.path, "skipped", item.files(output).existing())
                continue
            yield FileStarted(index, item.path)
            if self.error is not None:
                raise self.error
            if "bad" in item.name:
                why = f"{item.path.name} is no image"
                yield FileOutcome(index, item.path, "failed", (), 0.1, why)
                continue
            picture = np.zeros((2, 8, 8), "f4")
            yield SampleDrawn((), 0, 1, picture, picture, picture)
            yield FileProgress(index, item.path, 0.5)
            yield Progress(0.5, 1.0, "image")
            while self.slow and not stop.is_set():
                time.sleep(0.01)
            outputs = write_split(result(), output / item.name)
            status = "stopped" if stop.is_set() else "done"
            done.append(FileOutcome(index, item.path, status, outputs, 1.5, "mean is off"))
            yield done[-1]
        return BatchResult(tuple(done), stop.is_set(), 1.5, log=None)


def result():
    data = np.stack([np.full((8, 8), 10.0), np.full((8, 8), 20.0)]).astype("f4")
    image = Image(data, "CYX", {"Y": 0.5, "X": 0.5}, {"Y": "um", "X": "um"}, ("nuclei", "actin"))
    record = {"samples": 2, "napari-denoisplit": "0.1.0", "model": "cells.denoisplit"}
    return Split.of_image(image, mmse=data, sigma=data, record=record)


@pytest.fixture
def batch(monkeypatch):
    fake = FakeBatch()
    stand_in(monkeypatch, "jobs.batch.job", fake.batch_job)
    return fake


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "plate").mkdir()
    for name in ("cell1", "bad", "cell2", "old"):
        write_image(tmp_path / "plate" / f"{name}.tif", Image(np.zeros((8, 8), "u2"), "YX"))
    return tmp_path / "plate"


@pytest.fixture
def widget(qtbot, viewer, dock, model, batch, folder):
    widget = dock(viewer, BatchWidget(viewer))
    widget.open_files([model, folder])
    wait_for_end(qtbot, widget)
    return widget


def wait_for_end(qtbot, widget):
    qtbot.waitUntil(lambda: not (widget.is_busy or widget.panel.is_running), timeout=10_000)


def statuses(widget):
    return {row.item.name: row.status for row in widget.files.rows}


def shown(widget, column):
    model = widget.files
    return [model.data(model.index(n, column)) for n in range(model.rowCount())]


def test_a_folder_is_listed_and_its_results_go_into_it(widget, folder):
    assert shown(widget, 0) == ["bad.tif", "cell1.tif", "cell2.tif", "old.tif"]
    assert shown(widget, 1) == ["waiting"] * 4
    assert widget.source.output.path == folder / "split"
    assert widget.panel.button.isEnabled()


def test_without_a_model_or_a_folder_the_button_says_what_is_missing(viewer, dock, model, batch):
    widget = dock(viewer, BatchWidget(viewer))
    assert "model" in widget.panel.button.toolTip()
    widget.open_model(model)
    assert "folder" in widget.panel.button.toolTip()
    assert not widget.panel.button.isEnabled()


def test_a_folder_without_images_is_said(qtbot, widget, tmp_path):
    (tmp_path / "empty").mkdir()
    widget.open_files([tmp_path / "empty"])
    wait_for_end(qtbot, widget)
    assert "no image" in widget.panel.hint.text()
    assert not widget.files.rows


def test_a_pattern_chooses_among_the_files(qtbot, widget):
    widget.source.pattern.setText("cell*")
    widget.source.pattern.editingFinished.emit()
    wait_for_end(qtbot, widget)
    assert shown(widget, 0) == ["cell1.tif", "cell2.tif"]


def test_the_table_shows_what_becomes_of_each_file(qtbot, widget):
    widget.panel.button.click()
    wait_for_end(qtbot, widget)
    assert shown(widget, 1) == ["✗ failed", "✓ done", "✓ done", "✓ before"]
    assert shown(widget, 2) == ["0.1 s", "1.5 s", "1.5 s", ""]
    tip = widget.files.data(widget.files.index(0, 1), Qt.ItemDataRole.ToolTipRole)
    assert "bad.tif is no image" in tip
    assert "2 split" in widget.panel.status.text()
    assert "bad.tif is no image" in widget.details.text()  # of the first that failed, unasked


def test_only_failed_files_are_tried_again(qtbot, widget, batch):
    assert not widget.retry_button.isEnabled()
    widget.panel.button.click()
    wait_for_end(qtbot, widget)
    widget.retry_button.click()
    wait_for_end(qtbot, widget)
    assert [item.name for item in batch.calls[-1]["items"]] == ["bad"]
    assert batch.calls[-1]["skip_done"]  # else what was refused would be replaced
    assert statuses(widget) == {"bad": "failed", "cell1": "done", "cell2": "done", "old": "skipped"}


def test_choices_reach_the_batch(qtbot, widget, batch):
    widget.skip_done.setChecked(False)
    widget.channel.setText("dna")
    widget.settings["n_samples"].set_value(7)
    widget.panel.button.click()
    wait_for_end(qtbot, widget)
    (call,) = batch.calls
    assert (call["skip_done"], call["reading"].channel) == (False, "dna")
    assert (call["settings"].n_samples, call["settings"].keep_samples) == (7, 0)


def test_stop_ends_the_file_in_progress_and_leaves_the_others(qtbot, widget, batch):
    batch.slow = True
    widget.panel.button.click()
    qtbot.waitUntil(lambda: shown(widget, 1)[1] == "▶ 50%", timeout=10_000)
    assert not widget.source.isEnabled()
    widget.panel.button.click()
    wait_for_end(qtbot, widget)
    assert shown(widget, 1) == ["✗ failed", "■ stopped", "waiting", "waiting"]
    assert widget.source.isEnabled()


def test_an_error_that_ends_the_batch_is_shown_and_it_can_be_started_again(qtbot, widget, batch):
    batch.error = JobError("the disk is full")
    widget.panel.button.click()
    wait_for_end(qtbot, widget)
    assert "the disk is full" in widget.panel.status.text()
    assert shown(widget, 1)[0] == "✗ failed"
    batch.error = None
    widget.panel.button.click()
    wait_for_end(qtbot, widget)
    assert statuses(widget)["cell1"] == "done"


def test_a_double_click_opens_the_result(qtbot, viewer, widget):
    widget.panel.button.click()
    wait_for_end(qtbot, widget)
    widget.table.doubleClicked.emit(widget.files.index(1, 0))
    qtbot.waitUntil(lambda: len(viewer.layers) == 4, timeout=10_000)
    mmse = layer(viewer, "actin · cell1")
    np.testing.assert_array_equal(mmse.data, np.full((8, 8), 20.0))
    assert tuple(mmse.scale) == (0.5, 0.5)
    assert mmse.metadata["denoisplit"]["model"] == "cells.denoisplit"
    assert not layer(viewer, "actin spread · cell1").visible
    (found,) = find_results(viewer.layers, MMSE)  # by every other tool
    assert (found.name, len(found.sigma)) == ("cell1", 2)


def test_the_result_opened_last_is_in_sight_and_none_is_there_twice(qtbot, viewer, widget):
    widget.panel.button.click()
    wait_for_end(qtbot, widget)
    for number, n_layers in ((1, 4), (2, 8), (1, 8)):
        widget.table.select(number)
        widget.open_button.click()
        qtbot.waitUntil(lambda n=n_layers: len(viewer.layers) == n, timeout=10_000)
    qtbot.waitUntil(lambda: layer(viewer, "nuclei · cell1").visible, timeout=10_000)
    assert not layer(viewer, "nuclei · cell2").visible
    viewer.layers.clear()
    widget.open_button.click()
    qtbot.waitUntil(lambda: len(viewer.layers) == 4, timeout=10_000)


def test_a_file_without_a_result_cannot_be_opened(widget):
    widget.table.select(0)
    assert not widget.open_button.isEnabled()


def test_of_thousands_of_files_only_those_in_sight_are_drawn(qtbot):
    asked = set()

    class Counting(BatchModel):
        def data(self, index, role=Qt.ItemDataRole.DisplayRole):
            asked.add(index.row())
            return super().data(index, role)

    model = Counting()
    table = BatchTable(model)
    qtbot.addWidget(table)
    table.show()
    item = SimpleNamespace(name="a/cell", path=SimpleNamespace(name="cell.tif"))
    model.set_rows([BatchRow(item) for _ in range(5000)])
    table.grab()
    model.update(2500, status="running", done=0.5)
    table.follow(2500)
    table.grab()
    assert 2500 in asked
    assert len(asked) < 100
