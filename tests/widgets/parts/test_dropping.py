"""Files that are dropped or added."""

from __future__ import annotations

from pathlib import Path

import pytest
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_denoisplit.images.files.endings import READABLE
from napari_denoisplit.images.files.folders import images_of
from napari_denoisplit.widgets.parts.dropping import (
    FileDrop,
    FileList,
)


@pytest.fixture
def files(qtbot):
    files = FileList("TIFF files", READABLE)
    qtbot.addWidget(files)
    return files


def test_a_file_is_listed_once_and_in_order(files):
    files.add([Path("b.tif"), Path("a.tif"), Path("b.tif")])
    assert files.paths == (Path("b.tif"), Path("a.tif"))


def test_selected_files_are_removed_and_without_a_selection_all(files):
    files.add([Path("a.tif"), Path("b.tif")])
    files.list.item(0).setSelected(True)
    files.remove_button.click()
    assert files.paths == (Path("b.tif"),)
    files.remove_button.click()
    assert files.paths == ()


def test_a_note_does_not_change_the_file(files):
    files.add([Path("a.tif")])
    files.set_note(Path("a.tif"), "done")
    assert files.list.item(0).text() == "a.tif — done"
    assert files.paths == (Path("a.tif"),)


def test_a_folder_stands_for_its_images_and_the_rest_is_named(qtbot, tmp_path):
    for name in ("b.tif", "a.TIFF", "readme.txt"):
        (tmp_path / name).touch()
    target = QWidget()
    qtbot.addWidget(target)
    drop = FileDrop(target, READABLE)
    taken, refused = [], []
    drop.dropped.connect(taken.extend)
    drop.taken.connect(refused.append)
    drop.take([tmp_path])
    assert [path.name for path in taken] == ["a.TIFF", "b.tif"]
    assert "readme.txt" in refused[0]


def test_what_a_batch_takes_from_a_folder_a_list_takes_too(qtbot, tmp_path):
    (tmp_path / "a.zarr").mkdir()
    for ending in (*READABLE, ".txt"):
        (tmp_path / f"b{ending}").touch()
    files = FileList("images", READABLE)
    qtbot.addWidget(files)
    files.drop.take([tmp_path])
    assert set(files.paths) == set(images_of(tmp_path))


def test_a_zarr_folder_is_one_image(qtbot, tmp_path):
    for name in ("b.zarr", "a.zarr/0", "a.zarr/1"):
        (tmp_path / name).mkdir(parents=True)
    target = QWidget()
    qtbot.addWidget(target)
    drop, taken = FileDrop(target, READABLE), []
    drop.dropped.connect(taken.extend)
    drop.take([tmp_path / "b.zarr"])
    drop.take([tmp_path])
    assert [path.name for path in taken] == ["b.zarr", "a.zarr", "b.zarr"]


def test_a_zarr_image_is_chosen_by_its_folder(qtbot, tmp_path, monkeypatch):
    path = tmp_path / "cells.zarr"
    path.mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(path))
    files = FileList("images", READABLE)
    qtbot.addWidget(files)
    files.folder_button.click()
    assert files.paths == (path,)
