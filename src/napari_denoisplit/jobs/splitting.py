"""Split an image into its structures by posterior samples of a trained model."""

from __future__ import annotations

import threading
import time
from functools import lru_cache, partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.checkpoint import Model, load_model
from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import PartDrawn, Progress, Stage
from napari_denoisplit.images.image import AXES, Image
from napari_denoisplit.jobs.memory import Retreat, memory_for
from napari_denoisplit.jobs.split_results import Split, SplitResults
from napari_denoisplit.nn.compute import Compute, keep_freed_memory
from napari_denoisplit.nn.inference import folded
from napari_denoisplit.sampling.border import bordered
from napari_denoisplit.sampling.focus import planes_from, tiles_below, tiles_from
from napari_denoisplit.sampling.moments import Moments
from napari_denoisplit.sampling.posterior import Posterior, fitting_batch, fitting_tile_size
from napari_denoisplit.sampling.sample_count import Precision, samples_needed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from numpy.typing import NDArray

    from napari_denoisplit.events import Job
    from napari_denoisplit.images.normalization import Normalization
    from napari_denoisplit.sampling.focus import FocusSource
    from napari_denoisplit.sampling.tiles import Tile
    from napari_denoisplit.settings import SplitSettings

__all__ = ["Split", "planes_of", "split_job", "unlike_training"]


def split_job(
    model: Model | Path,
    image: Image,
    settings: SplitSettings,
    *,
    stop: threading.Event | None = None,
    focus: FocusSource | None = None,
) -> Job[Split]:
    """Split every plane of an image.

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
        When set, the job ends after the current tile and keeps every complete sample.
    focus
        Says what is in view, asked before each plane and sample: planes and tiles there come
        first. The result does not depend on it.

    Yields
    ------
    Stage, Progress, SampleDrawn, and PartDrawn where a plane is cut into tiles

    Returns
    -------
    Split

    Raises
    ------
    ImageError
        The image has several channels, or pixels that are not finite.
    ModelFileError
        The model file cannot be used.
    JobError
        The results do not fit into memory, or the device is not there.
    """
    stop = stop or threading.Event()
    view = planes_of(image)
    if isinstance(model, Path):
        yield Stage(f"Loading {model.name}")
        model = load_model(model)
    compute = Compute.choose(settings.device, settings.precision)
    model.network.to(compute.device).eval()
    yield Stage(f"Splitting {image.name} on {compute}")
    work = _Work(model, settings, compute, view, stop, focus)
    with keep_freed_memory():
        for index in planes_from(product(*map(range, view.shape[:-2])), focus):
            yield from work.plane(index)
            if stop.is_set():
                break
    yield from work.closing()
    return work.result(image)


def planes_of(image: Image) -> Image:
    """Return a superposition without its channel axis; refuse one with several channels."""
    if image.n_channels > 1:
        raise ImageError(
            f"{image.name!r} has {image.n_channels} channels; a model splits one superposed image. "
            "Select the channel that holds the superposition, or sum the channels first."
        )
    return image.transposed("".join(a for a in AXES if a in image.axes and a != "C"))


def unlike_training(
    name: str, pixels: NDArray[np.float32], normalization: Normalization
) -> str | None:
    """Warning about an image whose pixels are far from what the model was trained on."""
    n = normalization
    mean, std = float(pixels.mean()), float(pixels.std())
    if abs(mean - n.input_mean) < 3 * n.input_std and 1 / 3 < std / n.input_std < 3:
        return None
    return (
        f"{name} has mean {mean:.4g} and standard deviation {std:.4g}, the model was trained on "
        f"{n.input_mean:.4g} and {n.input_std:.4g}: the split may be wrong"
    )


