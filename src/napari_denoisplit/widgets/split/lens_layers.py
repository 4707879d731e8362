"""Layers that show the part of an image that is in view, split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.events import Stage
from napari_denoisplit.images.image import AXES
from napari_denoisplit.images.layer_record import (
    MMSE,
    SIGMA,
    kind_in_words,
    layer_metadata,
    layer_name,
    record_of,
)
from napari_denoisplit.images.results.layers import (
    SIGMA_COLORMAP,
    contrast_limits,
    structure_colormap,
)
from napari_denoisplit.widgets.layers.place import full_resolution, place_of_layer
from napari_denoisplit.widgets.layers.removal import remove_in_turn
from napari_denoisplit.widgets.layers.results import OwnLayers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari.layers import Image as ImageLayer
    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import ModelHeader
    from napari_denoisplit.events import Job, LensDrawn, LensEvent
    from napari_denoisplit.images.results.layers import Key
    from napari_denoisplit.widgets.layers.place import ViewerRef

_PIXELS_FOR_LIMITS = 2**16  # a glance: somebody is waiting for the picture

Limits = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class LensPicture:
    """A picture of a view, and how to show it."""

    event: LensDrawn
    limits: Mapping[Key, Limits]
    """Display limits by channel and kind; none where only precision is new."""


def pictures(
    events: Job[LensEvent, None],
) -> Job[Stage | LensPicture, None]:
    """Find display limits in the background; in the thread of the window they would cost 20 ms."""
    place: tuple[object, ...] = ()
    for event in events:
        if isinstance(event, Stage):
            yield event
            continue
        before, place = place, (event.plane, event.y, event.x)
        is_new = place != before or event.n_samples <= 2  # of two there is a sigma
        yield LensPicture(event, _limits(event) if is_new else {})


def _limits(event: LensDrawn) -> dict[Key, Limits]:
    kinds = {MMSE: event.mmse} | ({SIGMA: event.sigma} if event.n_samples > 1 else {})
    return {
        (channel, kind): contrast_limits(pixels, _PIXELS_FOR_LIMITS)
        for kind, channels in kinds.items()
        for channel, pixels in enumerate(channels)
    }


class LensLayers:
    """MMSE and sigma of each structure where one looks, in their place on the image's layer.

    They have the axes of that layer, one step long beside Y and X, so that the viewer itself hides
    them at other steps. The lowest covers the image, the others add to it.

    Parameters
    ----------
    viewer
        Where to show them.
    layer, axes
        The image, and a letter for each of its axes.
    header
        Of the model.
    note
        What the layers' metadata say of where they came from.
    """

    def __init__(
        self,
        viewer: ViewerRef,
        layer: ImageLayer,
        axes: str,
        header: ModelHeader,
        note: dict[str, Any],
    ) -> None:
        self._viewer, self._layer, self._axes, self._note = viewer, layer, axes, note
        self._structures = header.channel_names
        self._calibrated = header.calibration is not None
        self._layers = OwnLayers(viewer)
        self._found: dict[Key, Limits] = {}
        self._event: LensDrawn | None = None
        self._shown: LensDrawn | None = None
        self._fitted: tuple[object, ...] = ()

    def take(self, picture: LensPicture) -> None:
        """Keep a picture until the next `flush`; only the newest counts."""
        self._event = picture.event
        self._found |= picture.limits

    def flush(self) -> bool:
        """Show the newest picture.

        Returns
        -------
        Whether there is more to show: one call adds one layer at most, since that takes napari a
        tenth of a second.
        """
        event = self._event
        if event is None or not np.isfinite(event.mmse).any():
            return False
        for channel in reversed(range(len(self._structures))):
            if self._show((channel, MMSE), event):
                return True
        for channel in range(len(self._structures)):
            layer = self._layers.alive((channel, SIGMA))
            # A hidden one is brought up to date when it is shown.
            is_wanted = event.n_samples > 1 if layer is None else layer.visible
            if is_wanted and self._show((channel, SIGMA), event):
                return True
        self._widen_contrast(event)
        self._event, self._shown = None, event
        return False

    def _on_visible(self, event: Any = None) -> None:
        if self._shown is not None:
            for channel in range(len(self._structures)):
                layer = self._layers.alive((channel, SIGMA))
                if layer is not None and layer.visible:
                    self._show((channel, SIGMA), self._shown)

    def remove(self) -> None:
        """Take the layers out of the viewer, one after the other."""
        shown = map(self._layers.alive, self._layers.keys())
        remove_in_turn(self._viewer, [layer for layer in shown if layer is not None])

    def _show(self, key: Key, event: LensDrawn) -> bool:
        """Show one layer; whether it is new."""
        channel, kind = key
        pixels = (event.mmse if kind == MMSE else event.sigma)[channel]
        lead = (1,) * (len(self._axes) - 2)
        order = [*(a for a in self._axes if a not in "YX"), "Y", "X"]
        data = pixels.reshape(lead + pixels.shape)
        data = data.transpose([order.index(axis) for axis in self._axes])
        place = self._place(event)
        if (layer := self._layers.alive(key)) is not None:
            record_of(layer.metadata).update(_place_note(event))
            if not np.array_equal(layer.translate, place["translate"]):
                layer.translate = place["translate"]
        elif key not in self._layers.keys():
            self._add(key, data, event)
            return True
        return self._layers.show(key, data)

    def _add(self, key: Key, data: NDArray[np.float32], event: LensDrawn) -> None:
        channel, kind = key
        structure = self._structures[channel]
        is_sigma, is_lowest = kind == SIGMA, channel == len(self._structures) - 1
        title = [kind_in_words(kind, calibrated=self._calibrated)] if is_sigma else []
        self._layers.add(
            key,
            data,
            self._found.get(key) or contrast_limits(data),
            select=False,  # the user goes on with what was selected
            name=layer_name(self._layer.name, structure, "lens", *title),
            colormap=SIGMA_COLORMAP if is_sigma else structure_colormap(channel),
            blending="translucent_no_depth" if is_sigma or is_lowest else "additive",
            visible=not is_sigma,
            metadata=layer_metadata(
                self._note,
                image=self._layer.name,
                structure=structure,
                channel=channel,
                kind=f"lens {kind}",
                **_place_note(event),
            ),
            **self._place(event),
        )
        if is_sigma and (layer := self._layers.alive(key)) is not None:
            layer.events.visible.connect(self._on_visible)

    def _place(self, event: LensDrawn) -> dict[str, Any]:
        """Arguments of `add_image` that put a picture into its place on the image's layer."""
        image, axes = self._layer, self._axes
        plane = iter(event.plane)
        steps: dict[str, float] = {
            axis: next(plane) for axis in AXES if axis in axes and axis not in "CYX"
        }
        n_channels = full_resolution(image).shape[axes.index("C")] if "C" in axes else 1
        # One picture for all channels: a step of it is as long as all of them.
        steps |= {"C": (n_channels - 1) / 2, "Y": event.y[0], "X": event.x[0]}
        place = place_of_layer(image, axes).keywords(axes, steps)
        stretch = [n_channels if axis == "C" else 1 for axis in axes]
        return place | {"scale": list(np.multiply(place["scale"], stretch))}

    def _widen_contrast(self, event: LensDrawn) -> None:
        """Let the limits reach as far as each place needs that is complete for the first time.

        They are never narrowed, and not touched while a place is refined, so that nothing flickers.
        """
        place = (event.plane, event.y, event.x)
        if event.n_samples < 1 or place == self._fitted:
            return
        self._fitted = place
        for channel in range(len(self._structures)):
            key = channel, MMSE
            if (layer := self._layers.alive(key)) is None:
                continue
            low, high = self._found[key]
            before = tuple(layer.contrast_limits)
            limits = min(low, before[0]), max(high, before[1])
            if limits != before:
                self._layers.fit_contrast(key, limits)  # unless the user has set them


def _place_note(event: LensDrawn) -> dict[str, Any]:
    return {
        "plane": list(event.plane),
        "rows": list(event.y),
        "columns": list(event.x),
        "samples_drawn": event.n_samples,
    }
