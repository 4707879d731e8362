"""The command that shows the samples of a result as a film."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import Field

from napari_denoisplit.cli.parts.errors import INTERRUPTED, UsageError
from napari_denoisplit.cli.parts.files import check_writable, plane_of
from napari_denoisplit.cli.parts.options import with_settings
from napari_denoisplit.cli.parts.terminal import Terminal
from napari_denoisplit.settings import FilmSettings

FromOne = Annotated[int | None, Field(ge=1)]


@with_settings(FilmSettings, "show layout speed loop")
def film(
    result: Path,
    output: Path,
    *,
    time: FromOne = None,
    depth: FromOne = None,
    against: FromOne = None,
    **chosen: Any,
) -> None:
    """Write a film that shows the posterior samples of a result one after the other.

    What stays the same from sample to sample is certain for the model; what changes is not. Split
    with --keep-samples to have some. One plane of a split is shown. An existing file is replaced.

    denoisplit film results/cell_mmse.ome.tif cell.gif --layout "side by side"

    Parameters
    ----------
    result
        Result of a split: an OME-Zarr folder, NAME_mmse.ome.tif, or NAME_samples.
    output
        The film, .gif or .mp4; or numbers, .ome.tif.
    time
        Which time point, from 1.
    depth
        Which plane along z, from 1.
    against
        Show the difference to this sample, from 1; left out: to the MMSE.
    """
    from napari_denoisplit.images.results.files import open_split
    from napari_denoisplit.jobs.film import film_job

    if against is not None and chosen["show"] != "difference":
        raise UsageError("--against needs --show difference.")
    check_writable(output)
    terminal = Terminal()
    split = open_split(result)
    job = film_job(
        split,
        output,
        FilmSettings(**chosen),
        plane=plane_of(split, time, depth),
        against=None if against is None else against - 1,
        stop=terminal.stop,
    )
    written = terminal.run(job, output.name)
    if written is None:
        raise typer.Exit(INTERRUPTED)
    typer.echo(str(written))
