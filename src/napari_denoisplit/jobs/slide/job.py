"""Split an image of any size, block by block, to OME-Zarr; go on where it was after an end."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from napari_denoisplit.checkpoint import Model, load_model
from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import BlocksWritten, Progress, Stage
from napari_denoisplit.images.files.image_file import ImageFile
from napari_denoisplit.jobs.forecast.preflight import preflight_blocks
from napari_denoisplit.jobs.slide.blocks import OwnProcess
from napari_denoisplit.jobs.slide.plan import Begin, hash_of_image, look_at, make_plan
from napari_denoisplit.jobs.slide.store import SlideStore, blocks_from
from napari_denoisplit.jobs.split.job import planes_of, settings_for, unlike_training
from napari_denoisplit.nn.families import facts_of
from napari_denoisplit.sampling.cost import block_sizes, overlap_of
from napari_denoisplit.wording import duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import JsonValue

    from napari_denoisplit.events import Job, SlideEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.plane_region import PlaneRegion
    from napari_denoisplit.jobs.forecast.words import Preflight
    from napari_denoisplit.jobs.slide.blocks import BlockWorkers
    from napari_denoisplit.sampling.focus import FocusSource
    from napari_denoisplit.settings import SplitSettings


@dataclass(frozen=True, slots=True)
class SlideSplit:
    """Outcome of a split to disk."""

    path: Path
    """The folder; its images `mmse` and `sigma` are OME-Zarr images by themselves."""
    n_blocks: int
    n_done: int
    """Blocks that are written, by this run and those before."""
    complete: bool
    """Whether all is there, the coarser levels for display included."""
    calibrated: bool
    notes: tuple[str, ...] = ()
    """What a user should know before trusting the result; each was also yielded as a Stage."""


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
    dry_run: bool = False,
) -> Job[SlideEvent, SlideSplit]:
    """Split every plane of an image block by block, and write each block when it is done.

    Memory does not depend on the size of the image. A run that was stopped or killed goes on
    where it was when the same is started again, and gives the same result.

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
        When set, the job ends after the current tile and keeps every complete block.
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
        Part of every plane to split; None is all of it. The result is that part of the split of
        the whole, up to what lies beyond the overlap, and knows where it lies.
    dry_run
        Whether to end when it is told what the blocks that are left will take; nothing is written.

    Yields
    ------
    Stage, Progress
    BlocksWritten
        Once when the result is there, with the blocks of earlier runs, then after each new block.

    Returns
    -------
    SlideSplit

    Raises
    ------
    ImageError
        The image has several channels or pixels that are not finite; the region lies beyond it; or
        the folder is in the way.
    ModelFileError
        The model file cannot be used.
    JobError
        The result that is there was begun with something else; memory does not suffice even for
        the smallest tiles; or the cluster is not there.
    """
    stop = stop or threading.Event()
    if isinstance(model, Path):
        yield Stage(f"Loading {model.name}")
    loaded = load_model(model) if isinstance(model, Path) else model
    opened = image.open() if isinstance(image, ImageFile) else image
    view = planes_of(opened)
    region = None if region is None else region.within(view)
    _refuse_own_input(opened, path)
    settings, note = settings_for(settings, facts_of(loaded.header.network, torch.float32))
    if note is not None:
        yield Stage(note)
    workers: BlockWorkers
    if scheduler is None:
        workers = OwnProcess(loaded, view, settings)
    else:
        from napari_denoisplit.jobs.slide.cluster import Cluster  # an optional library

        workers = yield from Cluster.reach(scheduler, model, image, settings, stop)
    with workers:
        begin = Begin(path, resume=resume, numbered=numbered)
        work = _Order(loaded, view, region, settings, note)
        return (yield from _split(workers, work, begin, stop, focus, dry_run=dry_run))


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be done."""

    model: Model
    view: Image
    """The superposition without a channel axis."""
    region: PlaneRegion | None
    """Part of every plane, its ends closed; None is all of it."""
    settings: SplitSettings
    note: str | None
    """What a user should know of the network."""


