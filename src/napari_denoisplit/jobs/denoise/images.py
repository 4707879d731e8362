"""Denoise images with their axes and channels: a network for each channel."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import ImageError, JobError, TrainingError
from napari_denoisplit.events import changed
from napari_denoisplit.jobs.denoise.job import denoise_job
from napari_denoisplit.jobs.versions import versions
from napari_denoisplit.memory import free_memory, room_for
from napari_denoisplit.sealed_file import SUFFIX
from napari_denoisplit.wording import gib

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pydantic import JsonValue

    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.settings import DenoiseSettings
    from napari_denoisplit.verdict import Verdict


@dataclass(frozen=True, slots=True, eq=False)
class DenoisedImages:
    """Denoised images, with all that was known of the noisy ones."""

    images: tuple[Image, ...]
    """float32, with the axes, pixel size and channel names of the input; notes hold the verdicts.
    Planes that a stop left out are NaN."""
    verdicts: dict[str, Verdict]
    """By name of the channel; those that were begun."""
    stopped_early: bool
    provenance: dict[str, JsonValue]

    @property
    def summary(self) -> str:
        """The verdicts, one line for each channel."""
        several = len(self.verdicts) > 1
        lines = (f"{n}: {v.headline}" if several else v.headline for n, v in self.verdicts.items())
        return "\n".join(lines)

    @property
    def is_usable(self) -> bool:
        """Whether there is a channel that may be used."""
        return any(verdict.grade != "do not use" for verdict in self.verdicts.values())


def denoise_images_job(
    images: Sequence[Image],
    settings: DenoiseSettings,
    *,
    path: Path | None = None,
    resume: bool = False,
    stop: threading.Event | None = None,
) -> Job[StatusEvent, DenoisedImages]:
    """Denoise images of the same channels; each channel has a network that learns from all images.

    Parameters
    ----------
    images
        All with as many channels; other axes as they are.
    settings
        Budget of each channel, patches, device.
    path
        Model file of the network, applied if it exists and written otherwise; each of several
        channels has a file of its own, see `channel_path`. None keeps no network.
    resume
        Go on learning from the file, whose network is then replaced.
    stop
        When set in training, it is cleared, and the channel is denoised by its network as it is;
        channels that were not begun are left out. When set then, planes are left out, too.

    Yields
    ------
    Stage, Progress

    Returns
    -------
    DenoisedImages

    Raises
    ------
    ImageError
        There is no image, the numbers of channels differ, a channel is constant, or a pixel is
        not finite.
    JobError
        The result does not fit into memory.
    TrainingError
        Ten steps in a row were not finite, or it was stopped before the first of all.
    ModelFileError
        A model file is damaged, or holds no denoiser.
    """
    stop = stop or threading.Event()
    names = _channel_names(images)
    _check_room(images)
    results = [np.full(_channels_first(image).shape, np.nan, np.float32) for image in images]
    verdicts: dict[str, Verdict] = {}
    steps: dict[str, int] = {}
    stopped = False
    for channel, name in enumerate(names):
        if stopped:
            break
        views = [_channels_first(image).data[channel] for image in images]
        titles = [f"{image.name}, {name}" if len(names) > 1 else image.name for image in images]
        label = f"{name}: " if len(names) > 1 else ""
        job = denoise_job(
            views,
            settings,
            stop=stop,
            names=titles,
            channel=name,
            path=None if path is None else channel_path(path, names, channel),
            resume=resume,
        )
        try:
            done = yield from changed(job, partial(_labelled, label))
        except TrainingError:
            stopped = stop.is_set()
            if channel and stopped:
                break  # before the first step of this channel; those before it are done
            raise
        for result, denoised in zip(results, done.images, strict=True):
            result[channel] = denoised
        verdicts[name], steps[name] = done.verdict, done.n_steps
        stopped = done.stopped_early
    provenance: dict[str, JsonValue] = {
        "denoised by": "Noise2Void (Krull et al. 2019), U-Net after N2V2 (Höck et al. 2022)",
        "learned from": [str(image.source or image.name) for image in images],
        "settings": settings.model_dump(mode="json"),
        "steps": dict(steps),
        "verdicts": {name: verdict.headline for name, verdict in verdicts.items()},
        "stopped early": stopped,
        **versions(),
    }
    made = DenoisedImages((), verdicts, stopped, provenance)
    notes = tuple(made.summary.splitlines())
    pairs = zip(images, results, strict=True)
    return replace(made, images=tuple(_like(image, result, notes) for image, result in pairs))


def _labelled(label: str, event: StatusEvent) -> tuple[StatusEvent]:
    """Say in an event which channel it is of."""
    return (replace(event, text=label + event.text),)


def channel_path(path: Path, names: Sequence[str], channel: int) -> Path:
    """Model file of one channel: `path` itself for a lone one, else with its name.

    Names that a file cannot have, or that two channels share, are told by number.
    """
    if len(names) == 1:
        return path
    words = [re.sub(r"[^\w-]+", "_", name).strip("_") for name in names]
    is_plain = len(set(words)) == len(words) and all(words)
    word = words[channel] if is_plain else str(channel + 1)
    return path.with_name(f"{path.name.removesuffix(SUFFIX)}_{word}{SUFFIX}")


def _channel_names(images: Sequence[Image]) -> list[str]:
    """Name of each channel; refuse images that do not go together."""
    if not images:
        raise ImageError("There is no image to denoise: give at least one.")
    first = images[0]
    for image in images[1:]:
        if image.n_channels != first.n_channels:
            raise ImageError(
                f"{image.name!r} has {image.n_channels} channels, {first.name!r} "
                f"{first.n_channels}: denoise them in two runs."
            )
    # Names may repeat; numbers do not.
    if len(set(first.channel_names)) == first.n_channels:
        return list(first.channel_names)
    return [f"channel {number + 1}" for number in range(first.n_channels)]


def _channels_first(image: Image) -> Image:
    return image.transposed("C" + "".join(a for a in image.axes if a != "C"))


def _like(image: Image, result: NDArray[np.float32], notes: tuple[str, ...]) -> Image:
    """Put (C, ...) into the order of the axes of the input."""
    rest = "".join(axis for axis in image.axes if axis != "C")
    view: Any = result if "C" in image.axes else result[0]
    axes = "C" + rest if "C" in image.axes else rest
    data = view.transpose([axes.index(axis) for axis in image.axes])
    return replace(image, data=data, name=f"{image.name} denoised", notes=(*image.notes, *notes))


def _check_room(images: Sequence[Image]) -> None:
    """Refuse results that do not fit into memory, before minutes are spent on them."""
    # Twice, for the channel that is under way.
    needed, free = 2 * 4.0 * sum(prod(image.shape) for image in images), free_memory()
    if needed > room_for("results", free):
        raise JobError(
            f"The denoised images take {gib(needed)}, and {gib(free)} are free: "
            "denoise fewer images or planes at a time."
        )
