"""The background part of a split in memory: what its layers need before the window does."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.events import Event, PartDrawn, SampleDrawn, Stage
from napari_denoisplit.images.image import AXES
from napari_denoisplit.widgets.choosers.images import SplitInput, single_channel
from napari_denoisplit.widgets.layers.results import contrast_limits

if TYPE_CHECKING:
    import threading
    from collections.abc import Generator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import ModelHeader
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.jobs.split.job import Split
    from napari_denoisplit.sampling.focus import FocusSource
    from napari_denoisplit.settings import SplitSettings

__all__ = ["ImageRead", "LimitsFound", "RoomMade", "split_input"]


@dataclass(frozen=True, slots=True, eq=False)
class ImageRead:
    """The image to be split is known, one channel of it."""

    image: Image
    contrast_limits: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class RoomMade:
    """There is memory for what is shown while samples are drawn."""

    arrays: Mapping[str, NDArray[np.float32]]
    """'MMSE' and 'sigma', (C, T, Z, Y, X) without the missing axes; NaN, which is transparent."""


@dataclass(frozen=True, slots=True)
class LimitsFound:
    """The split has ended, and its display limits are known."""

    limits: Mapping[str, tuple[float, float]]
    """By the number of the channel and the kind, e.g. '0 MMSE'."""


def split_input(
    chosen: SplitInput,
    model: Path,
    header: ModelHeader,
    settings: SplitSettings,
    stop: threading.Event,
    *,
    focus: FocusSource | None = None,
) -> Generator[Event | ImageRead | RoomMade | LimitsFound, None, Split]:
    """Read one image and split it, what is in focus first."""
    # Not at the top: torch is paid for when a split is asked for, in the background.
    from napari_denoisplit.images.files.reading import read_image

    image = chosen.image
    if image is None and chosen.path is not None:
        yield Stage(f"Reading {chosen.name}")
        image = read_image(chosen.path)
    if image is None:
        raise TypeError("an input has neither pixels nor a file")
    weights = header.mix.channel_weights(header.network.n_channels)
    single = single_channel(image, chosen.channel, weights)
    first = np.asarray(single.data[(0,) * (len(single.axes) - 2)], dtype=np.float32)
    yield ImageRead(single, contrast_limits(first))
    yield Stage("Loading the network")
    from napari_denoisplit.jobs.forecast.pace import learn
    from napari_denoisplit.jobs.split.job import split_job

    began = time.monotonic()
    job = split_job(model, single, settings, stop=stop, focus=focus)
    split = yield from _with_room(job, single, len(header.channel_names))
    if not split.stopped_early:
        learn(model, single, settings, time.monotonic() - began, notes=split.notes)
    if split.n_samples:
        yield LimitsFound(_limits(split))
    return split


def _with_room(
    job: Generator[Event, None, Split], image: Image, n_channels: int
) -> Generator[Event | RoomMade, None, Split]:
    """Make room for the layers when there is something to show.

    By then the job has looked whether memory suffices.
    """
    has_room = False
    while True:
        try:
            event = next(job)
        except StopIteration as end:
            split: Split = end.value
            return split
        if not has_room and isinstance(event, SampleDrawn | PartDrawn):
            shape = (n_channels, *(image.size(axis) for axis in AXES if axis in image.axes))
            yield RoomMade({kind: np.full(shape, np.nan, np.float32) for kind in ("MMSE", "sigma")})
            has_room = True
        yield event


def _limits(split: Split) -> dict[str, tuple[float, float]]:
    axis = split.mmse.axes.index("C")
    kinds = {"MMSE": np.moveaxis(split.mmse.data, axis, 0)}
    if split.n_samples > 1:
        kinds["sigma"] = np.moveaxis(split.sigma.data, axis, 0)
    if split.samples is not None:
        kinds["samples"] = np.moveaxis(split.samples[: split.n_samples], 1 + axis, 0)
    return {
        f"{channel} {kind}": contrast_limits(pixels)
        for kind, channels in kinds.items()
        for channel, pixels in enumerate(channels)
    }
