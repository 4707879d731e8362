"""The command that splits images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from napari_denoisplit.cli.parts.files import AxesOption, SeriesOption
from napari_denoisplit.cli.parts.options import MORE, Choice, with_options
from napari_denoisplit.cli.parts.region import parse_region
from napari_denoisplit.cli.parts.terminal import Terminal
from napari_denoisplit.cli.split.blocks import (
    is_zarr_output,
    only_image,
    split_blocks,
)
from napari_denoisplit.cli.split.files import Taken, split_files
from napari_denoisplit.settings import SplitSettings

FOLDERS = "Folders"
"""Heading in the help over what concerns folders."""

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
RegionOption = Annotated[
    str | None,
    typer.Option(
        help="Part of every plane to split: Y0:Y1,X0:X1 in pixels, as in 100:300,50:250; an end "
        "that is left out reaches to the edge.",
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

    What it will take, in time, memory and disk, is said first; --dry-run ends there.

    With -o NAME.zarr one image of any size, on disk all the time, becomes an OME-Zarr folder with
    the images mmse and sigma, block by block. Run again after an interruption, it goes on where
    it was.

    With --region only a part is split, and gives what the split of the whole image has there.

    denoisplit split cells.denoisplit day1/*.tif -o results

    denoisplit split cells.denoisplit slide.ome.zarr -o slide_split.zarr

    denoisplit split cells.denoisplit day1 -o results --recursive
    """
    settings = SplitSettings(**chosen)
    part = None if region is None else parse_region(region)
    if not is_zarr_output(output, scheduler):
        split_files(
            Terminal(lists_results=not as_json),
            model,
            images,
            output,
            settings,
            Taken(channel, axes, series, part, pattern, recursive=recursive, again=again),
            dry_run=dry_run,
            as_json=as_json,
        )
        return
    from napari_denoisplit.images.files.image_file import ImageFile  # imports tifffile

    image = ImageFile(only_image(images), axes, series, channel)
    split_blocks(
        Terminal(),
        model,
        image,
        output,
        settings,
        region=part,
        resume=not again,
        scheduler=scheduler,
        dry_run=dry_run,
        as_json=as_json,
    )
