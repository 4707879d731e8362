"""A disk that is full ends no training."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest
from tests.quick_training import quick_training
from torch import nn

from napari_denoisplit.checkpoint import last_path, load_model, save_model
from napari_denoisplit.events import Stage, run
from napari_denoisplit.jobs.learning import keeping
from napari_denoisplit.jobs.train.job import train_job

__all__ = ["quick_training"]

pytestmark = pytest.mark.usefixtures("quick_training")


@pytest.fixture
def disk(monkeypatch):
    """Folders that take nothing."""
    full: set[Path] = set()

    def save(path, model):
        if Path(path).parent in full:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return save_model(path, model)

    monkeypatch.setattr(keeping, "save_model", save)
    return full


def trained(fields, settings, path, on_stage=lambda text: None):
    def heard(event):
        if isinstance(event, Stage):
            on_stage(event.text)

    return run(train_job(fields, settings, path=path), heard)


def test_a_full_disk_is_told_and_tried_again(fields, settings, tmp_path, disk):
    path, stages = tmp_path / "m.denoisplit", []
    disk.add(tmp_path)

    def emptied(text):
        stages.append(text)
        if "disk is full" in text:
            disk.clear()

    result = trained(fields, settings, path, emptied)
    (told,) = [text for text in stages if "disk is full" in text]
    assert told.startswith(str(path))
    assert "[Errno" not in told
    assert f"{path} is written again" in stages
    assert result.path == path
    assert len(result.history) == 3
    assert load_model(path).sha256 == result.model.sha256
    assert last_path(path).exists()


def test_a_disk_that_stays_full_costs_no_model(fields, settings, tmp_path, disk, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    (home / "m.denoisplit").write_text("another")
    monkeypatch.setattr(Path, "home", lambda: home)
    path = tmp_path / "data" / "m.denoisplit"
    disk.add(path.parent)
    result = trained(fields, settings, path)
    assert result.path.parent == home
    assert load_model(result.path).sha256 == result.model.sha256
    assert (home / "m.denoisplit").read_text() == "another"
    assert any(str(result.path) in note for note in result.notes)


def test_where_no_disk_takes_it_the_model_is_in_memory(
    fields, settings, tmp_path, disk, monkeypatch
):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(keeping.tempfile, "gettempdir", lambda: str(tmp_path))
    disk.add(tmp_path)
    result = trained(fields, settings, tmp_path / "m.denoisplit")
    assert result.path is None
    assert result.model.network is not None
    assert any("in memory alone" in note for note in result.notes)


@pytest.mark.parametrize(("copies", "is_short"), [(8, True), (10, False)])
def test_a_disk_without_room_is_told_before_the_training(tmp_path, monkeypatch, copies, is_short):
    network = nn.Linear(1000, 1000, bias=False)
    usage = shutil.disk_usage(tmp_path)._replace(free=copies * 4_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage)
    told = keeping.short_of_room(tmp_path / "new" / "m.denoisplit", network)
    assert (f"free in {tmp_path}, and" in told) == bool(told) == is_short


def test_what_a_training_keeps_is_no_larger_than_foretold(fields, settings, tmp_path, monkeypatch):
    path, stages = tmp_path / "m.denoisplit", []
    usage = shutil.disk_usage(tmp_path)._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage)
    done = trained(fields, settings, path, stages.append)
    weights = sum(v.numel() * v.element_size() for v in done.model.network.state_dict().values())
    assert any(text.startswith("Only 0 MiB are free") for text in stages)
    assert last_path(path).stat().st_size < 4 * weights + 2**17
