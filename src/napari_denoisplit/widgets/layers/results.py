"""Layers that show a split, updated in place while it is refined."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np

from napari_denoisplit.images.image import AXES
from napari_denoisplit.images.layer_record import (
    RESULT_KINDS,
    SAMPLES,
)
from napari_denoisplit.images.place import SAMPLE
from napari_denoisplit.images.results.layers import (
    contrast_limits,
    made_by,
    result_layer,
    structure_colormap,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence

    from napari.layers import Image as ImageLayer
    from numpy.typing import NDArray

    from napari_denoisplit.images.place import Place
    from napari_denoisplit.images.results.layers import Key
    from napari_denoisplit.widgets.layers.opened import OpenedResult
    from napari_denoisplit.widgets.layers.place import ViewerRef


def structure_color(channel: int) -> Any:
    """(4,) RGBA of a structure in plots: the brightest of its colormap."""
    from napari.utils.colormaps import AVAILABLE_COLORMAPS

    return AVAILABLE_COLORMAPS[structure_colormap(channel)].colors[-1]


class OwnLayers:
    """Layers this program has added, known by identity: renamed or removed, they stay known.

    They are held weakly: who removes a layer from the viewer frees its pixels.
    """

    def __init__(self, viewer: ViewerRef) -> None:
        self._viewer = viewer
        self._layers: WeakValueDictionary[Hashable, ImageLayer] = WeakValueDictionary()
        self._limits: dict[Hashable, tuple[float, float]] = {}

    def show(
        self,
        key: Hashable,
        data: NDArray[np.float32],
        limits: tuple[float, float] | None = None,
        **keywords: Any,
    ) -> bool:
        """Add a layer, or give the one with this key new pixels; a removed one stays removed.

        Display limits are found by looking at all pixels, where none are given.

        Returns
        -------
        Whether a layer was added.
        """
        if self._viewer() is None:
            return False
        if key not in self._limits:
            self.add(key, data, contrast_limits(data) if limits is None else limits, **keywords)
            return True
        if (layer := self.alive(key)) is not None:
            if layer.data.shape == data.shape and np.may_share_memory(layer.data, data):
                layer.refresh()
            else:
                layer.data = data
        return False

    def add(
        self,
        key: Hashable,
        data: Any,
        limits: tuple[float, float],
        *,
        select: bool | None = None,
        **keywords: Any,
    ) -> None:
        """Add a layer; it is selected if it can be seen, unless `select` says otherwise."""
        if (viewer := self._viewer()) is None:
            return
        if keywords.get("visible", True) if select is None else select:
            added = viewer.add_image(data, contrast_limits=limits, **keywords)
        else:
            with same_selection(viewer.layers.selection):
                added = viewer.add_image(data, contrast_limits=limits, **keywords)
        self._layers[key], self._limits[key] = added, limits

    def fit_contrast(self, key: Hashable, limits: tuple[float, float] | None = None) -> None:
        """Fit the display limits to the pixels, unless the user has set them meanwhile."""
        layer = self.alive(key)
        if layer is not None and tuple(layer.contrast_limits) == self._limits[key]:
            self._limits[key] = contrast_limits(layer.data) if limits is None else limits
            low, high = self._limits[key]
            layer.contrast_limits_range = (
                min(low, *layer.contrast_limits_range),
                max(high, *layer.contrast_limits_range),
            )
            layer.contrast_limits = self._limits[key]

    def hide(self) -> None:
        """Make way for other pictures at the same place."""
        for key in self._limits:
            if (layer := self.alive(key)) is not None:
                layer.visible = False

    def alive(self, key: Hashable) -> ImageLayer | None:
        """Return the layer, if it is still in the viewer."""
        viewer, layer = self._viewer(), self._layers.get(key)
        if viewer is None or not any(one is layer for one in viewer.layers):
            return None
        return layer

    def keys(self) -> tuple[Any, ...]:
        """Keys of all layers that were added."""
        return tuple(self._limits)

    @property
    def any_alive(self) -> bool:
        """Whether one of them is still in the viewer."""
        return any(self.alive(key) is not None for key in self._limits)


@contextmanager
def same_selection(selection: Any) -> Iterator[None]:
    """Keep what is selected: the user goes on with it.

    napari selects whatever is added. Nobody is told of it, since to turn to the controls of a layer
    and back takes the window a third of the time that the layer itself takes.
    """
    active = selection.active
    if active is None:
        yield
        return
    selected = set(selection)
    with selection.events.blocker_all():
        try:
            yield
        finally:
            selection.active = active
            selection.update(selected)


def show_levels(layer: ImageLayer, levels: Sequence[Any]) -> None:
    """Give a layer other pixels, the finest level first; one of small planes has the one level."""
    layer.data = list(levels) if layer.multiscale else levels[0]


@dataclass(frozen=True, slots=True)
class Subject:
    """What the layers of a result are about."""

    name: str
    """Of the image that is split."""
    place: Place
    """Where it lies; its axes say in which order the viewer shows them."""
    structures: tuple[str, ...]
    """Name of each channel of the split."""
    calibrated: bool
    """Whether sigma is an error that was measured, or the plain spread of the samples."""

    @property
    def axes(self) -> str:
        """Of the layers, in the order of the viewer, without that of samples."""
        return self.place.axes.replace("C", "")


class ResultLayers(ABC):
    """MMSE, sigma and samples of one image, shown while they are made.

    Parameters
    ----------
    viewer
        Where to show them.
    subject
        What they are about.
    """

    pause_ms = 100
    """At least, between two times that what is new is shown."""

    def __init__(self, viewer: ViewerRef, subject: Subject) -> None:
        self.layers = OwnLayers(viewer)
        self.subject = subject
        stored = [axis for axis in AXES if axis in subject.axes]
        self._turn = [stored.index(axis) for axis in subject.axes]
        """From (T, Z, Y, X) to the order of the viewer."""
        self._made: Mapping[str, Any] = {}
        self._opened: OpenedResult | None = None
        self._has_news = False
        self._steps: Iterator[None] = iter(())

    @abstractmethod
    def take(self, event: Any) -> None:
        """Keep what is new until the next `flush`."""

    def take_result(self, opened: OpenedResult) -> None:
        """Let the finished result take the place of what was shown so far; `flush` shows it."""
        self._opened = opened
        self._has_news, self._steps = False, self._show_result(opened)
        self._note(made_by(opened.split))

    def flush(self) -> bool:
        """Show what is new since the last time.

        Returns
        -------
        Whether there is more to show: napari takes a tenth of a second to add a layer, so that one
        call adds one at most, and the window answers in between.
        """
        for _ in self._steps:
            return True
        if not self._has_news:
            return False
        self._has_news, self._steps = False, self._show()
        return self.flush()

    def _note(self, made: Mapping[str, Any]) -> None:
        """Let the layers' records say how they were made."""
        self._made = made
        for key in self.layers.keys():
            if (layer := self.layers.alive(key)) is not None:
                layer.metadata.update(self._keywords(key)["metadata"])

    @abstractmethod
    def _show(self) -> Iterator[None]:
        """Show what there is by now, in steps that add a layer each."""

    def _show_result(self, opened: OpenedResult) -> Iterator[None]:
        """Show all of a complete result, in steps that change or add a layer each."""
        for kind in RESULT_KINDS:
            for key in self._keys(kind):
                if (level := opened.levels.get(key)) is None:
                    continue
                if key not in self.layers.keys():
                    self._add(key, level.arrays, level.limits)
                elif (layer := self.layers.alive(key)) is not None:
                    show_levels(layer, level.arrays)
                    layer.cache = True
                    self.layers.fit_contrast(key, level.limits)
                yield

    def _add(
        self,
        key: Key,
        levels: Sequence[Any],
        limits: tuple[float, float] | None,
        **keywords: Any,
    ) -> None:
        self.layers.add(
            key,
            list(levels) if len(levels) > 1 else levels[0],
            limits or (0.0, 1.0),
            **keywords,
            **self._keywords(key),
        )

    def _keys(self, kind: str) -> list[Key]:
        """Keys of all layers of a kind; the first structure is added last, and lies on top."""
        return [(channel, kind) for channel in reversed(range(len(self.subject.structures)))]

    def _keywords(self, key: Key) -> dict[str, Any]:
        """Name, look, record and place of a layer, as arguments of `add_image`."""
        (channel, kind), subject = key, self.subject
        look = result_layer(
            subject.name,
            subject.structures[channel],
            channel,
            kind,
            self._made,
            calibrated=subject.calibrated,
            lowest=channel == len(subject.structures) - 1,
        )
        return look | subject.place.keywords(SAMPLE * (kind == SAMPLES) + subject.axes)
