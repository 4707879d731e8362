"""Results of `denoisplit split` as an OME-Zarr folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from napari_denoisplit.cli.parts.errors import INTERRUPTED, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_denoisplit.cli.parts.terminal import Terminal
    from napari_denoisplit.events import Job, SlideEvent
    from napari_denoisplit.images.files.image_file import ImageFile
    from napari_denoisplit.images.results.split import Split


def is_zarr_output(output: Path, scheduler: str | None) -> bool:
    """Whether the result goes into an OME-Zarr folder; a cluster can write nothing else."""
    if output.suffix.lower() == ".zarr":
        return True
    if scheduler is not None:
        raise UsageError(
            "With --scheduler, workers write blocks of one OME-Zarr folder. Name it: "
            "--output result.zarr."
        )
    return False


def only_image(
    images: Sequence[Path], axes: str | None, series: int | None, channel: str | None
) -> ImageFile:
    """Return the image to split; refuse several."""
    if len(images) > 1:
        raise UsageError(
            f"{len(images)} images cannot go into one OME-Zarr folder. Split them one by one, or "
            "name an --output folder that does not end in .zarr."
        )
    from napari_denoisplit.images.files.image_file import ImageFile  # imports tifffile

    return ImageFile(images[0], axes, series, channel)


def split_blocks(
    terminal: Terminal, job: Job[SlideEvent, Split], output: Path, *, as_json: bool
) -> None:
    """Split one image of any size block by block; what is there already is gone on with.

    Raises
    ------
    typer.Exit
        The user has interrupted it.
    """
    from napari_denoisplit.jobs.slide.store import SlideStore

    result = terminal.run(job, output.name)
    store = SlideStore(output)
    n_blocks = len(store.regions)
    n_done = n_blocks - len(store.missing())
    if as_json:
        facts = {
            "result": str(output),
            "complete": store.complete,
            "blocks": n_blocks,
            "blocks_done": n_done,
            "sigma": "calibrated" if result.calibrated else "uncalibrated",
            "notes": list(result.notes),
        }
        typer.echo(json.dumps(facts, indent=2))
    elif store.complete:
        typer.echo(str(output))
    if not store.complete:
        terminal.say(f"{output}: {store.how_far}. Run the same again to go on.")
        raise typer.Exit(INTERRUPTED)
