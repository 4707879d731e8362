"""Results of splits among the layers of a viewer, by the records that the layers keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari.layers import Image as ImageLayer

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import AXES, sliceable
from napari_denoisplit.images.layer_record import (
    MMSE,
    RESIDUAL,
    RESULT_KINDS,
    SAMPLES,
    SIGMA,
    UNFAMILIAR_PLACES,
    WIDENED_SIGMA,
    kind_of,
    making_of,
    record_of,
)
from napari_denoisplit.images.place import AXIS_NAMES, SAMPLE, Place
from napari_denoisplit.images.results.layers import FIELDS, turned
from napari_denoisplit.images.results.levels import with_coarser
from napari_denoisplit.images.results.record import INPUT_PIXELS, fields_of, name_of_pixels
from napari_denoisplit.images.results.split import Split
from napari_denoisplit.widgets.layers.place import (
    full_resolution,
    image_of_layer,
    place_of_layer,
    possible_axes,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_denoisplit.images.image import Image

    Layers = tuple[ImageLayer, ...]

SAMPLE_LABELS = ("answer", "answers", "sample", "samples")
"""What the axis of posterior samples is called, in a layer's axis labels."""
_LETTERS = {name: letter for letter, name in AXIS_NAMES.items() if letter != "C"}
_NEVER_SPLIT = (*RESULT_KINDS, RESIDUAL, UNFAMILIAR_PLACES, WIDENED_SIGMA)
"""Kinds of layers whose pixels need not be looked at."""
_MOST_CHANNELS = 64  # that are looked at
_UNNAMED = {2: "YX", 3: "ZYX", 4: "TZYX"}


