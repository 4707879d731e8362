"""Layers in which posterior samples are shown, one after the other, in place.

One layer for each structure holds the plane that is in sight, in a buffer of its own. Driving the
viewer's slider along the sample axis instead would move every layer that has an axis at the same
position, whatever it means, would let the window wait for the disk, and is slower: napari then
makes a new thumbnail and looks at extents for each step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_denoisplit.images.layer_record import SHOWN_SAMPLE, layer_metadata, layer_name
from napari_denoisplit.images.results.layers import contrast_limits, structure_colormap
from napari_denoisplit.images.results.pictures import DIVERGING, PictureColours, symmetric
from napari_denoisplit.widgets.layers.removal import LayerRemoval
from napari_denoisplit.widgets.layers.results import same_selection
from napari_denoisplit.widgets.samples.picture_row import PictureRow, whole_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image as ImageLayer
    from numpy.typing import NDArray

    from napari_denoisplit.images.results.levels import SplitLevels, Window
    from napari_denoisplit.settings import FilmLayout
    from napari_denoisplit.widgets.layers.found import FoundResult
    from napari_denoisplit.widgets.layers.place import ViewerRef

Kind = Literal["sample", "difference"]
_COLOURS = 256
_DIFFERENCE = "difference: blue below, orange above"


Corner = tuple[float, float, float, float]
_WHOLE: Corner = (0.0, 0.0, 1.0, 1.0)
"""Y, X of the first pixel that is shown, then the size of the pixels; all in those of the plane."""


class ShownSamples:
    """What is seen of a set of samples.

    Parameters
    ----------
    viewer
        Where to show it.
    """

    def __init__(self, viewer: ViewerRef) -> None:
        self._viewer = viewer
        self.removal = LayerRemoval(viewer)
        self._layers: list[ImageLayer] = []
        self._hidden: list[ImageLayer] = []
        self._set: FoundResult | None = None
        self.kind: Kind = "sample"
        self.layout: FilmLayout | None = None
        self._at, self._row = _WHOLE, whole_row(1)
        self._limits: dict[tuple[Kind, int], tuple[float, float]] = {}

    @property
    def is_shown(self) -> bool:
        """Whether all layers are in the viewer; a user may have removed one."""
        viewer = self._viewer()
        if viewer is None or not self._layers:
            return False
        alive = {id(layer) for layer in viewer.layers}
        return all(id(layer) in alive for layer in self._layers)

    @property
    def layers(self) -> tuple[ImageLayer, ...]:
        """The layers, in the order of the structures."""
        return tuple(self._layers)

    def begin(self, chosen: FoundResult, parts: Sequence[NDArray[np.float32]]) -> None:
        """Add the layers, with a first sample; what lies in the same place is hidden meanwhile."""
        self.end()
        viewer = self._viewer()
        if viewer is None:
            return
        self._set, self.kind, self._limits = chosen, "sample", {}
        self._hidden = [x for x in chosen.every if x.visible]
        for layer in self._hidden:
            layer.visible = False
        limits = [_limits_of(chosen, c, part) for c, part in enumerate(parts)]
        with same_selection(viewer.layers.selection):  # drawing goes on where it was
            for c in reversed(range(len(parts))):  # the first structure lies on top
                layer = viewer.add_image(
                    np.array(parts[c], dtype=np.float32),
                    name=layer_name(chosen.name, chosen.split.structures[c], "shown answer"),
                    colormap=colormap_of(chosen, c),
                    contrast_limits=limits[c],
                    metadata=layer_metadata(image=chosen.name, kind=SHOWN_SAMPLE),
                    **chosen.place.keywords("YX"),
                )
                self._layers.insert(0, layer)
        self._at = _WHOLE
        self._row = whole_row(chosen.split.plane_shape[1])
        self.arrange("overlay")

    def update(self, chosen: FoundResult) -> None:
        """Belong to the same samples, of which more or less is known by now."""
        if self._layers:
            self._set = chosen

    def end(self) -> None:
        """Take the layers away and show again what was seen before."""
        self.removal.remove(self._layers, self._hidden)
        self._layers, self._hidden, self._set, self.layout = [], [], None, None

    def paint(
        self,
        parts: Sequence[NDArray[np.float32]],
        other: Sequence[NDArray[np.float32]] | None = None,
        at: Corner = _WHOLE,
        row: PictureRow | None = None,
    ) -> None:
        """Show a sample, or its difference to another picture, in place.

        Parameters
        ----------
        parts, other
            The picture, and what is taken from it, structure by structure.
        at
            Where the picture lies in the plane: see `corner`.
        row
            Where pictures side by side lie; None: each as a whole.
        """
        if row is not None and row.x is not None:
            columns = row.columns(at[1], at[3], parts[0].shape[1])
            at = (at[0], at[1] + columns.start * at[3], *at[2:])
            parts = [part[:, columns] for part in parts]
            other = None if other is None else [part[:, columns] for part in other]
        self._move_to(at, row, parts[0].shape)
        for number, layer in enumerate(self._layers):
            if other is None:
                np.copyto(layer.data, parts[number])
            else:
                np.subtract(parts[number], other[number], out=layer.data)
        self._turn_to("sample" if other is None else "difference")
        for layer in self._layers:
            # A thumbnail takes as long as the picture; extent and highlight do not change.
            layer.refresh(thumbnail=False, highlight=False, extent=False)

    def fit_difference(self) -> None:
        """Find the limits of differences anew, by what is shown; the same for all structures."""
        if self.kind == "difference" and self._layers:
            limits = symmetric(np.stack([layer.data for layer in self._layers]))
            for number, layer in enumerate(self._layers):
                self._limits["difference", number] = limits
                _set_limits(layer, limits)

    def arrange(self, layout: FilmLayout) -> bool:
        """Put structures on top of each other or side by side.

        Returns
        -------
        Whether they moved.
        """
        if self._set is None or layout == self.layout:
            return False  # napari works out the whole scene anew when a layer moves
        self.layout = layout
        wanted = [self._translate(number) for number in range(len(self._layers))]
        before = [tuple(float(t) for t in layer.translate) for layer in self._layers]
        for number, layer in enumerate(self._layers):
            layer.translate = wanted[number]
            # Pictures side by side need no light of each other; added to the white ground of a
            # light theme they would vanish.
            alone = layout == "side by side" or number == len(self._layers) - 1
            layer.blending = "translucent_no_depth" if alone else "additive"
        return not np.allclose(before, wanted)

    def pixel_at(self, world: Sequence[float]) -> tuple[int, int] | None:
        """Y, X of the pixel at a place of the viewer, in whichever picture it lies."""
        if self._set is None:
            return None
        height, width = self._set.split.plane_shape
        top, left, rows, columns = self._at
        for layer in self._layers:
            y, x = layer.world_to_data(world)
            y, x = top + rows * y, left + columns * x
            # Beyond the part that is read, the picture goes on; not into its neighbour.
            ends = len(self._layers) > 1 and self.layout == "side by side"
            if ends and self._row.x is not None and not self._row.x[0] <= x < self._row.x[1]:
                continue
            if -0.5 <= y < height - 0.5 and -0.5 <= x < width - 0.5:
                return int(np.floor(y + 0.5)), int(np.floor(x + 0.5))
        return None

    def folded(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Move what was drawn on a picture to the side onto the pixels that it shows.

        Parameters
        ----------
        points
            (V, 2): Y, X in pixels of the first picture.
        """
        if self.layout != "side by side" or self._set is None:
            return points
        number = self._row.number_at(float(points[:, 1].mean()), len(self._layers))
        moved: NDArray[np.float64] = points - np.array([0.0, number * self._row.pitch])
        return moved

    def shifts(self) -> tuple[float, ...]:
        """How far along X each picture lies from the first, in pixels."""
        beside = self.layout == "side by side" and self._set is not None
        return self._row.shifts(len(self._layers)) if beside else (0.0,)

    def sample_limits(self) -> tuple[tuple[float, float], ...]:
        """Display limits of the samples, also while differences are shown."""
        found = []
        for number, layer in enumerate(self._layers):
            low, high = layer.contrast_limits
            kept = self._limits.get(("sample", number), (float(low), float(high)))
            found.append((float(low), float(high)) if self.kind == "sample" else kept)
        return tuple(found)

    def colours(self) -> PictureColours:
        """Colours and limits as they are now, for a film."""
        steps = np.linspace(0, 1, _COLOURS)
        tables = [np.rint(255 * layer.colormap.map(steps)[:, :3]) for layer in self._layers]
        return PictureColours(
            tuple((float(a), float(b)) for a, b in (x.contrast_limits for x in self._layers)),
            tuple(table.astype(np.uint8) for table in tables),
        )

    def _translate(self, number: int) -> Any:
        """Where the first pixel of a picture lies in the viewer."""
        if self._set is None:
            return 0.0, 0.0
        x = self._at[1] + number * self._row.pitch * (self.layout == "side by side")
        return self._set.place.keywords("YX", {"Y": self._at[0], "X": x})["translate"]

    def _move_to(self, at: Corner, row: PictureRow | None, shape: tuple[int, ...]) -> None:
        """Make room for a picture of another part of the plane, or of another resolution."""
        if self._set is None:
            return
        row = row or whole_row(self._set.split.plane_shape[1])
        alike = all(layer.data.shape == shape for layer in self._layers)
        if alike and (at, row) == (self._at, self._row):
            return
        self._at, self._row = at, row
        scale = self._set.place.keywords("YX")["scale"]
        for number, layer in enumerate(self._layers):
            if layer.data.shape != shape:
                layer.data = np.zeros(shape, np.float32)
            layer.scale = [step * size for step, size in zip(scale, at[2:], strict=True)]
            layer.translate = self._translate(number)

    def _turn_to(self, kind: Kind) -> None:
        """Change colours, and keep the limits of each kind as the user has set them."""
        if kind == self.kind or self._set is None:
            return
        before, self.kind = self.kind, kind
        for number, layer in enumerate(self._layers):
            low, high = layer.contrast_limits
            self._limits[before, number] = float(low), float(high)
            layer.colormap = (
                _diverging() if kind == "difference" else colormap_of(self._set, number)
            )
            if (limits := self._limits.get((kind, number))) is not None:
                _set_limits(layer, limits)
        if ("difference", 0) not in self._limits:
            self.fit_difference()


