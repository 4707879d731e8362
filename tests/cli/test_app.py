from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

import napari_denoisplit
from napari_denoisplit.cli import app, main

COMMANDS = tuple(get_command(app).commands)


def called(*words: str) -> int:
    """Exit code of the command."""
    with pytest.raises(SystemExit) as end:
        main(words)
    return int(end.value.code or 0)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    done = CliRunner().invoke(app, [command, "--help"], prog_name="denoisplit")
    assert done.exit_code == 0
    assert f"denoisplit {command}" in done.output


def test_the_help_names_every_command():
    help_text = CliRunner().invoke(app, ["--help"]).output
    assert all(command in help_text for command in COMMANDS)


def test_the_version_is_that_of_the_package(capsys):
    assert called("--version") == 0
    assert napari_denoisplit.__version__ in capsys.readouterr().out


def test_a_wrong_word_is_a_usage_error():
    assert called("splitt") == 2


def test_sigterm_before_and_between_jobs_ends_as_ctrl_c_does(monkeypatch, tmp_path):
    monkeypatch.setattr(Path, "exists", lambda path: signal.raise_signal(signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    output = tmp_path / "m.denoisplit"
    assert called("train", "a.tif", "-o", str(output)) == 130
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_missing_file_is_one_line_and_exit_code_1(tmp_path, capsys):
    assert called("info", str(tmp_path / "absent.tif")) == 1
    message = capsys.readouterr().err.strip()
    assert message.startswith("error: ")
    assert "absent.tif" in message
    assert "\n" not in message


def test_debug_shows_where_an_error_arose(tmp_path):
    with pytest.raises(napari_denoisplit.ImageError):
        main(["info", str(tmp_path / "absent.tif"), "--debug"])


def test_the_package_runs_as_a_module():
    command = [sys.executable, "-m", "napari_denoisplit", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert napari_denoisplit.__version__ in done.stdout


@pytest.mark.parametrize(
    ("words", "output"),
    [
        (["train", "a.tif", "-o"], "m.denoisplit"),
        (["calibrate", "m.denoisplit", "a.tif", "-o"], "m.denoisplit"),
        (["trust", "m.denoisplit", "a.tif", "-o"], "folder"),
        (["noise", "a.tif", "-o"], "n.npz"),
        (["noise", "a.tif", "--check", "n.npz", "--picture"], "n.png"),
        (["denoise", "a.tif", "-o"], "folder"),
        (["denoise", "a.tif", "-o"], "a.tif"),
        (["denoise", "a.tif", "--model"], "m.denoisplit"),
        (["consensus", "a_samples", "-o"], "folder"),
        (["objects", "a_mmse.ome.tif"], "o.csv"),
        (["alternatives", "a_mmse.ome.tif", "--region", "0:9,0:9"], "a.ome.tif"),
        (["film", "a_mmse.ome.tif"], "a.gif"),
        (["prior", "m.denoisplit", "-o"], "prior.ome.tif"),
        (["demo", "-o"], "folder"),
        (["add-noise", "a.tif", "-o"], "folder"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_read(
    words, output, tmp_path, capsys
):
    (tmp_path / "file").touch()
    place = tmp_path / "file" / output
    with pytest.raises(SystemExit) as end:
        main([*words, str(place)])
    assert end.value.code == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [(["prior", "m.denoisplit", "-o", "a.png"], "end in"), (["demo", "-o", "a"], "is a file")],
)
def test_a_name_that_no_result_can_have_is_refused_before_the_work(
    words, says, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").touch()
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert says in capsys.readouterr().err
