"""Posterior samples among the layers of a viewer, by the label of their sample axis."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari.layers import Image as ImageLayer

from napari_denoisplit.images.image import AXES
from napari_denoisplit.images.results.levels import with_coarser
from napari_denoisplit.images.results.record import fields_of
from napari_denoisplit.images.results.split import Split
from napari_denoisplit.widgets.layers.place import (
    AXIS_NAMES,
    SAMPLE,
    Place,
    place_of_layer,
    plain_array,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari.viewer import Viewer

SAMPLE_LABELS = ("sample", "samples")
"""What the axis of posterior samples is called, in a layer's axis labels."""
_LETTERS = {name: letter for letter, name in AXIS_NAMES.items() if letter != "C"}
_UNNAMED = {2: "YX", 3: "ZYX", 4: "TZYX"}
_OWN = ("structure", "channel", "kind")  # of one layer; all else says how the split was made


@dataclass(frozen=True, slots=True, eq=False)
class SampleSet:
    """Layers of samples that were drawn together, one for each structure."""

    name: str
    stack: Split
    layers: tuple[ImageLayer, ...]
    """The layers of the samples, in the order of the structures."""
    axes: str
    """Letters of their axes as the viewer has them, S for the samples."""
    place: Place
    """Where the layers lie."""
    mates: tuple[ImageLayer, ...]
    """MMSE, sigma and input of the same split."""
    observed: Any
    """The input, axes as in `stack.axes`; None where it is not among the layers."""

    @property
    def key(self) -> tuple[object, ...]:
        """Tells the set from others while its layers live and keep the meaning of their axes."""
        shape = self.stack.need_samples()[0].shape
        return (self.axes, tuple(shape), *(id(layer) for layer in self.layers))

    @property
    def members(self) -> tuple[object, ...]:
        """Tells whether layers of the same split have come or gone."""
        return (*self.key, *(id(layer) for layer in self.mates))

    def position(self, viewer: Viewer) -> tuple[int, tuple[int, ...]]:
        """Sample and plane that the viewer's sliders stand at.

        napari puts axes together by position from the last one on; which of them is that of the
        samples is told by the layer's labels.
        """
        layer = self.layers[0]
        at = dict(zip(self.axes, layer.world_to_data(viewer.dims.point), strict=True))
        letters = SAMPLE + self.stack.axes[:-2]
        sizes = (self.stack.n_kept, *self.stack.leading_shape)
        index = [
            min(max(round(float(at[letter])), 0), size - 1)
            for letter, size in zip(letters, sizes, strict=True)
        ]
        return index[0], tuple(index[1:])


def sample_axes(layer: ImageLayer) -> str | None:
    """Letter of each axis of a layer of samples; None where no axis is called that of samples."""
    labels = [str(label).lower() for label in layer.axis_labels]
    found = [at for at, label in enumerate(labels) if label in SAMPLE_LABELS]
    if len(found) != 1 or layer.rgb:
        return None
    others = [label for label in labels if label not in SAMPLE_LABELS]
    letters = "".join(_LETTERS.get(label, "?") for label in others)
    if "?" in letters or len(set(letters)) < len(letters) or not set("YX") <= set(letters):
        letters = _UNNAMED.get(len(others), "")
    if letters[-2:] != "YX":
        return None
    return letters[: found[0]] + SAMPLE + letters[found[0] :]


def sample_sets(layers: Iterable[Any]) -> tuple[SampleSet, ...]:
    """Put layers of samples together that come of one split.

    Layers without a record of their making stand alone, each a set of one structure.
    """
    images = [layer for layer in layers if isinstance(layer, ImageLayer)]
    groups: dict[object, dict[str, ImageLayer]] = {}
    for layer in images:
        axes = sample_axes(layer)
        if axes is None:
            continue
        record = _record(layer)
        key: object = (_making(record), axes, _level(layer).shape) if record else id(layer)
        structure = str(record.get("structure") or layer.name)
        # A second split of the same making is a set of its own.
        while structure in groups.get(key, {}):
            key = (key, "again")
        groups.setdefault(key, {})[structure] = layer
    return tuple(_set_of(group, images) for group in groups.values())


