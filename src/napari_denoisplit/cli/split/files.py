"""What `denoisplit split` does when the results are files, one image after the other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from napari_denoisplit.cli.parts.errors import FAILED, INTERRUPTED, UsageError
from napari_denoisplit.cli.parts.split_forecast import say_forecast
from napari_denoisplit.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_denoisplit.cli.parts.terminal import Terminal
    from napari_denoisplit.images.plane_region import PlaneRegion
    from napari_denoisplit.jobs.batch.items import BatchItem
    from napari_denoisplit.jobs.batch.outcome import BatchResult
    from napari_denoisplit.settings import SplitSettings

_REPEATED = 20  # failures that are said again in the end, where a long list has scrolled away


@dataclass(frozen=True, slots=True)
class Taken:
    """Which files are taken, and what of each."""

    channel: str | None
    axes: str | None
    series: int | None
    region: PlaneRegion | None
    pattern: str
    """Of the files of a folder."""
    recursive: bool
    again: bool
    """Whether files of a folder are split that have their results already."""


def split_files(
    terminal: Terminal,
    model: Path,
    images: Sequence[Path],
    output: Path,
    settings: SplitSettings,
    taken: Taken,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Split images and folders of them; what cannot be split does not keep the others from it.

    Raises
    ------
    typer.Exit
        An image could not be split, or the user has interrupted it.
    UsageError
        There is nothing to split, or the results cannot go where they should.
    """
    if output.exists() and not output.is_dir():
        raise UsageError(f"--output {output} is a file: name a folder for the results.")
    folders = [path for path in images if path.is_dir()]
    items = _items(images, output, taken)
    if folders:
        number = "1 image" if len(items) == 1 else f"{len(items)} images"
        terminal.say(f"{number} in {', '.join(map(str, folders))}")

    from napari_denoisplit.jobs.batch.job import batch_job  # imports torch
    from napari_denoisplit.jobs.batch.record import Reading

    job = batch_job(
        model,
        items,
        settings,
        output=output,
        reading=Reading(taken.channel, taken.axes, taken.series),
        skip_done=bool(folders) and not taken.again,
        keep_log=bool(folders),
        dry_run=dry_run,
        stop=terminal.stop,
    )
    if dry_run:
        # Where nothing is left to do, there is no forecast.
        say_forecast(
            terminal, job, lambda result: "" if result.with_status("waiting") else result.summary
        )
        return
    result = terminal.run(job)
    if as_json:
        typer.echo(json.dumps(_facts(result), indent=2))
    if len(items) > 1 or folders:
        _say_summary(terminal, result)
    if terminal.interrupted:
        raise typer.Exit(INTERRUPTED)
    if result.with_status("failed"):
        raise typer.Exit(FAILED)


def _items(paths: Sequence[Path], output: Path, taken: Taken) -> tuple[BatchItem, ...]:
    """List what is to be split; what cannot be listed was asked for wrongly."""
    from napari_denoisplit.jobs.batch.items import find_items, refuse_overwriting

    try:
        items = find_items(
            paths, pattern=taken.pattern, recursive=taken.recursive, region=taken.region
        )
        refuse_overwriting(items, output)
    except ImageError as error:
        raise UsageError(str(error)) from error
    return items


def _say_summary(terminal: Terminal, result: BatchResult) -> None:
    failed = result.with_status("failed")
    if len(result.files) > _REPEATED:
        for file in failed[:_REPEATED]:
            terminal.say(f"failed: {file.path}: {file.message}")
        if len(failed) > _REPEATED:
            terminal.say(f"... and {len(failed) - _REPEATED} more")
    terminal.say(result.summary)
    if result.with_status("skipped"):
        terminal.say("Those done before were left as they are; --again splits them anew.")
    if result.log is not None:
        terminal.say(f"What has become of each image: {result.log}")


def _facts(result: BatchResult) -> dict[str, Any]:
    """Return what has become of each image, for other programs."""
    return {
        "summary": result.summary,
        "seconds": round(result.seconds, 3),
        "stopped_early": result.stopped_early,
        "log": None if result.log is None else str(result.log),
        "files": [
            {
                "path": str(file.path),
                "status": file.status,
                "results": [str(output) for output in file.outputs],
                "seconds": round(file.seconds, 3),
                "message": file.message,
            }
            for file in result.files
        ],
    }