@dataclass(frozen=True, slots=True, eq=False)
class FoundResult:
    """A result whose layers are in a viewer."""

    split: Split
    """What they show, axes in the order of T, Z, Y, X; nothing is read before it is asked for."""
    axes: str
    """Letters of the axes of MMSE and sigma, as the viewer has them."""
    sample_axes: str
    """Those of the samples, S among them."""
    place: Place
    layers: Mapping[str, Layers]
    """By kind, one for each structure in their order; no kind of which one is missing."""
    every: Layers
    """All layers of the result, also of structures that it has not of all kinds, and its input."""
    input: ImageLayer | None
    """What was split, where it is among the layers."""

    @property
    def name(self) -> str:
        """What was split."""
        return self.split.name

    @property
    def mmse(self) -> Layers:
        """Layers of the MMSE; empty where there are none."""
        return self.layers.get(MMSE, ())

    @property
    def sigma(self) -> Layers:
        """Layers of sigma; empty where there are none."""
        return self.layers.get(SIGMA, ())

    @property
    def samples(self) -> Layers:
        """Layers of the samples; empty where there are none."""
        return self.layers.get(SAMPLES, ())

    @property
    def key(self) -> tuple[object, ...]:
        """Tells the result from others while its layers live and keep the meaning of their axes."""
        first = next(iter(self.layers.values()))
        return (self.axes, self.split.shape, *(id(layer) for layer in first))

    @property
    def members(self) -> tuple[object, ...]:
        """Tells whether layers of the result have come or gone."""
        return (*self.key, *(id(layer) for layer in self.every))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one structure, in the order of `axes`."""
        return _shape_along(self.axes, self.split)

    @property
    def observed(self) -> Any:
        """The input, axes as of `split`; None where it is not among the layers."""
        seen = None if self.input is None else self.seen_in(self.input)
        return None if seen is None else seen.data

    def position(self, viewer: Viewer) -> tuple[int, tuple[int, ...]]:
        """Sample and plane, over T and Z, that the viewer's sliders stand at.

        napari puts axes together by position from the last one on; which of them is that of the
        samples is told by the layer's labels.
        """
        layer, axes = (
            (self.samples[0], self.sample_axes) if self.samples else (self.mmse[0], self.axes)
        )
        at = dict(zip(axes, layer.world_to_data(viewer.dims.point), strict=True))
        sizes = dict(zip(self.split.axes, self.split.shape, strict=True))
        sizes[SAMPLE] = max(self.split.n_kept, 1)
        index = [
            min(max(round(float(at.get(letter, 0))), 0), sizes[letter] - 1)
            for letter in SAMPLE + self.split.axes[:-2]
        ]
        return index[0], tuple(index[1:])

    def may_be_input(self, layer: Any) -> bool:
        """Whether a layer can be what was split: of the same size, and with the pixels on record.

        Where the record does not know them, it must not be made by this program.
        """
        return self.seen_in(layer) is not None

    def seen_in(self, layer: Any) -> Image | None:
        """Return what of a layer was split, axes as of `split`: all of it, or one channel."""
        return _seen_in(layer, self.split, self.axes)

    def as_in_viewer(self, data: NDArray[Any]) -> NDArray[Any]:
        """Give an array in the order of T, Z, Y, X the order of the layers."""
        return data.transpose(_turn(self.split.axes, self.axes))


def find_results(
    layers: Iterable[Any], kind: str, unread: list[str] | None = None
) -> tuple[FoundResult, ...]:
    """Put layers together that show one result, in the order in which they were added.

    A layer with a sample axis and without a record stands alone, a result of one structure.

    Parameters
    ----------
    layers
        Of a viewer.
    kind
        MMSE or samples: a result has the structures of which there is a layer of this kind.
    unread
        Gets a sentence for each result whose record cannot be read.
    """
    images = [x for x in layers if isinstance(x, ImageLayer) and not x.rgb]
    groups: dict[object, dict[str, dict[str, ImageLayer]]] = {}
    for layer in images:
        record = record_of(layer.metadata)
        shows = SAMPLES if _labelled_axes(layer) else record.get("kind")
        if shows not in RESULT_KINDS:
            continue
        key: object = (making_of(record), _plane_shape(layer, shows)) if record else id(layer)
        structure = str(record.get("structure") or layer.name)
        # A second split of the same making is a result of its own.
        while structure in groups.setdefault(key, {}).setdefault(shows, {}):
            key = (key, "again")
        groups[key][shows][structure] = layer
    found = []
    for group in groups.values():
        if kind in group:
            try:
                found.append(_found(group, kind, images))
            except ImageError as error:
                first = next(iter(group[kind].values()))
                # Without a record its axes mean something else: no result of this program.
                if unread is not None and record_of(first.metadata):
                    unread.append(f"{first.name!r} cannot be used: {error}")
    return tuple(found)


def _found(
    group: dict[str, dict[str, ImageLayer]], kind: str, images: list[ImageLayer]
) -> FoundResult:
    # The viewer lists the first structure last, so that it lies on top.
    later = {id(layer): -place for place, layer in enumerate(images)}
    channels = {name: record_of(x.metadata).get("channel", 0) for name, x in group[kind].items()}
    structures = sorted(channels, key=lambda name: (channels[name], later[id(group[kind][name])]))
    layers = {
        shows: tuple(group[shows][name] for name in structures)
        for shows in (kind, *RESULT_KINDS)
        if set(structures) <= set(group.get(shows, ()))
    }
    first = layers[kind][0]
    axes, sample_axes = _axes(layers, kind)
    place = place_of_layer(first, axes if kind == MMSE else sample_axes)
    split = _split(layers, axes, sample_axes, place, structures)
    input_layer = _input(images, split, axes)
    every = [layer for of_kind in group.values() for layer in of_kind.values()]
    every += [] if input_layer is None else [input_layer]
    return FoundResult(split, axes, sample_axes, place, layers, tuple(every), input_layer)


def _split(
    layers: Mapping[str, Layers], axes: str, sample_axes: str, place: Place, structures: list[str]
) -> Split:
    """Take what the layers show as a value."""
    first = next(iter(layers.values()))
    record, stored = record_of(first[0].metadata), "".join(a for a in AXES if a in axes)
    fields = fields_of(record)
    if fields["calibration"] is not None:
        numbers = [record_of(x.metadata).get("channel", at) for at, x in enumerate(first)]
        fields["calibration"] = fields["calibration"].of_channels(numbers)
    levels: dict[str, list[tuple[Any, ...]]] = {}
    for kind, of_kind in layers.items():
        turn = _turn(axes, stored)
        if kind == SAMPLES:
            turn = _turn(sample_axes, SAMPLE + stored)
        each = [layer.data if layer.multiscale else [layer.data] for layer in of_kind]
        levels[FIELDS[kind]] = [
            tuple(turned(sliceable(level), turn) for level in arrays)
            for arrays in zip(*each, strict=False)
        ]
    split = Split(
        stored,
        tuple(structures),
        **fields | {field: arrays[0] for field, arrays in levels.items()},
        name=str(record.get("input") or first[0].name),
        pixel_size={a: place.scale[a] for a in stored if place.scale.get(a, 1) != 1},
        units={axis: unit for axis, unit in place.units.items() if axis in stored},
        origin={axis: start for axis, start in place.translate.items() if axis in stored and start},
    )
    return with_coarser(split, levels)


def _axes(layers: Mapping[str, Layers], kind: str) -> tuple[str, str]:
    """Letters of the axes of a plane's layer, and of one of samples, as the viewer has them."""
    if kind == MMSE:
        axes = possible_axes(layers[MMSE][0])[0]
    else:
        labelled = _labelled_axes(layers[SAMPLES][0])
        axes = _UNNAMED.get(layers[SAMPLES][0].ndim - 1, "") if labelled is None else labelled
        axes = axes.replace(SAMPLE, "")
    at = _sample_axis(layers[SAMPLES][0]) if SAMPLES in layers else 0
    return axes, axes[:at] + SAMPLE + axes[at:]


