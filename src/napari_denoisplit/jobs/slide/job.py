"""Split an image of any size, block by block, to OME-Zarr; go on where it was after an end."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from napari_denoisplit.errors import JobError
from napari_denoisplit.events import BlocksWritten, Count, Progress, Stage
from napari_denoisplit.images.files.image_file import ImageFile
from napari_denoisplit.images.results.record import make_record, name_of_pixels
from napari_denoisplit.images.results.zarr_folder import open_zarr_folder
from napari_denoisplit.jobs.lock import locked
from napari_denoisplit.jobs.preflight import preflight_blocks
from napari_denoisplit.jobs.recording.job import recording_job
from napari_denoisplit.jobs.slide.blocks import OwnProcess
from napari_denoisplit.jobs.slide.plan import (
    begun_with,
    find_place,
    hash_of_image,
    look_at,
    make_plan,
    refuse_own_input,
)
from napari_denoisplit.jobs.slide.store import SlideStore, blocks_from, sizes_of
from napari_denoisplit.jobs.split.input import (
    as_recorded,
    model_of,
    planes_of,
    settings_for,
    unlike_training,
)
from napari_denoisplit.nn.compute import Compute
from napari_denoisplit.nn.families import facts_of
from napari_denoisplit.sampling.cost import block_sizes, overlap_of
from napari_denoisplit.wording import duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pydantic import JsonValue

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import Job, SlideEvent, StatusEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.plane_region import PlaneRegion
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.jobs.preflight import Preflight
    from napari_denoisplit.jobs.recording.job import Recording
    from napari_denoisplit.jobs.slide.blocks import BlockWorkers
    from napari_denoisplit.sampling.focus import FocusSource
    from napari_denoisplit.settings import SplitSettings


def split_to_zarr_job(
    model: Model | Path,
    image: Image | ImageFile,
    path: Path,
    settings: SplitSettings,
    *,
    stop: threading.Event | None = None,
    resume: bool = True,
    numbered: bool = False,
    scheduler: str | None = None,
    focus: FocusSource | None = None,
    region: PlaneRegion | None = None,
) -> Job[SlideEvent, Split]:
    """Split every plane of an image block by block, and write each block when it is done.

    Memory does not depend on the size of the image. A run that was stopped or killed goes on where
    it was when the same is started again, and gives the same result.

    Parameters
    ----------
    model
        A model, or the file that holds one.
    image
        The superposition, or its file: no channel axis, or one of size 1.
    path
        Folder for the result, `SlideStore` says what is in it.
    settings
        Samples, blocks, tiles, device.
    stop
        When set, the sample under way is given up; the job ends and keeps every complete block and
        sample.
    resume
        Whether a result that is there is gone on with; otherwise it is replaced.
    numbered
        Whether the name gets a number where it is taken by a result that was begun with something
        else, or by another folder; otherwise that is refused.
    scheduler
        Address of a scheduler of dask.distributed whose workers do the blocks; model and image
        are then files that every worker can read, and `path` a folder that it can write to.
    focus
        Says what is in view when the blocks begin: those are done first.
    region
        Part of every plane to split; None is all of it. The result knows where it lies.

    Yields
    ------
    Stage, Progress
    BlocksWritten
        Once when the result is there, with the blocks of earlier runs, then after each new block.

    Returns
    -------
    Split
        Opened lazily; `SlideStore` of its path tells how much of it is there.

    Raises
    ------
    ImageError
        Several channels, pixels that are not finite, a region beyond it, or a folder in the way.
    ModelFileError
        The model file cannot be used.
    JobError
        The result that is there was begun with something else, or another run writes it; memory
        does not suffice even for the smallest tiles; or the cluster is not there.
    """
    stop = stop or threading.Event()
    inputs = yield from _reached(
        model, image, path, settings, region, scheduler, stop, resume=resume
    )
    with inputs.workers:
        planned = yield from _planned(inputs, path, resume=resume, numbered=numbered)
        with locked(planned.path):
            return (yield from _split(inputs, planned, stop, focus))


def forecast_to_zarr_job(
    model: Model | Path,
    image: Image | ImageFile,
    path: Path,
    settings: SplitSettings,
    *,
    stop: threading.Event | None = None,
    resume: bool = True,
    scheduler: str | None = None,
    region: PlaneRegion | None = None,
) -> Job[StatusEvent, None]:
    """Tell what the blocks that are left will take; nothing is written.

    Parameters, events and errors as of `split_to_zarr_job`; the last Stage is the forecast.
    """
    stop = stop or threading.Event()
    inputs = yield from _reached(
        model, image, path, settings, region, scheduler, stop, resume=resume
    )
    with inputs.workers:
        yield from _planned(inputs, path, resume=resume, numbered=False)


def _reached(
    model: Model | Path,
    image: Image | ImageFile,
    path: Path,
    settings: SplitSettings,
    region: PlaneRegion | None,
    scheduler: str | None,
    stop: threading.Event,
    *,
    resume: bool,
) -> Job[StatusEvent, _Inputs]:
    """Open model and image, look at it, and reach who splits."""
    loaded = yield from model_of(model)
    opened = image.open() if isinstance(image, ImageFile) else image
    region = None if region is None else region.within(planes_of(opened))
    refuse_own_input(opened, path)
    settings, note = settings_for(settings, facts_of(loaded.header.network, torch.float32))
    if note is not None:
        yield Stage(note)
    known = settings
    if settings.acquisition is None and resume:  # what was estimated is not estimated again
        known = settings.model_copy(update={"acquisition": begun_with(path)})
    loaded.network.to(Compute.choose(settings.device, settings.precision).device)
    recording = yield from recording_job(loaded, planes_of(opened), known, stop)
    if recording is None:  # a result that was begun with a guess would go on with it
        raise JobError(f"Stopped before a block of {path.name} was begun.")
    loaded, view = as_recorded(loaded, opened, recording.acquisition)
    workers: BlockWorkers
    if scheduler is None:
        workers = OwnProcess(loaded, view, settings)
    else:
        from napari_denoisplit.jobs.slide.cluster import Cluster  # an optional library

        known = settings.model_copy(update={"acquisition": recording.acquisition})
        workers = yield from Cluster.reach(scheduler, model, image, known, stop)
    return _Inputs(workers, loaded, view, planes_of(opened), region, settings, note, recording)


@dataclass(frozen=True, slots=True)
class _Inputs:
    """What a split to disk is made of, opened: model, image, settings, and who splits blocks."""

    workers: BlockWorkers
    model: Model
    view: Image
    """The superposition without a channel axis, less its background."""
    image: Image  # as it was given
    region: PlaneRegion | None
    """Part of every plane, its ends closed; None is all of it."""
    settings: SplitSettings
    note: str | None
    """What a user should know of the network."""
    recording: Recording


@dataclass(frozen=True, slots=True)
class _Planned:
    """Where the result goes, and what is there of it."""

    path: Path
    plan: dict[str, JsonValue]
    store: SlideStore | None
    """None where nothing is there yet."""
    left: list[int] | None
    """Numbers of the blocks that are missing; None: all."""
    notes: tuple[str, ...]


def _planned(
    inputs: _Inputs, path: Path, *, resume: bool, numbered: bool
) -> Job[StatusEvent, _Planned]:
    """Plan, and tell what it takes."""
    workers, model, view, settings = inputs.workers, inputs.model, inputs.view, inputs.settings
    facts = facts_of(model.header.network, workers.compute.dtype)
    windows = look_at(view)
    seen = np.concatenate([window.ravel() for window in windows])
    looked = inputs.recording.looked
    warning = None if looked else unlike_training(view.name, seen, model.header.normalization)
    if warning is not None:
        yield Stage(warning)
    image_hash = hash_of_image(view, windows)

    def plan_after(before: Mapping[str, JsonValue] | None) -> dict[str, JsonValue]:
        """Make the plan; with the sizes of the one before, if there is one."""
        if before is None:
            sizes = block_sizes(facts, settings, workers.compute.device, workers.memory)
        else:
            edge, tile_size = sizes_of(before)
            sizes = settings.block_size or edge, settings.tile_size or tile_size
        overlap, computed_on = overlap_of(settings, facts), str(workers.compute)
        known = settings.model_copy(update={"acquisition": inputs.recording.acquisition})
        return make_plan(model, image_hash, known, computed_on, sizes, overlap, inputs.region)

    store, plan, path = find_place(path, plan_after, resume=resume, numbered=numbered)
    left = None if store is None else store.missing()
    needs = preflight_blocks(
        facts,
        view.shape,
        settings,
        workers.compute,
        sizes_of(plan),
        n_missing=None if left is None else len(left),
        region=inputs.region,
    )
    yield Stage(_forecast(needs, path, workers))
    notes = tuple(note for note in (inputs.note, *inputs.recording.notes, warning) if note)
    return _Planned(path, plan, store, left, notes)


def _split(
    inputs: _Inputs, planned: _Planned, stop: threading.Event, focus: FocusSource | None
) -> Job[SlideEvent, Split]:
    """Let the workers split what is missing, and make the coarser levels."""
    store = planned.store or _create(planned.path, inputs, planned.plan)
    missing = range(len(store.regions)) if planned.left is None else planned.left
    missing = blocks_from(store, missing, None if focus is None else focus())
    yield BlocksWritten(store.path, tuple(sorted(set(range(len(store.regions))) - set(missing))))
    notes = yield from _blocks(inputs.workers, store, missing, stop)
    if not stop.is_set() and not store.complete:
        yield Stage("Making the coarser levels for display")
        for share in store.finishing():
            yield Progress(share, None, "coarser levels")
            if stop.is_set():
                break
    return replace(open_zarr_folder(store.path), notes=(*planned.notes, *notes))


def _blocks(
    workers: BlockWorkers, store: SlideStore, missing: list[int], stop: threading.Event
) -> Job[SlideEvent, list[str]]:
    """Split what is missing; return what the workers have to say."""
    work = workers.split(store, missing, stop)
    count = Count("block", len(store.regions), len(store.regions) - len(missing))
    announced, waiting = False, deque(missing)
    while True:
        try:
            step = next(work)
        except StopIteration as done:
            yield from _written(store, waiting)
            return list(done.value)
        if isinstance(step, Stage):
            yield step
            continue
        if step > len(missing) - len(waiting):
            yield from _written(store, waiting)
        progress = count.progress(step)
        if step >= 1 and not announced and progress.seconds_left:
            announced = True
            yield Stage(f"All blocks will take about {duration(progress.seconds_left)}")
        yield progress


def _written(store: SlideStore, waiting: deque[int]) -> Iterator[BlocksWritten]:
    """Take blocks that have come to be there off the front of the queue, and say so."""
    new = []
    while waiting and store.done(store.regions[waiting[0]]):
        new.append(waiting.popleft())
    if new:
        yield BlocksWritten(store.path, tuple(new))


def _create(path: Path, inputs: _Inputs, plan: dict[str, JsonValue]) -> SlideStore:
    model, view, settings = inputs.model, inputs.image, inputs.settings
    part = view if inputs.region is None else inputs.region.cut(view)
    provenance = make_record(
        view,
        settings,
        model.header.calibration,
        model.path,
        input_pixels=name_of_pixels(part.data),
        **inputs.recording.record,
    )
    return SlideStore.create(
        path,
        part,
        model.header.channel_names,
        block_size=sizes_of(plan)[0],
        n_kept=cast("int", plan["kept_samples"]),
        with_sigma=settings.n_samples > 1,
        plan=plan,
        provenance=provenance,
    )


def _forecast(needs: Preflight, path: Path, workers: BlockWorkers) -> str:
    """Say what is going to happen, and the memory and disk it takes."""
    if needs.n_there == needs.n_blocks:
        return f"All of {path.name} is there"
    if isinstance(workers, OwnProcess):
        return f"Splitting into {path.name}: {needs.sentence}"
    return f"Splitting into {path.name} on {workers}: {needs.needs}"
