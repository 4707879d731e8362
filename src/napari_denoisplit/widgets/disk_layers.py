"""Layers that show a result on disk, block by block while it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.images.image import AXES
from napari_denoisplit.widgets.disk_split import BlockPicture, DiskSplit, ResultBegun, shrink_factor
from napari_denoisplit.widgets.layers import SAMPLE
from napari_denoisplit.widgets.result_layers import OwnLayers, contrast_limits, layer_look

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari.layers import Image as ImageLayer
    from numpy.typing import NDArray

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.widgets.layers import Place, ViewerRef

__all__ = ["DiskLayers"]

_LARGEST_OVERVIEW = 2**28  # bytes of MMSE and sigma together
_MOST_PLANES = 8  # that are looked at for the contrast
_FILES = {"MMSE": "mmse", "sigma": "sigma"}


class DiskLayers:
    """MMSE, sigma and samples of one image that lie on disk.

    The coarser levels are made when all blocks are there. Until then a small picture in memory
    takes their place, so that a viewer that shows everything need not read everything.

    Parameters
    ----------
    viewer
        Where to show them.
    image
        What is split: one channel, axes in the order of T, Z, Y, X.
    place
        Where it lies; its axes say in which order the viewer shows them.
    structures
        Name of each channel of the split.
    calibrated
        Whether sigma is an error that was measured, or the plain spread of the samples.
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
        self.layers = OwnLayers(viewer)
        self.name, self._place, self._structures = image.name, place, structures
        self._sigma_kind = "sigma" if calibrated else "sigma (uncalibrated)"
        self._axes = "".join(axis for axis in place.axes if axis != "C")
        self._order = [axis for axis in AXES if axis in self._axes]
        self._known = known
        self._result: ResultBegun | None = None
        self._final: DiskSplit | None = None
        self._factor = 1
        self._overview: dict[str, NDArray[np.float32]] = {}
        self._seen: dict[str, NDArray[np.float32]] = {}
        self._has_news = False
        self._steps: Iterator[None] = iter(())

    def take(self, event: ResultBegun | BlockPicture) -> None:
        """Keep what is new until the next `flush`."""
        if isinstance(event, ResultBegun):
            self._begin(event)
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
        for key in self.layers.keys():
            if (layer := self.layers.alive(key)) is not None:
                layer.metadata["denoisplit"] = self._about(key, split.provenance)

    def moved(self, path: Path, provenance: dict[str, Any]) -> None:
        """Show the result from another folder."""
        if self._result is None:
            return
        self._known.pop(self._result.path, None)
        self._known[path] = self
        self._result = ResultBegun(path, provenance, self._result.shape)
        for key in self.layers.keys():
            channel, kind = key.split(" ", 1)
            if (layer := self.layers.alive(key)) is not None:
                _show_levels(layer, self._data(int(channel), kind))
                layer.metadata["denoisplit"] = self._about(key, provenance)

    def _begin(self, event: ResultBegun) -> None:
        self._result = event
        self._factor = shrink_factor(*event.shape[-2:])
        small = [-(-n // self._factor) for n in event.shape[-2:]]
        shape = (*event.shape[:-2], *small)
        if self._factor > 1 and 2 * 4 * np.prod(shape, dtype=float) <= _LARGEST_OVERVIEW:
            self._overview = {kind: np.full(shape, np.nan, np.float32) for kind in _FILES}
        earlier = self._known.get(event.path)
        if earlier is not None and any(map(earlier.layers.alive, earlier.layers.keys())):
            self.layers = earlier.layers
            # They show the picture of the split that was stopped.
            self._overview = earlier._overview or self._overview  # noqa: SLF001 - the same class
            self._seen = earlier._seen  # noqa: SLF001
        self._known[event.path] = self

    def _show(self) -> Iterator[None]:
        """Show the blocks that are there, in steps that add a layer each."""
        for kind in _FILES:
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
                data = self._data(channel, kind)
                limits = contrast_limits(_some_planes(data[-1]))
                if key not in self.layers.keys():
                    self._add(channel, kind, limits, data)
                elif (layer := self.layers.alive(key)) is not None:
                    _show_levels(layer, data)
                    layer.cache = True
                    self.layers.fit_contrast(key, limits)
                yield

    def _add(
        self,
        channel: int,
        kind: str,
        limits: tuple[float, float],
        data: list[Any] | None = None,
    ) -> None:
        data = self._data(channel, kind) if data is None else data
        axes = SAMPLE * (kind == "samples") + self._axes
        self.layers.add(
            f"{channel} {kind}",
            data if len(data) > 1 else data[0],
            limits,
            multiscale=len(data) > 1,
            # What is not there yet must not be remembered as missing.
            cache=self._final is not None and self._final.complete,
            **layer_look(self.name, self._structures[channel], channel, kind, self._sigma_kind),
            metadata={"denoisplit": self._about(f"{channel} {kind}", {})},
            **self._place.keywords(axes),
        )

    def _data(self, channel: int, kind: str) -> list[Any]:
        """Levels of a layer, the finest first, axes in the order of the viewer."""
        from napari_denoisplit.images.ome_zarr_levels import channel_levels  # loads zarr

        path = self._path
        if kind == "samples":
            return self._samples(channel)
        levels = channel_levels(path / _FILES[kind], channel, self._axes)
        if self._final is not None and self._final.complete:
            return levels
        if self._factor == 1:
            return levels[:1]
        if not self._overview:
            # Too many planes to keep a picture of each: one is read when it is looked at.
            return [levels[0], levels[0][..., :: self._factor, :: self._factor]]
        order = [self._order.index(axis) for axis in self._axes]
        return [levels[0], self._overview[kind][channel].transpose(order)]

    def _samples(self, channel: int) -> list[Any]:
        import dask.array  # only to stack what is not read

        from napari_denoisplit.images.ome_zarr_levels import channel_levels

        n_kept = self._final.n_kept if self._final is not None else 0
        each = [
            channel_levels(self._path / f"samples/{k:03d}", channel, self._axes)
            for k in range(n_kept)
        ]
        levels = [dask.array.stack(level) for level in zip(*each, strict=True)]
        if self._final is not None and self._final.complete:
            return levels
        if self._factor == 1:
            return levels[:1]
        return [levels[0], levels[0][..., :: self._factor, :: self._factor]]

    @property
    def _path(self) -> Path:
        if self._result is None:
            raise TypeError("no result has begun")
        return self._result.path

    def _about(self, key: str, provenance: dict[str, Any]) -> dict[str, Any]:
        channel, kind = key.split(" ", 1)
        return {
            **provenance,
            "result": str(self._path),
            "input": self.name,
            "structure": self._structures[int(channel)],
            "channel": int(channel),
            "kind": kind,
        }


def _show_levels(layer: ImageLayer, levels: list[Any]) -> None:
    """Give a layer other pixels; one of small planes has the one level."""
    layer.data = levels if layer.multiscale else levels[0]


def _some_planes(level: Any) -> NDArray[np.float32]:
    """Read some planes of a lazy array (..., Y, X), evenly spread."""
    planes = list(np.ndindex(level.shape[:-2]))
    chosen = np.unique(np.linspace(0, len(planes) - 1, _MOST_PLANES).round().astype(int))
    return np.stack([np.asarray(level[planes[i]]) for i in chosen])
