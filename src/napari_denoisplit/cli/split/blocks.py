"""What `denoisplit split` does when the result is an OME-Zarr folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from napari_denoisplit.cli.parts.errors import INTERRUPTED, UsageError
from napari_denoisplit.cli.parts.split_forecast import say_forecast

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_denoisplit.cli.parts.terminal import Terminal
    from napari_denoisplit.images.files.image_file import ImageFile
    from napari_denoisplit.images.plane_region import PlaneRegion
    from napari_denoisplit.jobs.slide.job import SlideSplit
    from napari_denoisplit.settings import SplitSettings


def is_zarr_output(output: Path, scheduler: str | None) -> bool:
    """Whether the result goes into an OME-Zarr folder; a cluster can write nothing else."""
    if output.suffix.lower() == ".zarr":
        return True
    if scheduler is not None:
        raise UsageError(
            "With --scheduler, workers write blocks of one OME-Zarr folder: name it by --output, "
            "e.g. -o result.zarr."
        )
    return False


def only_image(images: Sequence[Path]) -> Path:
    """Return the image to split; refuse several."""
    if len(images) > 1:
        raise UsageError(
            f"{len(images)} images cannot go into one OME-Zarr folder: split them one by one, or "
            "name a folder by --output that does not end in .zarr."
        )
    return images[0]


def split_blocks(
    terminal: Terminal,
    model: Path,
    image: ImageFile,
    output: Path,
    settings: SplitSettings,
    *,
    region: PlaneRegion | None,
    resume: bool,
    scheduler: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Split one image of any size block by block; what is there already is gone on with.

    Raises
    ------
    typer.Exit
        The user has interrupted it.
    """
    from napari_denoisplit.jobs.slide.job import split_to_zarr_job  # imports torch

    job = split_to_zarr_job(
        model,
        image,
        output,
        settings,
        stop=terminal.stop,
        resume=resume,
        scheduler=scheduler,
        region=region,
        dry_run=dry_run,
    )
    if dry_run:
        say_forecast(terminal, job)
        return
    result = terminal.run(job, output.name)
    if as_json:
        typer.echo(json.dumps(_facts(result), indent=2))
    elif result.complete:
        typer.echo(str(output))
    if not result.complete:
        terminal.say(
            f"{result.n_done} of {result.n_blocks} blocks of {output} are there: run the same "
            "again to go on."
        )
        raise typer.Exit(INTERRUPTED)


def _facts(result: SlideSplit) -> dict[str, object]:
    """Outcome for other programs."""
    return {
        "result": str(result.path),
        "complete": result.complete,
        "blocks": result.n_blocks,
        "blocks_done": result.n_done,
        "sigma": "calibrated" if result.calibrated else "uncalibrated",
        "notes": list(result.notes),
    }
