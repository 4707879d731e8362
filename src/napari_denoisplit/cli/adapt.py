"""The command that adapts a model to recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from napari_denoisplit.cli.parts.errors import SHORT
from napari_denoisplit.cli.parts.files import check_model_name, check_targets, read_each
from napari_denoisplit.cli.parts.options import Series, with_settings
from napari_denoisplit.cli.parts.terminal import Terminal
from napari_denoisplit.settings import AdaptSettings


@with_settings(AdaptSettings, "share device precision")
def adapt(
    model: Path,
    recordings: list[Path],
    *,
    output: Path,
    channel: str | None = None,
    overwrite: bool = False,
    axes: str | None = None,
    series: Series = None,
    **chosen: Any,
) -> None:
    """Adapt a model to a few recordings of which nobody knows the separate structures.

    For recordings that are noisier than the training images. It takes about as long as to check
    them, and the model that you have stays as it is. A part of the recordings is kept
    aside and judges. Where the adapted model would split no better, none is written, and the
    command ends with exit code 3.

    denoisplit adapt cells.denoisplit dish1.tif dish2.tif -o dish.denoisplit

    Parameters
    ----------
    recordings
        Images in which the structures lie together, all taken alike, or folders of such images.
    output
        Model file to write (*.denoisplit).
    """
    check_model_name(output)
    check_targets(output, overwrite=overwrite)
    terminal = Terminal()
    images = read_each(terminal, recordings, axes, series, None if channel is None else [channel])

    from napari_denoisplit.jobs.adapt.job import adapt_job  # imports torch

    job = adapt_job(model, images, AdaptSettings(**chosen), path=output, stop=terminal.stop)
    adapted = terminal.run(job, "adapting")
    terminal.end()
    if adapted.path is None:
        terminal.end(SHORT)
    typer.echo(f"model: {adapted.path}")