def corner(levels: SplitLevels | None, window: Window | None) -> Corner:
    """Where a part of a plane lies: Y, X of its first pixel, and the size of its pixels.

    Both in pixels of the full resolution, of which the first has its middle at 0.
    """
    if levels is None or window is None:
        return _WHOLE
    rows, columns = levels.steps[window.level]
    top, left = window.y[0] * rows, window.x[0] * columns
    return top + (rows - 1) / 2, left + (columns - 1) / 2, rows, columns


def _limits_of(chosen: FoundResult, number: int, part: NDArray[np.float32]) -> tuple[float, float]:
    """Limits of the MMSE's layer where there is one, so that both look alike."""
    if not chosen.mmse:
        return contrast_limits(part)
    low, high = chosen.mmse[number].contrast_limits
    return float(low), float(high)


def colormap_of(chosen: FoundResult, number: int) -> Any:
    """Colours of a structure: of its samples' layer, but for the grey of layers of other origin."""
    from napari.utils.colormaps import AVAILABLE_COLORMAPS

    own = chosen.samples[number].colormap
    return AVAILABLE_COLORMAPS[structure_colormap(number)] if own.name == "gray" else own


def _diverging() -> Any:
    from napari.utils import Colormap

    return Colormap([(*colour, 1.0) for colour in DIVERGING], name=_DIFFERENCE)


def _set_limits(layer: ImageLayer, limits: tuple[float, float]) -> None:
    low, high = layer.contrast_limits_range
    layer.contrast_limits_range = min(low, limits[0]), max(high, limits[1])
    layer.contrast_limits = limits
