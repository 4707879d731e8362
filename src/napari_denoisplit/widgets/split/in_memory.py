"""A split in memory, and the layers that show it while samples are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.events import PartDrawn, SampleDrawn, Stage, changed
from napari_denoisplit.images.layer_record import MMSE, SIGMA
from napari_denoisplit.images.results.layers import levels_of, turned
from napari_denoisplit.memory import READ_WHOLE
from napari_denoisplit.widgets.layers.opened import OpenedResult
from napari_denoisplit.widgets.layers.results import ResultLayers
from napari_denoisplit.widgets.parts.worker import loading
from napari_denoisplit.widgets.split.opening import InputOpened, open_input

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import ModelHeader
    from napari_denoisplit.events import Job, SplitEvent
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.sampling.focus import FocusSource
    from napari_denoisplit.settings import SplitSettings
    from napari_denoisplit.widgets.choosers.chosen import ChosenImage
    from napari_denoisplit.widgets.layers.place import ViewerRef
    from napari_denoisplit.widgets.layers.results import Subject


@dataclass(frozen=True, slots=True, eq=False)
class ArraysMade:
    """There is memory for what is shown while samples are drawn."""

    arrays: Mapping[str, NDArray[np.float32]]
    """MMSE and sigma, (C, T, Z, Y, X) without the missing axes; NaN, which is transparent."""


class MemoryLayers(ResultLayers):
    """A result in memory, updated in place; see `ResultLayers` for the parameters."""

    def __init__(self, viewer: ViewerRef, subject: Subject) -> None:
        super().__init__(viewer, subject)
        self._arrays: Mapping[str, NDArray[np.float32]] = {}
        self._has_sigma = False  # one sample has no spread
        self._newest: dict[tuple[int, ...], SampleDrawn] = {}
        self._parts: list[PartDrawn] = []

    def take(self, event: ArraysMade | SampleDrawn | PartDrawn) -> None:
        """Keep a sample until the next `flush`; of a plane only the newest counts."""
        match event:
            case ArraysMade():
                self._arrays = event.arrays
            case PartDrawn():
                self._parts.append(event)
            case SampleDrawn():
                self._newest[event.plane] = event
        self._has_news = True

    def take_result(self, opened: OpenedResult) -> None:
        """Let the finished result take the place of what was shown so far; `flush` shows it."""
        super().take_result(opened)
        self._arrays = {}  # the result has memory of its own
        self._newest.clear()
        self._parts.clear()

    def _show(self) -> Iterator[None]:
        place: tuple[slice | int, ...]
        for part in self._parts:
            place = (slice(None), *part.plane, slice(*part.y), slice(*part.x))
            self._arrays[MMSE][place] = part.sample
        for plane, event in self._newest.items():
            place = (slice(None), *plane)
            self._arrays[MMSE][place], self._arrays[SIGMA][place] = event.mmse, event.sigma
            self._has_sigma = self._has_sigma or event.index > 0
        self._parts.clear()
        self._newest.clear()
        # The viewer puts axes together by position, so results keep the order of their input.
        for kind in self._arrays if self._has_sigma else (MMSE,):
            for key in self._keys(kind):
                data = turned(self._arrays[kind][key[0]], self._turn)
                if self.layers.show(key, data, **self._keywords(key)):
                    yield


def split_in_memory(
    chosen: ChosenImage,
    model: Path,
    header: ModelHeader,
    settings: SplitSettings,
    stop: threading.Event,
    *,
    focus: FocusSource | None = None,
) -> Job[SplitEvent | InputOpened | ArraysMade | OpenedResult, Split]:
    """Read one image and split it, what is in focus first."""
    yield Stage(f"Reading {chosen.name}")
    opened = open_input(chosen, header, READ_WHOLE)
    image = opened.image
    yield opened
    yield from loading(stop, "napari_denoisplit.jobs.split.job")
    # Not at the top: torch is paid for when a split is asked for, in the background.
    from napari_denoisplit.jobs.split.job import split_job

    has_room = False
    job = split_job(model, image, settings, stop=stop, focus=focus)

    def with_arrays(event: SplitEvent) -> Iterator[SplitEvent | ArraysMade]:
        nonlocal has_room
        if not has_room and isinstance(event, SampleDrawn | PartDrawn):
            # By now the job has looked whether memory suffices.
            shape = (len(header.channel_names), *image.shape)
            yield ArraysMade({kind: np.full(shape, np.nan, np.float32) for kind in (MMSE, SIGMA)})
            has_room = True
        yield event

    split = yield from changed(job, with_arrays)
    if split.n_samples:
        axes = (chosen.place.axes if chosen.place else image.axes).replace("C", "")
        yield OpenedResult(split, levels_of(split, axes))
    return split
