"""No line that cannot be printed ends the work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

WORK = (
    "import sys, typer\n"
    "from napari_denoisplit.cli import app, main\n"
    "from napari_denoisplit.cli.parts.terminal import Terminal\n"
    "from napari_denoisplit.events import Stage\n"
    "def job():\n"
    "    for number in range(9):\n"
    "        yield Stage(f'step {number}')\n"
    "        typer.echo(f'result {number}' + 9999 * ' ')\n"
    "@app.command()\n"
    "def work(done: str):\n"
    "    Terminal().run(job())\n"
    "    open(done, 'w').close()\n"
    "main(['work', sys.argv[1]])\n"
)
"""A command that leaves a file behind when all of its work is done."""


def work(done, **streams):
    return subprocess.run([sys.executable, "-c", WORK, str(done)], check=False, **streams)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252", "cp932"])
def test_every_name_can_be_printed(encoding):
    names = ("α-tubulin", "ÿ", "核", "a\udcffb", "α\udcff")
    code = (
        "from pathlib import Path\n"
        "from napari_denoisplit.cli.parts.streams import print_anything\n"
        "from napari_denoisplit.cli.parts.terminal import Terminal\n"
        "from napari_denoisplit.events import FileOutcome, FileStarted\n"
        "def job():\n"
        f"    for number, name in enumerate({names!a}):\n"
        "        yield FileStarted(number, Path(name), 'it has changed')\n"
        "        yield FileOutcome(number, Path(name), 'done', (Path(name),))\n"
        "        yield FileOutcome(number, Path(name), 'failed', message=name)\n"
        "print_anything()\n"
        "Terminal().run(job(), 'all')\n"
    )
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(names)
    # click takes ASCII for a terminal that is not set up, and prints UTF-8 there.
    wanted = "utf-8" if encoding == "ascii" else encoding
    assert lines[0] == "α-tubulin".encode(wanted, "backslashreplace")
    if encoding != "ascii":
        assert lines[3] == b"a\xffb"
    assert done.stderr.count(b"FAILED") == len(names)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize(("stream", "code"), [("stdout", 1), ("stderr", 0)])
def test_a_full_disk_under_what_is_printed_ends_no_work(tmp_path, stream, code):
    with open("/dev/full", "wb") as full:
        other = {"stdout": "stderr", "stderr": "stdout"}[stream]
        ended = work(tmp_path / "done", **{stream: full, other: subprocess.PIPE})
    assert (tmp_path / "done").exists()
    assert ended.returncode == code
    if stream == "stdout":  # results are lost there, and that is said
        assert b"No space left" in ended.stderr


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_reader_that_has_gone_ends_no_work(tmp_path, stream):
    reading, writing = os.pipe()
    os.close(reading)
    ended = work(tmp_path / "done", **{stream: writing})
    os.close(writing)
    assert (tmp_path / "done").exists()
    assert ended.returncode == 0
