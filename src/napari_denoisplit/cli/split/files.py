"""Results of `denoisplit split` as files, one image after the other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from napari_denoisplit.cli.parts.errors import FAILED, UsageError
from napari_denoisplit.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_denoisplit.cli.parts.terminal import Terminal
    from napari_denoisplit.events import BatchEvent, Job
    from napari_denoisplit.images.plane_region import PlaneRegion
    from napari_denoisplit.jobs.batch.items import BatchItem
    from napari_denoisplit.jobs.batch.outcome import BatchResult

_REPEATED = 20  # failures that are said again in the end, where a long list has scrolled away


def list_items(
    paths: Sequence[Path],
    output: Path,
    *,
    pattern: str,
    recursive: bool,
    region: PlaneRegion | None,
) -> tuple[BatchItem, ...]:
    """List what is to be split; what cannot be listed was asked for wrongly."""
    from napari_denoisplit.jobs.batch.items import find_items, refuse_overwriting

    try:
        items = find_items(paths, pattern=pattern, recursive=recursive, region=region)
        refuse_overwriting(items, output)
    except ImageError as error:
        raise UsageError(str(error)) from error
    return items


def in_words(items: Sequence[BatchItem], folders: Sequence[Path]) -> str:
    """Say how many images folders hold."""
    number = "1 image" if len(items) == 1 else f"{len(items)} images"
    return f"{number} in {', '.join(map(str, folders))}"


def split_files(
    terminal: Terminal, job: Job[BatchEvent, BatchResult], *, summary: bool, as_json: bool
) -> None:
    """Split images; what cannot be split does not keep the others from it.

    Parameters
    ----------
    terminal, job
        The batch, and where it reports.
    summary
        Whether to sum up in the end what has become of the images; it is said anyway of some
        that were done before.
    as_json
        Whether to print that for other programs.

    Raises
    ------
    typer.Exit
        An image could not be split, or the user has interrupted it.
    """
    result = terminal.run(job)
    if as_json:
        typer.echo(json.dumps(_facts(result), indent=2))
    if summary or result.with_status("skipped"):
        _say_summary(terminal, result)
    terminal.end(FAILED if result.with_status("failed") else 0)


def _say_summary(terminal: Terminal, result: BatchResult) -> None:
    failed = result.with_status("failed")
    if len(result.files) > _REPEATED:
        for file in failed[:_REPEATED]:
            terminal.say(f"failed: {file.path}: {file.message}")
        if len(failed) > _REPEATED:
            terminal.say(f"... and {len(failed) - _REPEATED} more")
    terminal.say(result.summary)
    if result.with_status("skipped"):
        terminal.say("Those done before were left as they are. --again splits them anew.")
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
