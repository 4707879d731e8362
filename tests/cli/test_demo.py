from __future__ import annotations

import subprocess
from types import SimpleNamespace

import pytest
from tests.stand_in import stand_in

from napari_denoisplit.cli import main
from napari_denoisplit.cli.demo import has_display
from napari_denoisplit.events import Stage


@pytest.fixture
def opened(monkeypatch):
    """Replace the job by one that is done at once; return the commands that open a window."""

    def demo_job(folder, *, minutes=2.5, n_samples=30, seed=0, stop=None):
        yield Stage("Drawing")
        files = (folder / "superposition_mmse.ome.tif", folder / "demo.denoisplit")
        return SimpleNamespace(psnr={"pits, MMSE": 31.25}, picture=folder / "demo.png", files=files)

    commands: list[list[str]] = []

    def open_window(command, *, check):
        commands.append(command)
        return subprocess.CompletedProcess(command, returncode=-6)

    stand_in(monkeypatch, "jobs.demo", demo_job)
    monkeypatch.setattr("napari_denoisplit.cli.demo.subprocess.run", open_window)
    return commands


def demo(*words: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(["demo", *words])
    return int(end.value.code or 0)


def test_the_demo_says_what_it_reached_and_where_its_files_are(opened, tmp_path, capsys):
    assert demo("-o", str(tmp_path), "--no-window") == 0
    output = capsys.readouterr().out
    assert "31.25 dB" in output
    assert str(tmp_path / "demo.png") in output
    assert not opened


def test_a_window_shows_the_files_and_its_failure_costs_nothing(opened, tmp_path, capsys):
    assert demo("-o", str(tmp_path), "--window") == 0
    (command,) = opened
    files = [str(tmp_path / name) for name in ("superposition_mmse.ome.tif", "demo.denoisplit")]
    assert command[1:] == ["-m", "napari", *files, "--plugin", "napari-denoisplit"]
    assert "files are complete" in capsys.readouterr().err


def test_without_a_display_no_window_is_tried(opened, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_denoisplit.cli.demo.platform.system", lambda: "Linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not has_display()
    assert demo("-o", str(tmp_path)) == 0
    assert not opened