def _split(
    workers: BlockWorkers,
    work: _Order,
    begin: Begin,
    stop: threading.Event,
    focus: FocusSource | None,
    *,
    dry_run: bool,
) -> Job[SlideEvent, SlideSplit]:
    """Plan, let the workers split what is missing, and make the coarser levels."""
    model, view, settings = work.model, work.view, work.settings
    notes = [] if work.note is None else [work.note]
    windows = look_at(view)
    seen = np.concatenate([window.ravel() for window in windows])
    warning = unlike_training(view.name, seen, model.header.normalization)
    if warning is not None:
        notes.append(warning)
        yield Stage(warning)
    image_hash = hash_of_image(view, windows)

    def plan_after(before: Mapping[str, JsonValue] | None) -> dict[str, JsonValue]:
        facts = facts_of(model.header.network, workers.compute.dtype)
        if before is None:
            sizes = block_sizes(facts, settings, workers.compute.device, workers.memory)
        else:
            sizes = (
                settings.block_size or cast("int", before["block_size"]),
                settings.tile_size or cast("int | None", before["tile_size"]),
            )
        overlap, computed_on = overlap_of(settings, facts), str(workers.compute)
        return make_plan(model, image_hash, settings, computed_on, sizes, overlap, work.region)

    store, plan, path = begin.open(plan_after)
    sizes = (cast("int", plan["block_size"]), cast("int | None", plan["tile_size"]))
    left = None if store is None else store.missing()
    told = _preflight(work, workers, sizes, None if left is None else len(left))
    yield Stage(_forecast(told, path, workers))
    if dry_run:
        calibrated = model.header.calibration is not None
        complete = store is not None and store.complete
        return SlideSplit(path, told.n_blocks, told.n_there, complete, calibrated, tuple(notes))
    if store is None:
        store = _create(path, work, plan)
    missing = range(len(store.regions)) if left is None else left
    missing = blocks_from(store, missing, None if focus is None else focus())
    there = set(range(len(store.regions))).difference(missing)
    yield BlocksWritten(path, tuple(sorted(there)))
    meter = Meter(len(store.regions), len(missing))
    notes += yield from _blocks(workers, store, missing, sizes, meter, stop)
    if not stop.is_set() and not store.complete:
        yield Stage("Making the coarser levels for display")
        for share in store.finishing():
            yield Progress(share, None, "coarser levels")
            if stop.is_set():
                break
    return SlideSplit(
        path,
        n_blocks=len(store.regions),
        n_done=len(store.regions) - len(store.missing()),
        complete=store.complete,
        calibrated=model.header.calibration is not None,
        notes=tuple(notes),
    )


def _blocks(
    workers: BlockWorkers,
    store: SlideStore,
    missing: list[int],
    sizes: tuple[int, int | None],
    meter: Meter,
    stop: threading.Event,
) -> Job[SlideEvent, list[str]]:
    """Split what is missing; return what the workers have to say."""
    work = workers.split(store, missing, sizes, stop)
    announced = False
    waiting = deque(missing)
    while True:
        try:
            step = next(work)
        except StopIteration as done:
            yield from _written(store, waiting)
            notes: list[str] = done.value
            return notes
        if isinstance(step, Stage):
            yield step
            continue
        if step > len(missing) - len(waiting):
            yield from _written(store, waiting)
        progress = meter.progress(step)
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


def _create(path: Path, work: _Order, plan: dict[str, JsonValue]) -> SlideStore:
    model, view, settings = work.model, work.view, work.settings
    source, calibration = model.path, model.header.calibration
    provenance: dict[str, JsonValue] = {
        "model_file": source.name if source else None,
        "input": view.name,
        "source": str(view.source) if view.source else None,
        "settings": settings.model_dump(mode="json"),
        "sigma": "uncalibrated" if calibration is None else "calibrated",
        "calibration": None if calibration is None else calibration.brief(),
        "napari-denoisplit": version("napari-denoisplit"),
        "torch": str(torch.__version__),
    }
    return SlideStore.create(
        path,
        view if work.region is None else work.region.cut(view),
        model.header.channel_names,
        block_size=cast("int", plan["block_size"]),
        n_kept=cast("int", plan["kept_samples"]),
        with_sigma=settings.n_samples > 1,
        plan=plan,
        provenance=provenance,
    )


def _refuse_own_input(image: Image, path: Path) -> None:
    """Refuse to write over the image that is split."""
    if image.source is None:
        return
    source, target = image.source.resolve(), path.resolve()
    if source == target or target in source.parents or source in target.parents:
        raise ImageError(f"{path} is the image to split, or lies in it: choose another name.")


def _preflight(
    work: _Order, workers: BlockWorkers, sizes: tuple[int, int | None], n_missing: int | None
) -> Preflight:
    """Tell what the blocks that are missing take; None is all of them."""
    return preflight_blocks(
        facts_of(work.model.header.network, workers.compute.dtype),
        work.view.shape,
        work.settings,
        workers.compute,
        sizes,
        n_missing=n_missing,
        region=work.region,
    )


def _forecast(told: Preflight, path: Path, workers: BlockWorkers) -> str:
    """Say what is going to happen, and the time, memory and disk it takes."""
    if told.n_there == told.n_blocks:
        if told.n_blocks == 1:
            return f"The only block of {path.name} is there"
        return f"All {told.n_blocks} blocks of {path.name} are there"
    begin = f"Splitting into {path.name}"
    if isinstance(workers, OwnProcess):
        return f"{begin}: {told.sentence}"
    return f"{begin} on {workers}: {told.needs}"


class Meter:
    """Progress from the number of blocks done.

    Parameters
    ----------
    n_blocks, n_missing
        Of the whole image, and those to be done in this run.
    """

    def __init__(self, n_blocks: int, n_missing: int) -> None:
        self._n_blocks, self._n_missing = n_blocks, n_missing
        self._start = time.monotonic()

    def progress(self, done: float) -> Progress:
        """Progress after `done` blocks of this run."""
        seconds = time.monotonic() - self._start
        before = self._n_blocks - self._n_missing
        left = seconds * (self._n_missing - done) / done if done else None
        text = f"block {min(int(before + done) + 1, self._n_blocks)} of {self._n_blocks}"
        return Progress((before + done) / self._n_blocks, left, text)
