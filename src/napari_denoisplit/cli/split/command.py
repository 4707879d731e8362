"""The command that splits images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_denoisplit.cli.parts.files import check_folder, parse_region
from napari_denoisplit.cli.parts.options import (
    MORE,
    AxesOption,
    ChannelOption,
    Choice,
    JsonOption,
    ModelArgument,
    RegionOption,
    SeriesOption,
    with_options,
)
from napari_denoisplit.cli.parts.terminal import Terminal
from napari_denoisplit.cli.split.blocks import is_zarr_output, only_image, split_blocks
from napari_denoisplit.cli.split.files import in_words, list_items, split_files
from napari_denoisplit.settings import SplitSettings

if TYPE_CHECKING:
    from napari_denoisplit.jobs.batch.outcome import BatchResult

FOLDERS = "Folders"
"""Heading in the help over what concerns folders."""

ImagesArgument = Annotated[
    list[Path],
    typer.Argument(
        help="Images in which the structures lie together, or folders of such images.",
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
SchedulerOption = Annotated[
    str | None,
    typer.Option(
        help="Address of a dask.distributed scheduler whose workers split the blocks of an "
        "OME-Zarr result, e.g. tcp://node01:8786.",
        rich_help_panel=MORE,
    ),
]


DryRunOption = Annotated[
    bool,
    typer.Option("--dry-run", help="Print what it will take, memory and disk, and end."),
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
    region: RegionOption = None,
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

    The memory and disk that it will take are said first; --dry-run ends there.

    With -o NAME.zarr one image of any size, on disk all the time, becomes an OME-Zarr folder with
    the images mmse and sigma, block by block. Run again after an interruption, it goes on where
    it was.

    With --region only a part is split, and gives what the split of the whole image has there.

    denoisplit split cells.denoisplit day1/*.tif -o results

    denoisplit split cells.denoisplit slide.ome.zarr -o slide_split.zarr

    denoisplit split cells.denoisplit day1 -o results --recursive
    """
    settings = SplitSettings(**chosen)
    part = parse_region(region)
    terminal = Terminal(lists_results=not as_json)
    if is_zarr_output(output, scheduler):
        from napari_denoisplit.jobs.slide.job import (  # imports torch
            forecast_to_zarr_job,
            split_to_zarr_job,
        )

        image = only_image(images, axes, series, channel)
        given = model, image, output, settings
        how: dict[str, Any] = {"resume": not again, "scheduler": scheduler, "region": part}
        if dry_run:
            terminal.run_dry(forecast_to_zarr_job(*given, stop=terminal.stop, **how))
        else:
            blocks = split_to_zarr_job(*given, stop=terminal.stop, **how)
            split_blocks(terminal, blocks, output, as_json=as_json)
        return
    check_folder(output)
    items = list_items(images, output, pattern=pattern, recursive=recursive, region=part)
    folders = [path for path in images if path.is_dir()]
    if folders:
        terminal.say(in_words(items, folders))

    from napari_denoisplit.jobs.batch.job import batch_job  # imports torch
    from napari_denoisplit.jobs.batch.record import Reading

    files = batch_job(
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
        terminal.run_dry(files, _nothing_left)
    else:
        split_files(terminal, files, summary=len(items) > 1 or bool(folders), as_json=as_json)


def _nothing_left(result: BatchResult) -> str:
    """Say in place of a forecast that nothing is left to do."""
    return "" if result.with_status("waiting") else result.summary
