"""Layers that show the part of an image that is in view, split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.transforms import Affine
from qtpy.QtCore import QTimer

from napari_denoisplit.events import Stage
from napari_denoisplit.images.image import AXES
from napari_denoisplit.widgets.layers.results import (
    SIGMA_COLORMAP,
    OwnLayers,
    contrast_limits,
    structure_colormap,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari.layers import Image as ImageLayer
    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import ModelHeader
    from napari_denoisplit.events import Job, LensDrawn, LensEvent
    from napari_denoisplit.widgets.layers.place import ViewerRef

_DRAWING_MS = 50  # in which the canvas is drawn
_PIXELS_FOR_LIMITS = 2**16  # a glance: somebody is waiting for the picture

Limits = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class LensPicture:
    """A picture of a view, and how to show it."""

    event: LensDrawn
    limits: Mapping[str, Limits]
    """Display limits by kind and channel, e.g. 'MMSE 0'; none where only precision is new."""


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


def _limits(event: LensDrawn) -> dict[str, Limits]:
    kinds = {"MMSE": event.mmse} | ({"sigma": event.sigma} if event.n_samples > 1 else {})
    return {
        f"{kind} {channel}": contrast_limits(pixels, _PIXELS_FOR_LIMITS)
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
        self._sigma = "sigma" if header.calibration is not None else "sigma (uncalibrated)"
        self._layers = OwnLayers(viewer)
        self._limits: dict[str, Limits] = {}
        self._told: dict[str, Limits] = {}
        self._event: LensDrawn | None = None
        self._shown: LensDrawn | None = None
        self._fitted: tuple[object, ...] = ()

    def take(self, picture: LensPicture) -> None:
        """Keep a picture until the next `flush`; only the newest counts."""
        self._event = picture.event
        self._told |= picture.limits

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
            if self._show("MMSE", channel, event):
                return True
        for channel in range(len(self._structures)):
            layer = self._layers.alive(f"sigma {channel}")
            # A hidden one is brought up to date when it is shown.
            is_wanted = event.n_samples > 1 if layer is None else layer.visible
            if is_wanted and self._show("sigma", channel, event):
                return True
        self._widen_contrast(event)
        self._event, self._shown = None, event
        return False

    def _on_visible(self, event: Any = None) -> None:
        if self._shown is not None:
            for channel in range(len(self._structures)):
                layer = self._layers.alive(f"sigma {channel}")
                if layer is not None and layer.visible:
                    self._show("sigma", channel, self._shown)

    def remove(self) -> None:
        """Take the layers out of the viewer, one after the other.

        Several that go between two drawings, and others that come soon after, let drawing end in
        a segmentation fault: seen with napari 0.9.2 alone, vispy 0.17 and OpenGL in software.
        """
        viewer = self._viewer()
        for key in self._layers.keys():
            if viewer is not None and (layer := self._layers.alive(key)) is not None:
                viewer.layers.remove(layer)
                # Not the method itself: Qt would not keep its object, which nobody else may.
                QTimer.singleShot(_DRAWING_MS, lambda: self.remove())
                return

    def _show(self, kind: str, channel: int, event: LensDrawn) -> bool:
        """Show one layer; whether it is new."""
        key = f"{kind} {channel}"
        pixels = (event.mmse if kind == "MMSE" else event.sigma)[channel]
        lead = (1,) * (len(self._axes) - 2)
        order = [*(a for a in self._axes if a not in "YX"), "Y", "X"]
        data = pixels.reshape(lead + pixels.shape)
        data = data.transpose([order.index(axis) for axis in self._axes])
        place = self._place(event)
        if (layer := self._layers.alive(key)) is not None:
            layer.metadata["denoisplit"] |= _place_note(event)
            if not np.array_equal(layer.translate, place["translate"]):
                layer.translate = place["translate"]
        elif key not in self._layers.keys():
            self._limits[key] = self._told.get(key) or contrast_limits(pixels)
            return self._add(kind, channel, data, event)
        return self._layers.show(key, data)

    def _add(self, kind: str, channel: int, data: NDArray[np.float32], event: LensDrawn) -> bool:
        title, is_lowest = ("lens", channel == len(self._structures) - 1)
        is_sigma = kind == "sigma"
        key = f"{kind} {channel}"
        added = self._layers.show(
            key,
            data,
            self._limits[key],
            select=False,  # the user goes on with what was selected
            name=" · ".join(
                [self._layer.name, self._structures[channel], title, *[self._sigma] * is_sigma]
            ),
            colormap=SIGMA_COLORMAP if is_sigma else structure_colormap(channel),
            blending="translucent_no_depth" if is_sigma or is_lowest else "additive",
            visible=not is_sigma,
            metadata={"denoisplit": self._provenance(kind, channel) | _place_note(event)},
            **self._place(event),
        )
        if is_sigma and (layer := self._layers.alive(key)) is not None:
            layer.events.visible.connect(self._on_visible)
        return added

    def _place(self, event: LensDrawn) -> dict[str, Any]:
        """Arguments of `add_image` that put a picture into its place on the image's layer."""
        image, axes = self._layer, self._axes
        plane = iter(event.plane)
        steps: dict[str, float] = {
            axis: next(plane) for axis in AXES if axis in axes and axis not in "CYX"
        }
        n_channels = _shape(image)[axes.index("C")] if "C" in axes else 1
        # One picture for all channels: a step of it is as long as all of them.
        steps |= {"C": (n_channels - 1) / 2, "Y": event.y[0], "X": event.x[0]}
        corner = [steps[axis] for axis in axes]
        turned = Affine(scale=image.scale, rotate=image.rotate, shear=image.shear, ndim=image.ndim)
        stretch = [n_channels if axis == "C" else 1 for axis in axes]
        return {
            "scale": np.multiply(image.scale, stretch),
            "translate": image.translate + turned.linear_matrix @ corner,
            "rotate": image.rotate,
            "shear": image.shear,
            "affine": image.affine,
            "units": image.units,
            "axis_labels": image.axis_labels,
        }

    def _widen_contrast(self, event: LensDrawn) -> None:
        """Let the limits reach as far as each place needs that is complete for the first time.

        They are never narrowed, and not touched while a place is refined, so that nothing flickers.
        """
        place = (event.plane, event.y, event.x)
        if event.n_samples < 1 or place == self._fitted:
            return
        self._fitted = place
        for channel in range(len(self._structures)):
            key = f"MMSE {channel}"
            layer = self._layers.alive(key)
            if layer is None or tuple(layer.contrast_limits) != self._limits[key]:
                continue  # the user has set them
            low, high = self._told[key]
            limits = min(low, self._limits[key][0]), max(high, self._limits[key][1])
            if limits != self._limits[key]:
                self._limits[key] = limits
                layer.contrast_limits_range = (
                    min(limits[0], *layer.contrast_limits_range),
                    max(limits[1], *layer.contrast_limits_range),
                )
                layer.contrast_limits = limits

    def _provenance(self, kind: str, channel: int) -> dict[str, Any]:
        structure = self._structures[channel]
        return {
            **self._note,
            "input": self._layer.name,
            "structure": structure,
            "channel": channel,
            "kind": f"lens {kind}",
        }


def _place_note(event: LensDrawn) -> dict[str, Any]:
    return {
        "plane": list(event.plane),
        "rows": list(event.y),
        "columns": list(event.x),
        "samples_drawn": event.n_samples,
    }


def _shape(layer: ImageLayer) -> tuple[int, ...]:
    return tuple((layer.data[0] if layer.multiscale else layer.data).shape)