def _labelled_axes(layer: ImageLayer) -> str | None:
    """Letter of each axis of a layer of samples; None where no axis is called that of samples."""
    labels = [str(label).lower() for label in layer.axis_labels]
    if sum(label in SAMPLE_LABELS for label in labels) != 1:
        return None
    others = [label for label in labels if label not in SAMPLE_LABELS]
    letters = "".join(_LETTERS.get(label, "?") for label in others)
    if "?" in letters or len(set(letters)) < len(letters) or not set("YX") <= set(letters):
        letters = _UNNAMED.get(len(others), "")
    at = _sample_axis(layer)
    return letters[:at] + SAMPLE + letters[at:] if letters[-2:] == "YX" else None


def _sample_axis(layer: ImageLayer) -> int:
    """Which axis of a layer of samples they lie along: that which is called so, or the first."""
    labels = [str(label).lower() in SAMPLE_LABELS for label in layer.axis_labels]
    return labels.index(True) if any(labels) else 0


def _plane_shape(layer: ImageLayer, kind: str) -> tuple[int, ...]:
    """Size of a layer along all axes but that of samples."""
    shape = list(full_resolution(layer).shape)
    if kind == SAMPLES:
        del shape[_sample_axis(layer)]
    return tuple(shape)


def _input(images: list[ImageLayer], split: Split, axes: str) -> ImageLayer | None:
    """Find the layer that was split, by its pixels; a record that does not know them has a name."""
    possible = [layer for layer in images if _seen_in(layer, split, axes) is not None]
    named = [layer for layer in possible if layer.name == split.name]
    return next(iter(named or (possible if split.provenance.get(INPUT_PIXELS) else ())), None)


def _seen_in(layer: Any, split: Split, axes: str) -> Image | None:
    """Find what of a layer may be what was split; None where nothing can be."""
    if not isinstance(layer, ImageLayer) or layer.rgb:
        return None
    kind, known = kind_of(layer.metadata), split.provenance.get(INPUT_PIXELS)
    if kind in _NEVER_SPLIT or (kind and not known):
        return None
    shape = full_resolution(layer).shape
    wanted = _shape_along(axes, split)
    if tuple(shape) == wanted:
        found = [image_of_layer(layer, axes)]
    else:  # of images with channels one may be what was split
        at = [n for n in range(len(shape)) if tuple(shape[:n] + shape[n + 1 :]) == wanted]
        several = [image_of_layer(layer, f"{axes[:n]}C{axes[n:]}") for n in at if known]
        found = [image.channel(n) for image in several for n in range(image.n_channels)]
    for image in found[:_MOST_CHANNELS]:
        if not known or name_of_pixels(image.transposed(split.axes).data) == known:
            return image.transposed(split.axes)
    return None


def _shape_along(axes: str, split: Split) -> tuple[int, ...]:
    sizes = dict(zip(split.axes, split.shape, strict=True))
    return tuple(sizes[axis] for axis in axes)


def _turn(axes: str, wanted: str) -> list[int]:
    return [axes.index(axis) for axis in wanted]
