"""Layers that show a split, updated in place while it is refined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.images.image import AXES
from napari_denoisplit.widgets.layers import SAMPLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari.layers import Image as ImageLayer
    from numpy.typing import NDArray

    from napari_denoisplit.events import PreviewSplit, SampleDrawn
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.jobs.splitting import Split
    from napari_denoisplit.widgets.layers import Place, ViewerRef

__all__ = [
    "STRUCTURE_COLORMAPS",
    "OwnLayers",
    "PreviewLayers",
    "SplitLayers",
    "contrast_limits",
    "structure_colormap",
]

# The first two can be told apart with any colour vision, and add up to white.
STRUCTURE_COLORMAPS = ("bop orange", "bop blue", "bop purple", "green", "magenta", "yellow", "cyan")
_SIGMA_COLORMAP = "magma"
_LIMIT_PERCENTILES = (0.5, 99.8)
_PIXELS_FOR_LIMITS = 500_000
_GAP = 0.04  # between the pictures of a preview, as a share of their size
_STEP = 1 + _GAP


def structure_colormap(channel: int) -> str:
    """Colormap of a structure, the same in layers and plots."""
    return STRUCTURE_COLORMAPS[channel % len(STRUCTURE_COLORMAPS)]


def contrast_limits(data: NDArray[np.float32]) -> tuple[float, float]:
    """Display limits that leave out the few darkest and brightest pixels."""
    step = max(1, int(np.ceil(np.sqrt(data.size / _PIXELS_FOR_LIMITS))))
    seen = data[..., ::step, ::step]
    seen = seen[np.isfinite(seen)]
    if not seen.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(seen, _LIMIT_PERCENTILES))
    return low, high if high > low else low + 1.0


class OwnLayers:
    """Layers this program has added, known by identity: renamed or removed, they stay known."""

    def __init__(self, viewer: ViewerRef) -> None:
        self._viewer = viewer
        self._layers: dict[str, ImageLayer] = {}
        self._limits: dict[str, tuple[float, float]] = {}

    def show(self, key: str, data: NDArray[np.float32], **keywords: Any) -> None:
        """Add a layer, or give the one with this key new pixels; a removed one stays removed."""
        if (viewer := self._viewer()) is None:
            return
        if key not in self._layers:
            limits = contrast_limits(data)
            active = viewer.layers.selection.active
            self._layers[key] = viewer.add_image(data, contrast_limits=limits, **keywords)
            self._limits[key] = limits
            if active is not None and not keywords.get("visible", True):
                # napari selects what is added; a hidden layer is not what the user works on.
                viewer.layers.selection.active = active
        elif (layer := self.alive(key)) is not None:
            if layer.data.shape == data.shape and np.may_share_memory(layer.data, data):
                layer.refresh()
            else:
                layer.data = data

    def fit_contrast(self, key: str) -> None:
        """Fit the display limits to the pixels, unless the user has set them meanwhile."""
        layer = self.alive(key)
        if layer is not None and tuple(layer.contrast_limits) == self._limits[key]:
            self._limits[key] = contrast_limits(layer.data)
            low, high = self._limits[key]
            layer.contrast_limits_range = (
                min(low, *layer.contrast_limits_range),
                max(high, *layer.contrast_limits_range),
            )
            layer.contrast_limits = self._limits[key]

    def hide(self) -> None:
        """Make way for other pictures at the same place."""
        for key in self._layers:
            if (layer := self.alive(key)) is not None:
                layer.visible = False

    def alive(self, key: str) -> ImageLayer | None:
        """Return the layer, if it is still in the viewer."""
        viewer, layer = self._viewer(), self._layers.get(key)
        if viewer is None or not any(one is layer for one in viewer.layers):
            return None
        return layer

    def keys(self) -> tuple[str, ...]:
        """Keys of all layers that were added."""
        return tuple(self._layers)


class SplitLayers:
    """MMSE, sigma and samples of one image.

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
    """

    def __init__(
        self,
        viewer: ViewerRef,
        image: Image,
        place: Place,
        structures: tuple[str, ...],
        *,
        calibrated: bool,
    ) -> None:
        self.layers = OwnLayers(viewer)
        self._name, self._place, self._structures = image.name, place, structures
        self._sigma_kind = "sigma" if calibrated else "sigma (uncalibrated)"
        self._axes = "".join(axis for axis in place.axes if axis != "C")
        self._order = [axis for axis in AXES if axis in self._axes]
        shape = (len(structures), *(image.size(axis) for axis in self._order))
        self._mmse = np.zeros(shape, np.float32)  # (C, T, Z, Y, X) without the missing axes
        self._sigma = np.zeros(shape, np.float32)
        self._newest: dict[tuple[int, ...], SampleDrawn] = {}

    def take(self, event: SampleDrawn) -> None:
        """Keep a sample until the next `flush`; of a plane only the newest counts."""
        self._newest[event.plane] = event

    def flush(self) -> None:
        """Show what was taken since the last time."""
        refined = False
        for plane, event in self._newest.items():
            for channel in range(len(self._structures)):
                self._mmse[(channel, *plane)] = event.mmse[channel]
                self._sigma[(channel, *plane)] = event.sigma[channel]
            refined = refined or event.index > 0
        if self._newest:
            self._newest.clear()
            self._show_moments(with_sigma=refined)

    def finish(self, split: Split) -> None:
        """Show the result, with where it came from."""
        self._newest.clear()
        if "C" in split.mmse.axes:
            order = "C" + "".join(self._order)
            self._mmse[...] = np.asarray(split.mmse.transposed(order).data)
            self._sigma[...] = np.asarray(split.sigma.transposed(order).data)
        self._show_moments(with_sigma=split.n_samples > 1)
        if split.samples is not None and len(split.samples):
            self._show_samples(split.samples)
        for key in self.layers.keys():
            self.layers.fit_contrast(key)
            if (layer := self.layers.alive(key)) is not None:
                layer.metadata["denoisplit"] = self._provenance(key, split.provenance)

    def _show_moments(self, *, with_sigma: bool) -> None:
        for channel in reversed(range(len(self._structures))):
            if with_sigma or f"{channel} sigma" in self.layers.keys():
                self._show(channel, "sigma", self._sigma[channel], self._axes)
        for channel in reversed(range(len(self._structures))):
            self._show(channel, "MMSE", self._mmse[channel], self._axes)

    def _show_samples(self, samples: NDArray[np.float32]) -> None:
        """Show samples, (K, C, T, Z, Y, X) without the missing axes."""
        for channel in reversed(range(len(self._structures))):
            self._show(channel, "samples", samples[:, channel], SAMPLE + self._axes)

    def _show(self, channel: int, kind: str, data: NDArray[np.float32], axes: str) -> None:
        title = self._sigma_kind if kind == "sigma" else kind
        stored = [SAMPLE, *self._order] if axes[0] == SAMPLE else self._order
        # The viewer puts axes together by position, so results keep the order of their input.
        view = data.transpose([stored.index(axis) for axis in axes])
        self.layers.show(
            f"{channel} {kind}",
            view,
            name=f"{self._name} · {self._structures[channel]} · {title}",
            colormap=_SIGMA_COLORMAP if kind == "sigma" else structure_colormap(channel),
            blending="translucent" if kind == "sigma" else "additive",
            visible=kind == "MMSE",
            metadata={"denoisplit": self._provenance(f"{channel} {kind}", {})},
            **self._place.keywords(axes),
        )

    def _provenance(self, key: str, provenance: Mapping[str, Any]) -> dict[str, Any]:
        channel, kind = key.split(" ", 1)
        return {
            **provenance,
            "input": self._name,
            "structure": self._structures[int(channel)],
            "kind": kind,
        }


class PreviewLayers:
    """A split of a validation region while the network learns.

    Laid out as a table to the right of everything else: the noisy superposition and channels
    above, what the network makes of them below.
    """

    def __init__(
        self, viewer: ViewerRef, name: str, structures: tuple[str, ...], place: Place
    ) -> None:
        self.layers = OwnLayers(viewer)
        self._viewer, self._name, self._structures = viewer, name, structures
        self._place = place.keywords("YX")
        self._corner: tuple[float, float] | None = None

    def show(self, event: PreviewSplit) -> None:
        """Show the newest preview; the view moves to the first one only."""
        if (viewer := self._viewer()) is None:
            return
        first = self._corner is None
        if self._corner is None:
            self._corner = _right_of_everything(viewer)
        self._show("superposition", event.superposition, 0, 0, "gray")
        for channel, structure in enumerate(self._structures):
            colormap = structure_colormap(channel)
            self._show(f"{structure} · noisy", event.channels[channel], 0, channel + 1, colormap)
            self._show(f"{structure} · MMSE", event.mmse[channel], 1, channel + 1, colormap)
            self.layers.fit_contrast(f"{structure} · MMSE")
        if first:
            viewer.reset_view()

    def _show(
        self, what: str, data: NDArray[np.float32], row: int, column: int, colormap: str
    ) -> None:
        height, width = np.multiply(data.shape, self._place["scale"])
        top, left = self._corner or (0.0, 0.0)
        self.layers.show(
            what,
            data,
            name=f"{self._name} · preview · {what}",
            colormap=colormap,
            blending="additive",
            metadata={"denoisplit": {"kind": "preview", "model": self._name}},
            **self._place
            | {"translate": (top + row * height * _STEP, left + column * width * _STEP)},
        )


def _right_of_everything(viewer: Any) -> tuple[float, float]:
    if not len(viewer.layers):
        return 0.0, 0.0
    low, high = viewer.layers.extent.world
    return float(low[-2]), float(high[-1] + _GAP * (high[-1] - low[-1]))
