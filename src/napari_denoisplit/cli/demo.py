"""The command that goes the whole way on a made-up sample."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from napari_denoisplit.cli.parts.files import check_folder, check_writable
from napari_denoisplit.cli.parts.options import with_settings
from napari_denoisplit.cli.parts.terminal import Terminal
from napari_denoisplit.settings import TrainSettings

if TYPE_CHECKING:
    from collections.abc import Sequence


@with_settings(TrainSettings, "minutes seed", minutes=2.5)
def demo(*, output: Path = Path("demo-output"), window: bool | None = None, **chosen: Any) -> None:
    """Make a noisy sample of two structures, train a model, split, and show the result.

    No data is needed and nothing is downloaded.

    Parameters
    ----------
    output
        Folder for the files.
    window
        Show the result in napari at the end. Left out: if there is a display.
    """
    check_folder(output)
    check_writable(output / "demo.denoisplit")
    from napari_denoisplit.jobs.demo import demo_job  # imports torch

    terminal = Terminal()
    job = demo_job(output, **chosen, stop=terminal.stop)
    result = terminal.run(job, "demo")
    typer.echo("PSNR against the truth, larger is better:")
    for what, psnr in result.psnr.items():
        typer.echo(f"  {what}: {psnr:.2f} dB")
    typer.echo(f"picture: {result.picture}")
    typer.echo(f"images and model: {output}")
    terminal.end()
    if has_display() if window is None else window:
        _show(terminal, result.files)


def has_display() -> bool:
    """Whether a window can be expected to open."""
    on_linux = platform.system() == "Linux"
    return not on_linux or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _show(terminal: Terminal, files: Sequence[Path]) -> None:
    # A process of its own: where a library of the window system is missing, Qt ends its process.
    terminal.say("Opening napari; close its window to end.")
    plugin = ("--plugin", "napari-denoisplit")
    command = [sys.executable, "-m", "napari", *map(str, files), *plugin]
    if subprocess.run(command, check=False).returncode != 0:
        terminal.say(
            "napari did not open or ended badly; the files are complete. On Linux, "
            "scripts/system_libraries.sh of the source tree says which libraries are missing."
        )
