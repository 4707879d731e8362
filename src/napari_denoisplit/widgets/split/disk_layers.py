"""Layers that show a result on disk, block by block while it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.images.layer_record import MMSE, SAMPLES, SIGMA
from napari_denoisplit.images.results.layers import contrast_limits, made_by
from napari_denoisplit.widgets.layers.results import ResultLayers, show_levels
from napari_denoisplit.widgets.split.on_disk import BlockPicture, ResultBegun, shrink_factor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_denoisplit.images.results.layers import Key
    from napari_denoisplit.widgets.layers.opened import OpenedResult
    from napari_denoisplit.widgets.layers.place import ViewerRef
    from napari_denoisplit.widgets.layers.results import Subject

_LARGEST_OVERVIEW = 2**28  # bytes of MMSE and sigma together
_KINDS = (MMSE, SIGMA)


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

    def __init__(self, viewer: ViewerRef, subject: Subject, known: dict[Path, DiskLayers]) -> None:
        super().__init__(viewer, subject)
        self._known = known
        self._is_complete = self._is_ended = False
        self._factor = 1
        self._overview: dict[str, NDArray[np.float32]] = {}
        self._seen: dict[str, NDArray[np.float32]] = {}

    def take(self, event: ResultBegun | BlockPicture) -> None:
        """Keep what is new until the next `flush`."""
        if isinstance(event, ResultBegun):
            self._begin(event.opened)
            return
        for kind, pixels in event.pixels.items():
            self._seen.setdefault(kind, pixels)
            if kind in self._overview:
                self._overview[kind][(slice(None), *event.place)] = pixels
        self._has_news = True

    def take_result(self, opened: OpenedResult) -> None:
        """Let the finished result take the place of what was shown so far; `flush` shows it."""
        super().take_result(opened)
        self._is_ended, self._is_complete = True, not opened.split.stopped_early
        if not self._is_complete:
            self._steps = self._show()

    def moved(self, opened: OpenedResult) -> None:
        """Show the result from another folder."""
        if self._opened is not None and self._opened.split.path is not None:
            self._known.pop(self._opened.split.path, None)
        self._keep(opened)
        for key in self.layers.keys():
            if (layer := self.layers.alive(key)) is not None:
                show_levels(layer, self._levels(key))
        self._note(made_by(opened.split))

    def _keep(self, opened: OpenedResult) -> None:
        self._opened = opened
        if opened.split.path is not None:
            self._known[opened.split.path] = self

    def _begin(self, opened: OpenedResult) -> None:
        split = opened.split
        earlier = None if split.path is None else self._known.get(split.path)
        self._keep(opened)
        self._made = made_by(split)
        self._factor = shrink_factor(*split.plane_shape)
        small = [-(-n // self._factor) for n in split.plane_shape]
        shape = (split.n_structures, *split.leading_shape, *small)
        if self._factor > 1 and 2 * 4 * np.prod(shape, dtype=float) <= _LARGEST_OVERVIEW:
            self._overview = {kind: np.full(shape, np.nan, np.float32) for kind in _KINDS}
        if earlier is not None and earlier.layers.any_alive:
            self.layers = earlier.layers
            # They show the picture of the split that was stopped.
            self._overview = earlier._overview or self._overview  # noqa: SLF001 - the same class
            self._seen = earlier._seen  # noqa: SLF001

    def _show(self) -> Iterator[None]:
        # Of a split that was stopped also the samples, as far as they are there.
        has_samples = self._opened is not None and self._opened.split.n_kept
        for kind in (*self._seen, *([SAMPLES] if has_samples and self._is_ended else [])):
            like = self._seen.get(kind, self._seen.get(MMSE))
            for key in self._keys(kind):
                if key not in self.layers.keys():
                    limits = None if like is None else contrast_limits(like[key[0]])
                    # What is not there yet must not be remembered as missing.
                    self._add(key, self._levels(key), limits, cache=False)
                    yield
                elif (layer := self.layers.alive(key)) is not None and layer.visible:
                    layer.refresh(extent=False)

    def _levels(self, key: Key) -> list[Any]:
        """Levels of a layer, the finest first, axes in the order of the viewer."""
        if self._opened is None:
            return []
        arrays = list(self._opened.levels[key].arrays)
        if self._is_complete or self._factor == 1:
            return arrays
        channel, kind = key
        finest = arrays[0]
        if kind not in self._overview:
            # Samples, or too many planes to keep a picture of each: read when it is looked at.
            return [finest, finest[..., :: self._factor, :: self._factor]]
        return [finest, self._overview[kind][channel].transpose(self._turn)]
