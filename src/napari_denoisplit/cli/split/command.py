"""The command that splits images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_denoisplit.cli.parts.files import check_folder, parse_region
from napari_denoisplit.cli.parts.options import Series, with_settings
from napari_denoisplit.cli.parts.terminal import Terminal
from napari_denoisplit.cli.split.blocks import is_zarr_output, only_image, split_blocks
from napari_denoisplit.cli.split.files import in_words, list_items, split_files
from napari_denoisplit.settings import SplitSettings

if TYPE_CHECKING:
    from napari_denoisplit.jobs.batch.outcome import BatchResult


@with_settings(
    SplitSettings,
    "n_samples target_error keep_samples device seed antithetic eightfold grey_levels tile_size "
    "overlap memory_gib block_size precision",
    keep_samples=0,
)
def split(
    model: Path,
    images: list[Path],
    *,
    output: Path = Path("split"),
    channel: str | None = None,
    region: str | None = None,
    pattern: str = "*",
    recursive: bool = False,
    again: bool = False,
    as_json: bool = False,
    dry_run: bool = False,
    scheduler: str | None = None,
    axes: str | None = None,
    series: Series = None,
    **chosen: Any,
) -> None:
    """Split images into denoised images of their structures.

    Of every image NAME this writes NAME_mmse.ome.tif, the best estimate of each structure, and
    NAME_sigma.ome.tif, its uncertainty in the same unit (from 2 samples on); both have one
    channel per structure. An image that cannot be split is reported, and the others are split
    nevertheless. Ctrl-C keeps what is done.

    An image that has the same results already, from the same file, by the same model, with the
    same settings and version, is left as it is; other results of it are replaced, and that is
    said. A result of another image is never replaced, unless --again asks for it. Of folders a
    table of what has become of each image, batch.csv, lies beside the results.

    The memory and disk that it will take are said first; --dry-run ends there.

    With -o NAME.zarr one image of any size, on disk all the time, becomes an OME-Zarr folder with
    the images mmse and sigma, block by block. Run again after an interruption, it goes on where
    it was.

    With --region only a part is split, and gives what the split of the whole image has there.

    denoisplit split cells.denoisplit day1/*.tif -o results

    denoisplit split cells.denoisplit slide.ome.zarr -o slide_split.zarr

    denoisplit split cells.denoisplit day1 -o results --recursive

    Parameters
    ----------
    images
        Images in which the structures lie together, or folders of such images.
    output
        Folder for the results; or NAME.zarr for one image of any size, as OME-Zarr.
    pattern
        Which files to take from a folder, e.g. 'cell*.tif'.
    recursive
        Take images from sub-folders, too; results keep them.
    again
        Split images even if their results are there already, replace results of other images, and
        begin an OME-Zarr result anew.
    dry_run
        Print what it will take, memory and disk, and end.
    scheduler
        Address of a dask.distributed scheduler whose workers split the blocks of an OME-Zarr
        result, e.g. tcp://node01:8786.
    keep_samples
        Each becomes a file in the folder <name>_samples.
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
        skip_done=not again,
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
