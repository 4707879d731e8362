"""Layers that show a result on disk, block by block while it is made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.widgets.layers.results import ResultLayers, contrast_limits
from napari_denoisplit.widgets.split.on_disk import (
    BlockPicture,
    DiskSplit,
    ResultBegun,
    ResultOpened,
    shrink_factor,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from napari.layers import Image as ImageLayer
    from numpy.typing import NDArray

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.widgets.layers.place import Place, ViewerRef
    from napari_denoisplit.widgets.split.disk_levels import Levels

_LARGEST_OVERVIEW = 2**28  # bytes of MMSE and sigma together
_KINDS = ("MMSE", "sigma")


class DiskLayers(ResultLayers):
    """A result that lies on disk, see `ResultLayers` for the other parameters.

    The coarser levels are made when all blocks are there. Until then a small picture in memory
    takes their place, so that a viewer that shows everything need not read everything.

    Parameters
    ----------
    known
        The newest layers of every result so far: a split that goes on shows itself in those of
        the split that was stopped.
    """

    pause_ms = 1000
    """At least, between two times that new blocks are shown."""

    def __init__(
        self,
        viewer: ViewerRef,
        image: Image,
        place: Place,
        structures: tuple[str, ...],
        *,
        calibrated: bool,
        known: dict[Path, DiskLayers],
    ) -> None:
        super().__init__(viewer, image, place, structures, calibrated=calibrated)
        self._known = known
        self._result: ResultBegun | None = None
        self._levels: Mapping[str, Levels] = {}
        self._final: DiskSplit | None = None
        self._factor = 1
        self._overview: dict[str, NDArray[np.float32]] = {}
        self._seen: dict[str, NDArray[np.float32]] = {}
        self._has_news = False
        self._steps: Iterator[None] = iter(())

    def take(self, event: ResultBegun | BlockPicture | ResultOpened) -> None:
        """Keep what is new until the next `flush`."""
        if isinstance(event, ResultBegun):
            self._begin(event)
            return
        if isinstance(event, ResultOpened):
            self._levels = event.levels
            return
        for kind, pixels in event.pixels.items():
            if kind not in self._seen:
                self._seen[kind] = pixels
            if kind in self._overview:
                self._overview[kind][(slice(None), *event.place)] = pixels
        self._has_news = True

    def flush(self) -> bool:
        """Show what was taken since the last time.

        Returns
        -------
        Whether there is more to show; one call adds one layer at most, so that the window answers
        in between.
        """
        if self._result is None:
            return False
        for _ in self._steps:
            return True
        if self._has_news:
            self._has_news = False
            self._steps = self._show()
            for _ in self._steps:
                return True
        return False

    def take_result(self, split: DiskSplit) -> None:
        """Let the finished result take the place of what was shown so far; `flush` shows it."""
        self._final = split
        self._steps = self._show_final() if split.complete else self._show()
        self._has_news = False

    def finish(self, split: DiskSplit) -> None:
        """Note where the layers came from, when all are shown."""
        self._note(split.provenance)

    def moved(self, path: Path, levels: Mapping[str, Levels], provenance: dict[str, Any]) -> None:
        """Show the result from another folder."""
        if self._result is None:
            return
        self._known.pop(self._result.path, None)
        self._known[path] = self
        self._result = replace(self._result, path=path, provenance=provenance)
        self._levels = levels
        for key in self.layers.keys():
            if (layer := self.layers.alive(key)) is not None:
                _show_levels(layer, self._data(key))
        self._note(provenance)

    def _begin(self, event: ResultBegun) -> None:
        self._result, self._levels = event, event.levels
        self._factor = shrink_factor(*event.shape[-2:])
        small = [-(-n // self._factor) for n in event.shape[-2:]]
        shape = (*event.shape[:-2], *small)
        if self._factor > 1 and 2 * 4 * np.prod(shape, dtype=float) <= _LARGEST_OVERVIEW:
            self._overview = {kind: np.full(shape, np.nan, np.float32) for kind in _KINDS}
        earlier = self._known.get(event.path)
        if earlier is not None and any(map(earlier.layers.alive, earlier.layers.keys())):
            self.layers = earlier.layers
            # They show the picture of the split that was stopped.
            self._overview = earlier._overview or self._overview  # noqa: SLF001 - the same class
            self._seen = earlier._seen  # noqa: SLF001
        self._known[event.path] = self

    def _show(self) -> Iterator[None]:
        """Show the blocks that are there, in steps that add a layer each."""
        for kind in _KINDS:
            if kind not in self._seen:
                continue
            for channel in reversed(range(len(self._structures))):
                key = f"{channel} {kind}"
                if key not in self.layers.keys():
                    self._add(channel, kind, contrast_limits(self._seen[kind][channel]))
                    yield
                elif (layer := self.layers.alive(key)) is not None and layer.visible:
                    layer.refresh(extent=False)
        if self._final is not None and self._final.n_kept:
            yield from self._show_samples()

    def _show_samples(self) -> Iterator[None]:
        """Show the samples of a split that was stopped, as far as they are there."""
        for channel in reversed(range(len(self._structures))):
            key = f"{channel} samples"
            if key not in self.layers.keys():
                like = self._seen.get("MMSE")
                limits = (0.0, 1.0) if like is None else contrast_limits(like[channel])
                self._add(channel, "samples", limits)
                yield
            elif (layer := self.layers.alive(key)) is not None:
                layer.refresh(extent=False)

    def _show_final(self) -> Iterator[None]:
        """Show all of a complete result, in steps that change or add a layer each."""
        kinds = ["MMSE", *(["sigma"] if self._final and self._final.n_samples > 1 else [])]
        kinds += ["samples"] if self._final and self._final.n_kept else []
        for kind in kinds:
            for channel in reversed(range(len(self._structures))):
                key = f"{channel} {kind}"
                data = self._data(key)
                limits = self._levels[key].limits or (0.0, 1.0)
                if key not in self.layers.keys():
                    self._add(channel, kind, limits)
                elif (layer := self.layers.alive(key)) is not None:
                    _show_levels(layer, data)
                    layer.cache = True
                    self.layers.fit_contrast(key, limits)
                yield

    def _add(self, channel: int, kind: str, limits: tuple[float, float]) -> None:
        key = f"{channel} {kind}"
        data = self._data(key)
        self.layers.add(
            key,
            data if len(data) > 1 else data[0],
            limits,
            multiscale=len(data) > 1,
            # What is not there yet must not be remembered as missing.
            cache=self._final is not None and self._final.complete,
            **self._keywords(channel, kind),
        )

    def _data(self, key: str) -> list[Any]:
        """Levels of a layer, the finest first, axes in the order of the viewer."""
        channel, kind = key.split(" ", 1)
        arrays = self._levels[key].arrays
        if self._final is not None and self._final.complete:
            return list(arrays)
        finest = arrays[0]
        if self._factor == 1:
            return [finest]
        if kind not in self._overview:
            # Samples, or too many planes to keep a picture of each: read when it is looked at.
            return [finest, finest[..., :: self._factor, :: self._factor]]
        order = [self._order.index(axis) for axis in self._axes]
        return [finest, self._overview[kind][int(channel)].transpose(order)]

    def _about(self, key: str, provenance: Mapping[str, Any]) -> dict[str, Any]:
        result = None if self._result is None else str(self._result.path)
        return {**super()._about(key, provenance), "result": result}


def _show_levels(layer: ImageLayer, levels: list[Any]) -> None:
    """Give a layer other pixels; one of small planes has the one level."""
    layer.data = levels if layer.multiscale else levels[0]
