"""Split an image into its structures by posterior samples of a trained model."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from functools import cached_property, lru_cache, partial
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.errors import JobError
from napari_denoisplit.events import PartDrawn, Progress, Stage
from napari_denoisplit.giving_up import finished
from napari_denoisplit.images.results.record import name_of_pixels
from napari_denoisplit.jobs.recording.job import UNKNOWN, recording_job
from napari_denoisplit.jobs.split.input import (
    as_recorded,
    frame_of,
    model_of,
    planes_of,
    settings_for,
    unlike_training,
)
from napari_denoisplit.jobs.split.memory import MemoryFallback
from napari_denoisplit.jobs.split.results import SplitResults
from napari_denoisplit.nn.compute import Compute, is_out_of_memory, keep_freed_memory
from napari_denoisplit.nn.families import facts_of, sampler_of
from napari_denoisplit.nn.sampler import multiply_adds
from napari_denoisplit.sampling.blocks import Block
from napari_denoisplit.sampling.border import read_bordered
from napari_denoisplit.sampling.cost import (
    bytes_in_work,
    fitting_batch,
    fitting_tile,
    memory_for,
    overlap_of,
)
from napari_denoisplit.sampling.focus import planes_from, tiles_below, tiles_from
from napari_denoisplit.sampling.moments import Moments
from napari_denoisplit.sampling.posterior import Posterior
from napari_denoisplit.sampling.sample_count import Precision, samples_needed
from napari_denoisplit.wording import duration, gib

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import Job, SplitEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.plane_region import PlaneRegion
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.jobs.recording.job import Recording
    from napari_denoisplit.sampling.focus import FocusSource
    from napari_denoisplit.sampling.frame import Frame
    from napari_denoisplit.sampling.tiles import Tile
    from napari_denoisplit.settings import SplitSettings

WORTH_A_LINE = 10.0
"""Seconds; less is over before it is read."""


def split_job(
    model: Model | Path,
    image: Image,
    settings: SplitSettings,
    *,
    stop: threading.Event | None = None,
    focus: FocusSource | None = None,
    region: PlaneRegion | None = None,
) -> Job[SplitEvent, Split]:
    """Split every plane of an image, or a part of every plane.

    Each plane is encoded once; then one sample of the whole plane after the other is drawn, so
    that the first picture is there after 1/K of the time.

    Parameters
    ----------
    model
        A model, or the file that holds one.
    image
        The superposition: no channel axis, or one of size 1. T and Z planes are split one by one.
    settings
        Samples, tiles, device.
    stop
        When set, the sample under way is given up; the job ends and keeps every complete one.
    focus
        Says what is in view, asked before each plane and sample: planes and tiles there come
        first. The result does not depend on it.
    region
        Part of every plane to split; None is all of it. The result is that part of the split of
        the whole, up to what lies beyond its context, which is the overlap of the tiles; only that
        much is read. With a target error, the part is judged by itself.

    Yields
    ------
    Stage, Progress, SampleDrawn, and PartDrawn where a plane is cut into tiles

    Returns
    -------
    Split

    Raises
    ------
    ImageError
        The image has several channels, or pixels that are not finite; or the region lies beyond.
    ModelFileError
        The model file cannot be used.
    JobError
        The results do not fit into memory, or the device is not there.
    """
    stop = stop or threading.Event()
    planes_of(image)  # raises before the model is loaded
    model = yield from model_of(model)
    region = None if region is None else region.within(planes_of(image))
    compute = Compute.choose(settings.device, settings.precision)
    model.network.to(compute.device).eval()
    recording = (yield from recording_job(model, planes_of(image), settings, stop)) or UNKNOWN
    model, view = as_recorded(model, image, recording.acquisition)
    settings, note = settings_for(settings, facts_of(model.header.network, compute.dtype))
    if note is not None:
        yield Stage(note)
    part = "" if region is None else f", {region},"
    yield Stage(f"Splitting {image.name}{part} on {compute}")
    taken = planes_of(image) if region is None else region.cut(planes_of(image))
    pixels = name_of_pixels(taken.data)  # now: a file may be gone in the end
    work = _PlaneByPlane(model, settings, compute, view, region, stop, focus, recording, pixels)
    work.notes += [note] if note is not None else []
    with keep_freed_memory():
        for index in planes_from(product(*map(range, view.shape[:-2])), focus):
            if stop.is_set():
                break
            yield from work.plane(index)
    yield from work.closing()
    return work.result(image)


class _PlaneByPlane:
    """Results of the planes so far, and what is needed for the next."""

    def __init__(
        self,
        model: Model,
        settings: SplitSettings,
        compute: Compute,
        view: Image,
        region: PlaneRegion | None,
        stop: threading.Event,
        focus: FocusSource | None,
        recording: Recording,
        pixels: str,
    ) -> None:
        self._model, self._settings, self._recording = model, settings, recording
        self._view, self._stop, self._focus = view, stop, focus
        self._region = region
        facts = facts_of(model.header.network, compute.dtype)
        self._multiple, self._overlap = facts.multiple, overlap_of(settings, facts)
        self._frame = frame_of(view.shape, region, self._overlap, self._multiple)
        self._means = MemoryFallback(
            compute,
            self._choose_tile_size,
            edge=max(self._frame.read_shape),
            facts=facts,
            overlap=self._overlap,
        )
        self._network_on = lru_cache(maxsize=1)(partial(sampler_of, model.network))
        self._results = SplitResults(model, self._part(view), settings, pixels)
        self._facts = facts
        self._precision = Precision(settings)
        self._n_planes = self._results.n_drawn.size
        self._planes_done, self._share_done = 0, 0.0
        self.notes = list(recording.notes)
        self._compared = recording.looked
        self._start = time.monotonic()
        self._told_time = False

    @cached_property
    def _encoding(self) -> float:
        """What encoding costs, in samples."""
        encoding, drawing = multiply_adds(self._model.network, self._facts)
        return encoding / max(drawing, 1.0)

    def _choose_tile_size(self, compute: Compute) -> int | None:
        if self._settings.tile_size is not None:
            return self._settings.tile_size
        facts = facts_of(self._model.header.network, compute.dtype)
        memory = memory_for(self._settings, compute.device)
        return fitting_tile(facts, self._frame.read_shape, self._overlap, memory)

    def _part(self, image: Image) -> Image:
        """Return what is split of an image."""
        return image if self._region is None else self._region.cut(image)

    def plane(self, index: tuple[int, ...]) -> Job[SplitEvent, None]:
        """Draw every sample of one plane."""
        frame = self._frame
        pixels = self._read(index)
        name = self._view.name if self._region is None else f"{self._view.name}, {self._region},"
        seen = frame.cropped(pixels)
        if not self._compared:
            warning = unlike_training(name, seen, self._model.header.normalization)
            if warning is not None:
                self._compared = True  # said once, not for each plane
                self.notes.append(warning)
                yield Stage(warning)
        moments = self._moments()
        yield from self._means.attempts(lambda: self._draw(index, pixels, moments))
        self._planes_done += 1
        if not self._stop.is_set():
            self._precision.take(moments)

    def _moments(self) -> Moments:
        """Make room for what is known of a plane."""
        shape = (len(self._model.header.channel_names), *self._frame.shape)
        try:
            return Moments(shape, self._means.compute.device, antithetic=self._settings.antithetic)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            needed = gib(bytes_in_work(shape, self._settings))
            raise JobError(
                f"Out of memory: a plane of {self._frame.shape[0]} x {self._frame.shape[1]} pixels "
                f"takes {needed} while it is sampled. Split it to disk, block by block (in the "
                "widget by 'Results', on the command line by -o NAME.zarr)."
            ) from error

    def _draw(
        self, index: tuple[int, ...], pixels: NDArray[np.float32], moments: Moments
    ) -> Job[SplitEvent, None]:
        """Draw the samples of a plane that are not in its moments yet, from what was read of it."""
        compute, frame = self._means.compute, self._frame
        number = int(np.ravel_multi_index(index, self._view.shape[:-2])) if index else 0
        posterior = Posterior(
            self._network_on(compute),
            self._model.header.normalization,
            pixels,
            tile_size=self._means.tile_size,
            overlap=self._overlap,
            seed=self._settings.seed,
            plane_index=number,
            antithetic=self._settings.antithetic,
            eightfold=self._settings.eightfold,
            origin=frame.origin,
        )
        grid = frame.tiles(self._means.tile_size, self._overlap, self._multiple)
        room = posterior.empty_samples(1 if len(grid) > 1 else self._batch())
        moments.to(compute.device)
        unread = set(posterior.tiles)
        while (k := moments.n) < (needed := samples_needed(moments, self._settings)):
            samples = room[: self._settings.n_samples - k]  # (B, C, Y, X)
            tiles = tiles_from(grid, index, self._focus, frame.offset)
            for i, tile in enumerate(tiles):
                for below in tiles_below(posterior.tiles, tile) if unread else ():
                    if below in unread:
                        if not finished(self._stop, posterior.encode, below):
                            return
                        unread.remove(below)
                if not finished(self._stop, posterior.draw, k, tile, samples):
                    return
                if k == 0 and len(tiles) > 1:
                    yield from _part(index, tile, frame, samples[0])
                drawn = k + len(samples) * (i + 1) / len(tiles)
                yield self._progress(k, drawn, needed)
            yield from self._announced()
            for sample in frame.cropped(samples):
                moments.add(sample)
                yield self._results.keep(index, sample, moments)
                # What was drawn along and is not needed is left out: a batch changes nothing.
                if self._stop.is_set() or moments.n >= samples_needed(moments, self._settings):
                    break

    def _batch(self) -> int:
        """Choose how many samples to draw at once where a plane is not cut."""
        compute = self._means.compute
        facts = facts_of(self._model.header.network, compute.dtype)
        memory = memory_for(self._settings, compute.device)
        at_once = fitting_batch(facts, compute.device, self._frame.read_shape, memory)
        return min(at_once, self._settings.n_samples)

    def _read(self, index: tuple[int, ...]) -> NDArray[np.float32]:
        """Read what is needed of a plane, its border included."""
        f, where = self._frame, str(Block(index, self._frame.y, self._frame.x))
        return read_bordered(self._view, index, f.rows, f.columns, self._multiple, where)

    def _progress(self, k: int, drawn: float, needed: int) -> Progress:
        """Tell how far it is when `drawn` of the samples that a plane is thought to need are."""
        # Encoding counts as the samples that it costs: so the first tells how long all will take.
        share = (self._encoding + min(drawn, needed)) / (self._encoding + needed)
        share = (self._planes_done + share) / self._n_planes
        self._share_done = max(share, self._share_done)  # what is needed may change
        about = "about " if needed < self._settings.n_samples else ""
        text = f"answer {k + 1} of {about}{needed}"
        return Progress(self._share_done, self._seconds_left, text)

    @property
    def _seconds_left(self) -> float:
        return (time.monotonic() - self._start) * (1 - self._share_done) / self._share_done

    def _announced(self) -> Iterator[Stage]:
        """Say after the first sample how long the others will take, if that is worth a line."""
        if not self._told_time and self._seconds_left > WORTH_A_LINE:
            yield Stage(f"All answers will take about {duration(self._seconds_left)}")
        self._told_time = True

    def closing(self) -> Job[Stage, None]:
        """Say how precise it has become, and whether it holds what is no number."""
        bad = self._results.not_finite
        for note in [*self._precision.notes(), *([bad] if bad else [])]:
            self.notes.append(note)
            yield Stage(note)

    def result(self, image: Image) -> Split:
        """Everything that was drawn, with the axes of the input."""
        notes = (*self.notes, *self._means.notes)
        split = self._results.split(
            self._part(image), self._means, notes, stopped_early=self._stop.is_set()
        )
        region = None if self._region is None else str(self._region)
        more = {"region": region, **self._recording.record}
        return replace(split, provenance={**split.provenance, **more})


def _part(
    plane: tuple[int, ...], tile: Tile, frame: Frame, sample: torch.Tensor
) -> Iterator[PartDrawn]:
    """Cut a tile out of the first sample of a plane, (C, Y, X) of what is read, if it shows any."""
    y, x = frame.shown(tile)
    if y[0] < y[1] and x[0] < x[1]:
        part = frame.cropped(sample)[:, slice(*y), slice(*x)]
        yield PartDrawn(plane, 0, y, x, part.cpu().numpy().copy())
