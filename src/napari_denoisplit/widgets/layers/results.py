"""Layers that show a split, updated in place while it is refined."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.images.image import AXES
from napari_denoisplit.widgets.layers.place import SAMPLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from napari.layers import Image as ImageLayer
    from numpy.typing import NDArray

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.widgets.layers.place import Place, ViewerRef

# The first two can be told apart with any colour vision, and add up to white.
STRUCTURE_COLORMAPS = ("bop orange", "bop blue", "bop purple", "green", "magenta", "yellow", "cyan")
SIGMA_COLORMAP = "magma"
_LIMIT_PERCENTILES = (0.5, 99.8)
_PIXELS_FOR_LIMITS = 500_000


def structure_colormap(channel: int) -> str:
    """Colormap of a structure, the same in layers and plots."""
    return STRUCTURE_COLORMAPS[channel % len(STRUCTURE_COLORMAPS)]


def structure_color(channel: int) -> Any:
    """(4,) RGBA of a structure in plots: the brightest of its colormap."""
    from napari.utils.colormaps import AVAILABLE_COLORMAPS

    return AVAILABLE_COLORMAPS[structure_colormap(channel)].colors[-1]


def contrast_limits(
    data: NDArray[np.float32], n_pixels: int = _PIXELS_FOR_LIMITS
) -> tuple[float, float]:
    """Display limits that leave out the few darkest and brightest of so many pixels."""
    step = max(1, int(np.ceil(np.sqrt(data.size / n_pixels))))
    seen = data[..., ::step, ::step]
    seen = seen[np.isfinite(seen)]
    if not seen.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(seen, _LIMIT_PERCENTILES))
    return low, high if high > low else low + 1.0


def layer_look(
    name: str, structure: str, channel: int, kind: str, sigma_kind: str
) -> dict[str, Any]:
    """Name and look of a layer of a result, as arguments of `add_image`.

    Parameters
    ----------
    name, structure, channel
        Of the image, and of the structure in it.
    kind
        'MMSE', 'sigma' or 'samples'.
    sigma_kind
        What sigma is called.
    """
    is_sigma = kind == "sigma"
    return {
        "name": f"{name} · {structure} · {sigma_kind if is_sigma else kind}",
        "colormap": SIGMA_COLORMAP if is_sigma else structure_colormap(channel),
        "blending": "translucent" if is_sigma else "additive",
        "visible": kind == "MMSE",
    }


class OwnLayers:
    """Layers this program has added, known by identity: renamed or removed, they stay known."""

    def __init__(self, viewer: ViewerRef) -> None:
        self._viewer = viewer
        self._layers: dict[str, ImageLayer] = {}
        self._limits: dict[str, tuple[float, float]] = {}

    def show(
        self,
        key: str,
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
        if key not in self._layers:
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
        key: str,
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
            with _same_selection(viewer.layers.selection):
                added = viewer.add_image(data, contrast_limits=limits, **keywords)
        self._layers[key], self._limits[key] = added, limits

    def fit_contrast(self, key: str, limits: tuple[float, float] | None = None) -> None:
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


@contextmanager
def _same_selection(selection: Any) -> Iterator[None]:
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


class ResultLayers:
    """MMSE, sigma and samples of one image, in memory or on disk.

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
        self.name, self._place, self._structures = image.name, place, structures
        self._sigma_kind = "sigma" if calibrated else "sigma (uncalibrated)"
        self._axes = "".join(axis for axis in place.axes if axis != "C")
        self._order = [axis for axis in AXES if axis in self._axes]

    def _keywords(self, channel: int, kind: str) -> dict[str, Any]:
        """Name, look, metadata and place of a layer, as arguments of `add_image`."""
        return {
            **layer_look(self.name, self._structures[channel], channel, kind, self._sigma_kind),
            "metadata": {"denoisplit": self._about(f"{channel} {kind}", {})},
            **self._place.keywords(SAMPLE * (kind == "samples") + self._axes),
        }

    def _note(self, provenance: Mapping[str, Any]) -> None:
        """Let the layers' metadata say where they came from."""
        for key in self.layers.keys():
            if (layer := self.layers.alive(key)) is not None:
                layer.metadata["denoisplit"] = self._about(key, provenance)

    def _about(self, key: str, provenance: Mapping[str, Any]) -> dict[str, Any]:
        channel, kind = key.split(" ", 1)
        return {
            **provenance,
            "input": self.name,
            "structure": self._structures[int(channel)],
            "channel": int(channel),
            "kind": kind,
        }
