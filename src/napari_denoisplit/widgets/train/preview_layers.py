"""Layers that show how far a training has come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.widgets.layers.results import OwnLayers, structure_colormap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_denoisplit.events import PreviewSplit
    from napari_denoisplit.widgets.layers.place import Place, ViewerRef

__all__ = ["PreviewLayers"]

_GAP = 0.04  # between the pictures of a preview, as a share of their size
_STEP = 1 + _GAP


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
            self._look_at(viewer, event.superposition.shape)

    def _look_at(self, viewer: Any, shape: tuple[int, ...]) -> None:
        """Let the table fill the view; napari's home button shows everything again."""
        viewer.reset_view()
        low, high = viewer.layers.extent.world[:, -2:]
        size = np.multiply(shape, self._place["scale"]) * _STEP * (2, len(self._structures) + 1)
        camera = getattr(viewer, "scene", viewer).camera  # in the scene from napari 0.9 on
        camera.zoom *= float(min((high - low) / size))
        camera.center = (*camera.center[:-2], *(np.asarray(self._corner) + size / 2))

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
            # They lie side by side; added to the white ground of a light theme they would vanish.
            blending="translucent_no_depth",
            metadata={"denoisplit": {"kind": "preview", "model": self._name}},
            **self._place
            | {"translate": (top + row * height * _STEP, left + column * width * _STEP)},
        )


def _right_of_everything(viewer: Any) -> tuple[float, float]:
    if not len(viewer.layers):
        return 0.0, 0.0
    low, high = viewer.layers.extent.world
    return float(low[-2]), float(high[-1] + _GAP * (high[-1] - low[-1]))
