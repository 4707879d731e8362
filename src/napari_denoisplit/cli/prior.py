"""The command that draws images from the prior of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from napari_denoisplit.cli.parts.files import check_image_name, check_targets
from napari_denoisplit.cli.parts.options import with_settings
from napari_denoisplit.cli.parts.terminal import Terminal
from napari_denoisplit.settings import PriorSettings


@with_settings(PriorSettings, "n_images size seed device precision")
def prior(
    model: Path, *, output: Path = Path("prior.ome.tif"), overwrite: bool = False, **chosen: Any
) -> None:
    """Draw images from the prior of a model: what it has learned that the structures look like.

    No image is put in. What is drawn looks like the structures only as far as the model has learned
    how they look; it is no result, and says nothing of any sample.

    denoisplit prior cells.denoisplit -o prior.ome.tif

    Parameters
    ----------
    output
        OME-TIFF to write: one image after the other along T, a channel for each structure.
    """
    check_image_name(output)
    check_targets(output, overwrite=overwrite)
    from napari_denoisplit.images.files.writing import write_image
    from napari_denoisplit.jobs.prior import prior_job  # imports torch

    terminal = Terminal()
    job = prior_job(model, PriorSettings(**chosen), stop=terminal.stop)
    write_image(output, terminal.run(job, "prior"))
    typer.echo(str(output))
    terminal.end()
