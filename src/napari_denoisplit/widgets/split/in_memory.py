"""Layers that show a result in memory, updated in place while it is refined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.events import PartDrawn, SampleDrawn, Stage, changed
from napari_denoisplit.images.image import AXES
from napari_denoisplit.widgets.choosers.chosen import ChosenImage, read_all, single_channel
from napari_denoisplit.widgets.layers.place import SAMPLE
from napari_denoisplit.widgets.layers.results import ResultLayers, contrast_limits

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import ModelHeader
    from napari_denoisplit.events import Job, SplitEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.sampling.focus import FocusSource
    from napari_denoisplit.settings import SplitSettings
    from napari_denoisplit.widgets.layers.place import Place, ViewerRef


class SplitLayers(ResultLayers):
    """A result in memory, see `ResultLayers` for the parameters."""

    pause_ms = 100
    """At least, between two times that samples are shown."""

    def __init__(
        self,
        viewer: ViewerRef,
        image: Image,
        place: Place,
        structures: tuple[str, ...],
        *,
        calibrated: bool,
    ) -> None:
        super().__init__(viewer, image, place, structures, calibrated=calibrated)
        # (C, T, Z, Y, X) without the missing axes; NaN is what is not drawn yet
        self._arrays: dict[str, NDArray[np.float32]] = {}
        self._fitting: Mapping[str, tuple[float, float]] = {}
        self._has_sigma = False  # one sample has no spread
        self._newest: dict[tuple[int, ...], SampleDrawn] = {}
        self._parts: list[PartDrawn] = []

    def take(self, event: RoomMade | SampleDrawn | PartDrawn | LimitsFound) -> None:
        """Keep a sample until the next `flush`; of a plane only the newest counts."""
        match event:
            case RoomMade():
                self._arrays = dict(event.arrays)
            case LimitsFound():
                self._fitting = event.limits
            case PartDrawn():
                self._parts.append(event)
            case _:
                self._newest[event.plane] = event

    def flush(self) -> bool:
        """Show what was taken since the last time.

        Returns
        -------
        Whether there is more to show: napari takes a tenth of a second to add a layer, so that
        one call adds one at most and the window answers in between.
        """
        for part in self._parts:
            y, x = slice(*part.y), slice(*part.x)
            place: tuple[slice | int, ...] = (slice(None), *part.plane, y, x)
            self._arrays["MMSE"][place] = part.sample
        self._parts.clear()
        for plane, event in self._newest.items():
            for channel in range(len(self._structures)):
                self._arrays["MMSE"][(channel, *plane)] = event.mmse[channel]
                self._arrays["sigma"][(channel, *plane)] = event.sigma[channel]
            self._has_sigma = self._has_sigma or event.index > 0
        self._newest.clear()
        for kind, data in self._arrays.items():
            if kind == "sigma" and not self._has_sigma:
                continue
            for channel in reversed(range(len(self._structures))):
                if self._show(channel, kind, data[channel]):
                    return True
        return False

    def take_result(self, split: Split) -> None:
        """Let the result take the place of what was shown so far; `flush` shows it."""
        self._newest.clear()
        self._parts.clear()
        self._has_sigma = split.n_samples > 1
        channel = split.mmse.axes.index("C")
        # Not copied: of a stack that would take the window a while, and the memory twice.
        self._arrays["MMSE"] = np.moveaxis(split.mmse.data, channel, 0)
        self._arrays["sigma"] = np.moveaxis(split.sigma.data, channel, 0)
        if split.samples is not None:
            # (K, C, T, Z, Y, X) to (C, K, T, Z, Y, X), without what a stop left undrawn
            drawn = split.samples[: split.n_samples]
            self._arrays["samples"] = np.moveaxis(drawn, 1 + channel, 0)

    def finish(self, split: Split) -> None:
        """Fit the contrast and note where the layers came from, when all are shown."""
        for key, limits in self._fitting.items():
            self.layers.fit_contrast(key, limits)
        self._note(split.provenance)

    def _show(self, channel: int, kind: str, data: NDArray[np.float32]) -> bool:
        """Show one layer; whether it is new."""
        leading = SAMPLE if kind == "samples" else ""
        axes, stored = leading + self._axes, [*leading, *self._order]
        # The viewer puts axes together by position, so results keep the order of their input.
        view = data.transpose([stored.index(axis) for axis in axes])
        return self.layers.show(f"{channel} {kind}", view, **self._keywords(channel, kind))


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
    chosen: ChosenImage,
    model: Path,
    header: ModelHeader,
    settings: SplitSettings,
    stop: threading.Event,
    *,
    focus: FocusSource | None = None,
) -> Job[SplitEvent | ImageRead | RoomMade | LimitsFound, Split]:
    """Read one image and split it, what is in focus first."""
    (image,) = yield from read_all([chosen])
    weights = header.mix.channel_weights(header.network.n_channels)
    single = single_channel(image, chosen.channel, weights)
    first = np.asarray(single.data[(0,) * (len(single.axes) - 2)], dtype=np.float32)
    yield ImageRead(single, contrast_limits(first))
    yield Stage("Loading the network")
    # Not at the top: torch is paid for when a split is asked for, in the background.
    from napari_denoisplit.jobs.split.job import split_job

    job = split_job(model, single, settings, stop=stop, focus=focus)
    split = yield from _with_room(job, single, len(header.channel_names))
    if split.n_samples:
        yield LimitsFound(_limits(split))
    return split


def _with_room(
    job: Job[SplitEvent, Split], image: Image, n_channels: int
) -> Job[SplitEvent | RoomMade, Split]:
    """Make room for the layers when there is something to show.

    By then the job has looked whether memory suffices.
    """
    has_room = False

    def with_room(event: SplitEvent) -> Iterator[SplitEvent | RoomMade]:
        nonlocal has_room
        if not has_room and isinstance(event, SampleDrawn | PartDrawn):
            shape = (n_channels, *(image.size(axis) for axis in AXES if axis in image.axes))
            yield RoomMade({kind: np.full(shape, np.nan, np.float32) for kind in ("MMSE", "sigma")})
            has_room = True
        yield event

    return changed(job, with_room)


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