def _set_of(group: dict[str, ImageLayer], images: list[ImageLayer]) -> SampleSet:
    # The viewer lists the first structure last, so that it lies on top.
    order = {id(layer): -place for place, layer in enumerate(images)}
    members = sorted(
        group.items(), key=lambda item: (_record(item[1]).get("channel", 0), order[id(item[1])])
    )
    layers = tuple(layer for _, layer in members)
    structures = tuple(name for name, _ in members)
    first, record = layers[0], _record(layers[0])
    axes = sample_axes(first) or ""
    stored = "".join(letter for letter in AXES if letter in axes)
    making = _making(record)
    mates = [x for x in images if record and _is_mate(x, making, first)]
    found = {
        kind: tuple(_mate(mates, kind, name) for name in structures) for kind in ("MMSE", "sigma")
    }
    planes = axes.replace(SAMPLE, "")
    known: dict[str, Any] = {
        f"{kind.lower()}_arrays": tuple(_ordered(x, planes, stored) for x in every)
        for kind, every in found.items()
        if all(every)
    }
    observed = _mate(mates, None, None, name=record.get("input"))
    place = place_of_layer(first, axes)
    facts = fields_of(record)
    if facts["calibration"] is not None:
        channels = [_record(layer).get("channel", at) for at, layer in enumerate(layers)]
        facts["calibration"] = facts["calibration"].of_channels(channels)
    stack = Split(
        stored,
        structures,
        sample_arrays=tuple(_ordered(layer, axes, SAMPLE + stored) for layer in layers),
        **facts | {"n_samples": _n_drawn(record, first, axes)},
        name=str(record.get("input") or first.name),
        pixel_size={a: place.scale[a] for a in stored if place.scale.get(a, 1) != 1},
        units={axis: unit for axis, unit in place.units.items() if axis in stored},
        origin={axis: start for axis, start in place.translate.items() if axis in stored and start},
        **known,
    )
    levels = {"sample_arrays": _coarser(layers, axes, SAMPLE + stored)}
    if all(found["MMSE"]):
        levels["mmse_arrays"] = _coarser(found["MMSE"], planes, stored)
    stack = with_coarser(
        stack,
        [dict(zip(levels, arrays, strict=True)) for arrays in zip(*levels.values(), strict=False)],
    )
    return SampleSet(
        stack.name,
        stack,
        layers,
        axes,
        place,
        tuple(mates),
        None if observed is None else _ordered(observed, planes, stored),
    )


def _ordered(layer: ImageLayer, axes: str, order: str) -> Any:
    return _turned(_level(layer), axes, order)


def _turned(data: Any, axes: str, order: str) -> Any:
    turn = tuple(axes.index(letter) for letter in order)
    array = plain_array(data)
    # dask reads whole blocks of what was transposed, even where nothing changes places.
    return array if turn == tuple(range(len(turn))) else array.transpose(turn)


def _coarser(layers: Sequence[Any], axes: str, order: str) -> list[tuple[Any, ...]]:
    """Coarser levels that all of some layers have, the finest first: an array for each layer."""
    each = [layer.data[1:] if layer.multiscale else [] for layer in layers]
    return [
        tuple(_turned(level, axes, order) for level in levels)
        for levels in zip(*each, strict=False)
    ]


def _level(layer: ImageLayer) -> Any:
    """Return the pixels of a layer at full resolution."""
    return layer.data[0] if layer.multiscale else layer.data


def _record(layer: ImageLayer) -> dict[str, Any]:
    record = layer.metadata.get("denoisplit")
    return record if isinstance(record, dict) else {}


def _making(record: dict[str, Any]) -> str:
    """How a split was made, as text that is equal for its layers."""
    about = {key: value for key, value in record.items() if key not in _OWN}
    return json.dumps(about, sort_keys=True, default=str)


def _is_mate(layer: ImageLayer, making: str, samples: ImageLayer) -> bool:
    """Whether a layer is MMSE, sigma or input of the same split, in the same pixels."""
    shape = [
        size
        for size, label in zip(_level(samples).shape, samples.axis_labels, strict=True)
        if str(label).lower() not in SAMPLE_LABELS
    ]
    if layer.rgb or list(_level(layer).shape) != shape:
        return False
    record = _record(layer)
    if record.get("kind") in ("MMSE", "sigma"):
        return _making(record) == making
    return bool(layer.name == _record(samples).get("input"))


def _mate(
    mates: list[ImageLayer], kind: str | None, structure: str | None, name: str | None = None
) -> ImageLayer | None:
    for layer in mates:
        record = _record(layer)
        if kind is None and layer.name == name and record.get("kind") not in ("MMSE", "sigma"):
            return layer
        if kind is not None and (record.get("kind"), record.get("structure")) == (kind, structure):
            return layer
    return None


def _n_drawn(record: dict[str, Any], layer: ImageLayer, axes: str) -> int:
    """Count the samples of each plane behind MMSE and sigma; 0 where it is not known."""
    settings, total = record.get("settings"), record.get("samples_drawn")
    if isinstance(record.get("samples"), int):
        return int(record["samples"])
    if isinstance(total, int):  # of all planes; a stopped split has fewer than asked for
        sizes = dict(zip(axes, _level(layer).shape, strict=True))
        planes = 1
        for letter in axes:
            planes *= 1 if letter in (SAMPLE, "Y", "X") else sizes[letter]
        return max(total // planes, 1)
    wanted = settings.get("n_samples") if isinstance(settings, dict) else None
    return wanted if isinstance(wanted, int) else 0
