"""The command that splits images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_denoisplit.cli.errors import FAILED, INTERRUPTED, UsageError
from napari_denoisplit.cli.files import AxesOption, SeriesOption
from napari_denoisplit.cli.options import MORE, Choice, with_options
from napari_denoisplit.cli.split_blocks import (
    is_zarr_output,
    only_image,
    say_what_blocks_take,
    split_blocks,
)
from napari_denoisplit.cli.terminal import Terminal
from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import Stage, run
from napari_denoisplit.settings import SplitSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.events import Job
    from napari_denoisplit.jobs.batch import BatchResult
    from napari_denoisplit.jobs.batch_items import BatchItem

__all__ = ["split"]

FOLDERS = "Folders"
"""Heading in the help over what concerns folders."""
_REPEATED = 20  # failures that are said again in the end, where a long list has scrolled away


ModelArgument = Annotated[
    Path, typer.Argument(help="Model file (*.denoisplit).", show_default=False)
]
ImagesArgument = Annotated[
    list[Path],
    typer.Argument(
        help="Images in which the structures lie together, or folders of such images.",
        show_default=False,
    ),
]
OutputOption = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        help="Folder for the results; or NAME.zarr for one image of any size, as OME-Zarr.",
    ),
]
ChannelOption = Annotated[
    str | None,
    typer.Option(
        help="Channel to split, of images that have several: its name, or its number from 1.",
        show_default=False,
    ),
]
PatternOption = Annotated[
    str,
    typer.Option(
        help="Which files to take from a folder, e.g. 'cell*.tif'.", rich_help_panel=FOLDERS
    ),
]
RecursiveOption = Annotated[
    bool,
    typer.Option(
        "--recursive",
        "-r",
        help="Take images from sub-folders, too; results keep them.",
        rich_help_panel=FOLDERS,
    ),
]
AgainOption = Annotated[
    bool,
    typer.Option(
        "--again",
        help="Split images of a folder even if their results are there already, and begin "
        "an OME-Zarr result anew.",
        rich_help_panel=FOLDERS,
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option("--json", help="Print what has become of each image as JSON in the end."),
]
SchedulerOption = Annotated[
    str | None,
    typer.Option(
        help="Address of a dask.distributed scheduler whose workers split the blocks of an "
        "OME-Zarr result, e.g. tcp://node01:8786.",
        rich_help_panel=MORE,
        show_default=False,
    ),
]


DryRunOption = Annotated[
    bool,
    typer.Option("--dry-run", help="Only print what it will take: time, memory, disk; then end."),
]


@with_options(
    Choice(SplitSettings, "n_samples", ("--samples", "-n")),
    Choice(SplitSettings, "target_error"),
    Choice(
        SplitSettings,
        "keep_samples",
        default=0,
        note="Each becomes a file in the folder <name>_samples.",
    ),
    Choice(SplitSettings, "device"),
    Choice(SplitSettings, "seed"),
    *(
        Choice(SplitSettings, field, panel=MORE)
        for field in ("antithetic", "tile_size", "overlap", "memory_gib", "block_size", "precision")
    ),
)
def split(
    model: ModelArgument,
    images: ImagesArgument,
    output: OutputOption = Path("split"),
    channel: ChannelOption = None,
    pattern: PatternOption = "*",
    recursive: RecursiveOption = False,
    again: AgainOption = False,
    as_json: JsonOption = False,
    dry_run: DryRunOption = False,
    scheduler: SchedulerOption = None,
    axes: AxesOption = None,
    series: SeriesOption = None,
    **chosen: Any,
) -> None:
    """Split images into denoised images of their structures.

    Of every image NAME this writes NAME_mmse.ome.tif, the best estimate of each structure, and
    NAME_sigma.ome.tif, its uncertainty in the same unit (from 2 samples on); both have one
    channel per structure. Results of an earlier run are replaced. An image that cannot be split
    is reported, and the others are split nevertheless. Ctrl-C keeps what is done.

    Of a folder every image is split that does not have the same results already: from the same
    file, by the same model, with the same settings and version. A table of what has become of
    each image, batch.csv, lies beside the results.

    What it will take, in time, memory and disk, is said first; --dry-run ends there.

    With -o NAME.zarr one image of any size, on disk all the time, becomes an OME-Zarr folder with
    the images mmse and sigma, block by block. Run again after an interruption, it goes on where
    it was.

    denoisplit split cells.denoisplit day1/*.tif -o results

    denoisplit split cells.denoisplit slide.ome.zarr -o slide_split.zarr

    denoisplit split cells.denoisplit day1 -o results --recursive
    """
    settings = SplitSettings(**chosen)
    if is_zarr_output(output, scheduler):
        from napari_denoisplit.images.image_file import ImageFile  # imports tifffile

        image = ImageFile(only_image(images), axes, series, channel)
        if dry_run:
            say_what_blocks_take(model, image, settings)
            return
        split_blocks(
            Terminal(),
            model,
            image,
            output,
            settings,
            resume=not again,
            scheduler=scheduler,
            as_json=as_json,
        )
        return
    if output.exists() and not output.is_dir():
        raise UsageError(f"--output {output} is a file: name a folder for the results.")
    folders = [path for path in images if path.is_dir()]
    items = _items(images, pattern, recursive, output)
    terminal = Terminal(lists_results=not as_json)
    if folders:
        terminal.say(f"{len(items)} images in {', '.join(map(str, folders))}")

    from napari_denoisplit.jobs.batch import batch_job  # imports torch
    from napari_denoisplit.jobs.batch_record import Reading

    job = batch_job(
        model,
        items,
        settings,
        output=output,
        reading=Reading(channel, axes, series),
        skip_done=bool(folders) and not again,
        keep_log=bool(folders),
        dry_run=dry_run,
        stop=terminal.stop,
    )
    if dry_run:
        _say_forecast(job)
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


def _items(
    paths: Sequence[Path], pattern: str, recursive: bool, output: Path
) -> tuple[BatchItem, ...]:
    """List what is to be split; what cannot be listed was asked for wrongly."""
    from napari_denoisplit.jobs.batch_items import find_items, refuse_overwriting

    try:
        items = find_items(paths, pattern=pattern, recursive=recursive)
        refuse_overwriting(items, output)
    except ImageError as error:
        raise UsageError(str(error)) from error
    return items


def _say_forecast(job: Job[BatchResult]) -> None:
    """Print what a batch would take, or that nothing is left to do."""
    said = []
    result = run(job, lambda event: said.append(event.text) if isinstance(event, Stage) else None)
    typer.echo(said[-1] if result.with_status("waiting") else result.summary)


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
