"""Split folders, and images larger than memory, as plain functions."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from napari_denoisplit.api.arguments import checked_image, model_or_path
from napari_denoisplit.api.docstrings import documented_by
from napari_denoisplit.api.images import region_of
from napari_denoisplit.events import ignore, run
from napari_denoisplit.settings import (
    SplitSettings,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import BatchEvent, SlideEvent
    from napari_denoisplit.images.files.image_file import ImageFile
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.jobs.batch.outcome import BatchResult


@documented_by("jobs.batch.job", "batch_job")
def split_folder(
    model: Model | str | PathLike[str],
    folder: str | PathLike[str] | Iterable[str | PathLike[str]],
    output: str | PathLike[str],
    settings: SplitSettings | None = None,
    *,
    pattern: str = "*",
    recursive: bool = False,
    channel: str | None = None,
    region: tuple[slice, slice] | None = None,
    again: bool = False,
    on_event: Callable[[BatchEvent], None] = ignore,
) -> BatchResult:
    """Split every image of a folder and write the results as OME-TIFF files.

    A file that cannot be split is reported in the result, and the others are split nevertheless. A
    file that has the same results already, by their own record, is skipped.

    Parameters
    ----------
    folder
        Folder with images; or several folders and files.
    output
        Folder of the results, and of the table ``batch.csv`` of what has become of each file.
        Nothing in it that a split has made is taken for an image.
    settings
        The same for every file; None takes every default, but keeps no samples.
    pattern
        Which files to take, e.g. ``"cell*.tif"``.
    recursive
        Whether to take images from sub-folders, too; results keep the sub-folders.
    channel
        Channel to split of images that have several: its name, or its number from 1.
    again
        Whether to split files whose results are there already.

    Returns
    -------
    What has become of each file.

    Raises
    ------
    ImageError
        There is no image in the folder, or two would have the same results.
    ModelFileError
        The model file is damaged or foreign.
    JobError
        The results cannot be written: the folder is protected, or the disk is full.
    """
    from napari_denoisplit.jobs.batch.items import find_items
    from napari_denoisplit.jobs.batch.job import batch_job  # imports torch
    from napari_denoisplit.jobs.batch.record import Reading

    places = [folder] if isinstance(folder, (str, PathLike)) else folder
    paths, part = [Path(place) for place in places], region_of(region)
    job = batch_job(
        model_or_path(model),
        find_items(paths, pattern=pattern, recursive=recursive, region=part),
        settings or SplitSettings(keep_samples=0),
        output=Path(output),
        reading=Reading(channel),
        skip_done=not again,
    )
    return run(job, on_event)


@documented_by("jobs.slide.job", "split_to_zarr_job")
def split_to_zarr(
    model: Model | str | PathLike[str],
    image: Image | ImageFile,
    path: str | PathLike[str],
    settings: SplitSettings | None = None,
    *,
    region: tuple[slice, slice] | None = None,
    resume: bool = True,
    scheduler: str | None = None,
    on_event: Callable[[SlideEvent], None] = ignore,
) -> Split:
    """Split an image of any size block by block into an OME-Zarr folder.

    Memory does not depend on the size of the image. A run that was interrupted or killed goes on
    where it was when the same is started again, and gives the same result.

    Parameters
    ----------
    path
        Folder with the results, as the images ``mmse``, ``sigma`` and ``samples/000`` ...
    settings
        Samples, blocks, tiles, device; None takes every default, but keeps no samples.

    Returns
    -------
    The result, opened lazily: `path` is its folder, `stopped_early` says whether a part of it is
    missing.
    """
    from napari_denoisplit.jobs.slide.job import split_to_zarr_job  # imports torch

    job = split_to_zarr_job(
        model_or_path(model),
        checked_image(image),
        Path(path),
        settings or SplitSettings(keep_samples=0),
        resume=resume,
        scheduler=scheduler,
        region=region_of(region),
    )
    return run(job, on_event)
