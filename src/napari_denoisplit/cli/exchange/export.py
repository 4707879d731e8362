"""The command that writes a model for the BioImage Model Zoo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from napari_denoisplit.cli.parts.errors import UsageError
from napari_denoisplit.cli.parts.files import check_targets, read
from napari_denoisplit.cli.parts.options import with_settings
from napari_denoisplit.cli.parts.terminal import Terminal
from napari_denoisplit.settings import ExportSettings


@with_settings(ExportSettings, "n_samples seed license")
def export(
    model: Path,
    *,
    output: Path | None = None,
    example: Path | None = None,
    author: list[str] | None = None,
    overwrite: bool = False,
    **chosen: Any,
) -> None:
    """Write a model as a package of bioimage.io, and have it tested by the zoo's own library.

    It gives the mean of samples with fixed noise, and one sample; noise models and calibration are
    attached. It needs the extra: pip install "napari-denoisplit[bioimageio]".

    denoisplit export cells.denoisplit -o cells.zip --author "A. Name" --license CC-BY-4.0

    Parameters
    ----------
    output
        Package to write (*.zip); left out, beside the model.
    example
        Superposition whose middle goes along as the example. Left out, one is made up.
    author
        Who made the model; give the option once for each.
    """
    output = output or model.with_suffix(".zip")
    if output.suffix != ".zip":
        raise UsageError(f"Packages end in .zip. Rename --output {output}.")
    check_targets(output, overwrite=overwrite)
    from napari_denoisplit.jobs.exporting import export_job  # imports torch

    terminal = Terminal()
    settings = ExportSettings(authors=tuple(author or ()), **chosen)
    image = None if example is None else read(terminal, example)
    typer.echo(str(terminal.run(export_job(model, output, settings, image=image), "export")))
    terminal.end()