class _Work:
    """Results of the planes so far, and what is needed for the next."""

    def __init__(
        self,
        model: Model,
        settings: SplitSettings,
        compute: Compute,
        view: Image,
        stop: threading.Event,
        focus: FocusSource | None,
    ) -> None:
        self._model, self._settings = model, settings
        self._view, self._stop, self._focus = view, stop, focus
        self._means = Retreat(
            compute,
            self._choose_tile_size,
            edge=max(self._bordered()),
            network=model.header.network,
            overlap=settings.overlap,
        )
        self._network_on = lru_cache(maxsize=1)(partial(folded, model.network))
        self._results = SplitResults(model, view, settings)
        self._precision = Precision(settings)
        self._n_planes = self._results.n_drawn.size
        self._planes_done, self._share_done = 0, 0.0
        self._notes: list[str] = []
        self._start = time.monotonic()

    def _choose_tile_size(self, compute: Compute) -> int | None:
        s = self._settings
        if s.tile_size is not None:
            return s.tile_size
        memory = memory_for(s, compute.device)
        height, width = self._bordered()
        network, dtype = self._model.header.network, compute.dtype
        return fitting_tile_size(network, dtype, height, width, overlap=s.overlap, memory=memory)

    def _bordered(self) -> tuple[int, int]:
        """Rows and columns that are computed of a plane."""
        height, width = (bordered(n, self._model.network.multiple) for n in self._view.shape[-2:])
        return height, width

    def plane(self, index: tuple[int, ...]) -> Job[None]:
        """Draw every sample of one plane."""
        # A copy: torch wants memory it may write to, and a layer's pixels are not ours.
        pixels = np.array(self._view.data[index], dtype=np.float32)
        warning = self._check(pixels, index)
        if warning is not None and not self._notes:  # once: a long movie would repeat it
            self._notes.append(warning)
            yield Stage(warning)
        n_channels = len(self._model.header.channel_names)
        moments = Moments(
            (n_channels, *pixels.shape),
            self._means.compute.device,
            antithetic=self._settings.antithetic,
        )
        yield from self._means.attempts(lambda: self._draw(index, pixels, moments))
        self._planes_done += 1
        if not self._stop.is_set():
            self._precision.take(moments)

    def _draw(
        self, index: tuple[int, ...], pixels: NDArray[np.float32], moments: Moments
    ) -> Job[None]:
        """Draw the samples of a plane that are not in its moments yet."""
        compute = self._means.compute
        number = int(np.ravel_multi_index(index, self._view.shape[:-2])) if index else 0
        posterior = Posterior(
            self._network_on(compute),
            self._model.header.normalization,
            pixels,
            tile_size=self._means.tile_size,
            overlap=self._settings.overlap,
            seed=self._settings.seed,
            plane_index=number,
            antithetic=self._settings.antithetic,
        )
        room = posterior.empty_samples(self._batch(posterior))
        moments.to(compute.device)
        unread = set(posterior.tiles)
        while (k := moments.n) < (needed := samples_needed(moments, self._settings)):
            samples = room[: self._settings.n_samples - k]  # (B, C, Y, X)
            tiles = tiles_from(posterior.tiles, index, self._focus, posterior.border)
            for i, tile in enumerate(tiles):
                for below in tiles_below(posterior.tiles, tile) if unread else ():
                    if self._stop.is_set():
                        return
                    if below in unread:
                        posterior.encode(below)
                        unread.remove(below)
                if self._stop.is_set():
                    return
                posterior.draw(k, tile, samples)
                if k == 0 and len(tiles) > 1:
                    yield from _part(index, tile, posterior, samples[0])
                drawn = k + len(samples) * (i + 1) / len(tiles)
                yield self._progress(k, drawn, needed)
            for sample in posterior.cropped(samples):
                moments.add(sample)
                yield self._results.keep(index, sample, moments)
                # What was drawn along and is not needed is left out: a batch changes nothing.
                if self._stop.is_set() or moments.n >= samples_needed(moments, self._settings):
                    break

    def _batch(self, posterior: Posterior) -> int:
        """Choose how many samples to draw at once."""
        if len(posterior.tiles) > 1:
            return 1
        compute, (height, width) = self._means.compute, posterior.shape
        memory = memory_for(self._settings, compute.device)
        network = self._model.header.network
        at_once = fitting_batch(network, compute, height, width, memory=memory)
        return min(at_once, self._settings.n_samples)

    def _check(self, pixels: NDArray[np.float32], index: tuple[int, ...]) -> str | None:
        """Refuse pixels that are not finite; warn of a plane unlike the training data."""
        bad = pixels.size - int(np.isfinite(pixels).sum())
        if bad:
            raise ImageError(
                f"{self._view.name!r} has {bad} pixels that are NaN or infinite"
                f"{f' in plane {index}' if index else ''}: replace them first."
            )
        return unlike_training(self._view.name, pixels, self._model.header.normalization)

    def _progress(self, k: int, drawn: float, needed: int) -> Progress:
        """Tell how far it is when `drawn` of the samples that a plane is thought to need are."""
        share = (self._planes_done + min(drawn / needed, 1.0)) / self._n_planes
        self._share_done = done = max(share, self._share_done)  # what is needed may change
        seconds = time.monotonic() - self._start
        about = "about " if needed < self._settings.n_samples else ""
        return Progress(done, seconds * (1 - done) / done, f"sample {k + 1} of {about}{needed}")

    def closing(self) -> Job[None]:
        """Say how precise it has become."""
        for note in self._precision.notes():
            self._notes.append(note)
            yield Stage(note)

    def result(self, image: Image) -> Split:
        """Everything that was drawn, with the axes of the input."""
        notes = (*self._notes, *self._means.notes)
        return self._results.split(image, self._means, notes, stopped_early=self._stop.is_set())


def _part(
    plane: tuple[int, ...], tile: Tile, posterior: Posterior, sample: torch.Tensor
) -> Iterator[PartDrawn]:
    """Cut a tile out of the first sample of a plane, (C, Y, X) with the border, if it shows any."""
    sizes = (posterior.height, posterior.width)
    y, x = (
        (max(a - posterior.border, 0), min(b - posterior.border, n))
        for (a, b), n in zip((tile.inner_y, tile.inner_x), sizes, strict=True)
    )
    if y[0] < y[1] and x[0] < x[1]:
        part = posterior.cropped(sample)[:, slice(*y), slice(*x)]
        yield PartDrawn(plane, 0, y, x, part.cpu().numpy().copy())
