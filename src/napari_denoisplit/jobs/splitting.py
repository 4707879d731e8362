"""Split an image into its structures by posterior samples of a trained model."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_denoisplit.checkpoint import Model, load_model
from napari_denoisplit.errors import ImageError, JobError
from napari_denoisplit.events import PartDrawn, Progress, SampleDrawn, Stage
from napari_denoisplit.images.image import AXES, Image
from napari_denoisplit.jobs.memory import Retreat, free_memory, memory_for
from napari_denoisplit.measures.sigma import sigma_of
from napari_denoisplit.nn.compute import Compute, keep_freed_memory
from napari_denoisplit.nn.inference import folded
from napari_denoisplit.sampling.focus import planes_from, tiles_below, tiles_from
from napari_denoisplit.sampling.moments import Moments
from napari_denoisplit.sampling.posterior import Posterior, fitting_tile_size

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydantic import JsonValue

    from napari_denoisplit.events import Job
    from napari_denoisplit.images.normalization import Normalization
    from napari_denoisplit.sampling.focus import FocusSource
    from napari_denoisplit.sampling.tiles import Tile
    from napari_denoisplit.settings import SplitSettings

__all__ = ["Split", "planes_of", "split_job", "unlike_training"]

SHARE_FOR_RESULTS = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Outcome of a split."""

    mmse: Image
    """Mean of the samples: one channel per structure, other axes as in the input."""
    sigma: Image
    """Spread of the samples, image units, calibrated if the model is."""
    samples: NDArray[np.float32] | None
    """The kept samples, (K, ...) with the axes of `mmse` behind K; None if none was kept."""
    n_samples: int
    """Samples behind each plane of `mmse` that is complete, or behind the only one that was begun;
    0 after a stop before the first sample."""
    calibrated: bool
    stopped_early: bool
    """Planes that were not begun are NaN; the plane at which it stopped has fewer samples."""
    provenance: dict[str, JsonValue]
    notes: tuple[str, ...] = ()
    """What a user should know before trusting the result; each was also yielded as a Stage."""


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
            edge=max(view.shape[-2:]),
            network=model.header.network,
            overlap=settings.overlap,
        )
        self._network_on = lru_cache(maxsize=1)(partial(folded, model.network))
        names = model.header.channel_names
        shape = (len(names), *view.shape)  # (C, ..., Y, X)
        n_kept = min(settings.keep_samples, settings.n_samples)
        _check_room(shape, n_kept)
        self._mmse = np.full(shape, np.nan, np.float32)
        self._sigma = np.full(shape, np.nan, np.float32)
        self._samples = np.full((n_kept, *shape), np.nan, np.float32) if n_kept else None
        self._n_planes = int(np.prod(view.shape[:-2], dtype=int))
        self._drawn = 0
        self._most_in_plane = 0
        self._notes: list[str] = []
        self._start = time.monotonic()

    def _choose_tile_size(self, compute: Compute) -> int | None:
        s = self._settings
        if s.tile_size is not None:
            return s.tile_size
        memory = memory_for(s, compute.device)
        height, width = self._view.shape[-2:]
        network, dtype = self._model.header.network, compute.dtype
        return fitting_tile_size(network, dtype, height, width, overlap=s.overlap, memory=memory)

    def plane(self, index: tuple[int, ...]) -> Job[None]:
        """Draw every sample of one plane."""
        # A copy: torch wants memory it may write to, and a layer's pixels are not ours.
        pixels = np.array(self._view.data[index], dtype=np.float32)
        warning = self._check(pixels, index)
        if warning is not None and not self._notes:  # once: a long movie would repeat it
            self._notes.append(warning)
            yield Stage(warning)
        n_channels = len(self._model.header.channel_names)
        moments = Moments((n_channels, *pixels.shape), self._means.compute.device)
        yield from self._means.attempts(lambda: self._draw(index, pixels, moments))

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
        )
        sample = posterior.empty_sample()
        moments.to(compute.device)
        unread = set(posterior.tiles)
        for k in range(moments.n, self._settings.n_samples):
            for i, tile in enumerate(tiles_from(posterior.tiles, index, self._focus)):
                for below in tiles_below(posterior.tiles, tile) if unread else ():
                    if self._stop.is_set():
                        return
                    if below in unread:
                        posterior.encode(below)
                        unread.remove(below)
                if self._stop.is_set():
                    return
                posterior.draw(k, tile, sample)
                if k == 0 and len(posterior.tiles) > 1:
                    yield _part(index, tile, posterior.cropped(sample))
                yield self._progress(k, (i + 1) / len(posterior.tiles))
            moments.add(posterior.cropped(sample))
            self._drawn += 1
            self._most_in_plane = max(self._most_in_plane, k + 1)
            yield self._keep(index, k, posterior.cropped(sample), moments)

    def _check(self, pixels: NDArray[np.float32], index: tuple[int, ...]) -> str | None:
        """Refuse pixels that are not finite; warn of a plane unlike the training data."""
        bad = pixels.size - int(np.isfinite(pixels).sum())
        if bad:
            raise ImageError(
                f"{self._view.name!r} has {bad} pixels that are NaN or infinite"
                f"{f' in plane {index}' if index else ''}: replace them first."
            )
        return unlike_training(self._view.name, pixels, self._model.header.normalization)

    def _progress(self, k: int, of_sample: float) -> Progress:
        total = self._n_planes * self._settings.n_samples
        done = (self._drawn + of_sample) / total
        seconds = time.monotonic() - self._start
        text = f"sample {k + 1} of {self._settings.n_samples}"
        return Progress(min(done, 1.0), seconds * (1 - done) / done, text)

    def _keep(
        self, index: tuple[int, ...], k: int, drawn: torch.Tensor, moments: Moments
    ) -> SampleDrawn:
        """Store a sample and what the moments are now."""
        sample = drawn.cpu().numpy().copy()
        mmse = moments.mean.cpu().numpy().copy()
        sigma = sigma_of(moments.std.cpu().numpy(), self._model.header.calibration)
        place: tuple[slice | int, ...] = (slice(None), *index)
        self._mmse[place] = mmse
        self._sigma[place] = sigma
        if self._samples is not None and k < len(self._samples):
            self._samples[k][place] = sample
        return SampleDrawn(index, k, self._settings.n_samples, sample, mmse, sigma)

    def result(self, image: Image) -> Split:
        """Everything that was drawn, with the axes of the input."""
        axes = "C" + self._view.axes
        ordered = "".join(a for a in AXES if a in axes)
        order = [axes.index(a) for a in ordered]
        header = self._model.header

        def described(data: NDArray[np.float32], kind: str) -> Image:
            return Image(
                data.transpose(order),
                ordered,
                image.pixel_size,
                image.units,
                header.channel_names,
                f"{image.name} {kind}",
                image.source,
            )

        samples = self._samples
        if samples is not None:
            samples = samples.transpose([0, *(i + 1 for i in order)])
        return Split(
            mmse=described(self._mmse, "MMSE"),
            sigma=described(self._sigma, "sigma"),
            samples=samples,
            n_samples=self._most_in_plane,
            calibrated=header.calibration is not None,
            stopped_early=self._stop.is_set(),
            provenance=self._provenance(image),
            notes=(*self._notes, *self._means.notes),
        )

    def _provenance(self, image: Image) -> dict[str, Any]:
        path, calibration = self._model.path, self._model.header.calibration
        return {
            "model": path.name if path else None,
            "model_sha256": hashlib.sha256(path.read_bytes()).hexdigest() if path else None,
            "input": image.name,
            "source": str(image.source) if image.source else None,
            "settings": self._settings.model_dump(mode="json"),
            "samples_drawn": self._drawn,
            "tile_size": self._means.tile_size,
            "computed_on": str(self._means.compute),
            "calibration": calibration and calibration.brief(),
            "napari-denoisplit": version("napari-denoisplit"),
            "torch": str(torch.__version__),
        }


def _part(plane: tuple[int, ...], tile: Tile, sample: torch.Tensor) -> PartDrawn:
    """Cut a tile out of the first sample of a plane, (C, Y, X)."""
    height, width = sample.shape[-2:]
    y, x = ((a, min(b, n)) for (a, b), n in ((tile.inner_y, height), (tile.inner_x, width)))
    return PartDrawn(plane, 0, y, x, sample[:, slice(*y), slice(*x)].cpu().numpy().copy())


def _check_room(shape: tuple[int, ...], n_kept: int) -> None:
    """Refuse results that do not fit into memory, before hours are spent on them."""
    image = 4 * float(np.prod(shape))
    needed, free = (2 + n_kept) * image, free_memory(torch.device("cpu"))
    if needed > SHARE_FOR_RESULTS * free:
        raise JobError(
            f"MMSE, sigma and {n_kept} kept samples of {shape} pixels take "
            f"{needed / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are free: keep fewer samples "
            "(keep_samples), or split fewer planes at a time."
        )
