"""Layers of one split among those of a viewer, put together as images."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image as ImageLayer

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import AXES
from napari_denoisplit.widgets.layers.place import (
    Place,
    image_of_layer,
    place_of_layer,
    plain_array,
    possible_axes,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.images.image import Image

TRUST_MASK = "trust mask"
"""Kind of the layers that show one, in their metadata."""

_OWN = ("structure", "channel", "kind")  # of one layer; all else says how the split was made


@dataclass(frozen=True, slots=True, eq=False)
class SplitGroup:
    """MMSE, sigma and samples that belong together."""

    name: str
    """What was split."""
    structures: tuple[str, ...]
    axes: str
    """Letters of the axes of an MMSE layer, as the viewer has them."""
    place: Place
    mmse: tuple[ImageLayer, ...]
    """One for each structure."""
    sigma: tuple[ImageLayer, ...]
    """Empty where there is none, or not of every structure."""
    samples: tuple[ImageLayer, ...]
    record: dict[str, Any]

    @property
    def key(self) -> tuple[int, ...]:
        """Tells the group from others while its layers live."""
        return tuple(id(layer) for layer in self.mmse)

    @property
    def n_samples(self) -> int:
        """Samples that are among the layers."""
        return len(full_resolution(self.samples[0])) if self.samples else 0

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one structure, in the order of the layers' axes."""
        return tuple(full_resolution(self.mmse[0]).shape)

    @property
    def calibrated(self) -> bool:
        """Whether sigma was scaled to measured errors."""
        return bool(self.record.get("calibration"))

    def mmse_image(self) -> Image:
        """All structures as an image in the order of T, C, Z, Y, X."""
        images = [image_of_layer(layer, self.axes) for layer in self.mmse]
        axes = "".join(a for a in AXES if a in self.axes + "C")
        data = np.stack([np.asarray(i.data, np.float32) for i in images], axis=axes.index("C"))
        return replace(
            images[0], data=data, axes=axes, channel_names=self.structures, name=self.name
        )

    def ordered(self, structures: Sequence[str]) -> SplitGroup:
        """Return the same split with its structures in another order, if they are the same."""
        if sorted(structures) != sorted(self.structures):
            return self
        order = [self.structures.index(name) for name in structures]

        def sorted_as(layers: tuple[ImageLayer, ...]) -> tuple[ImageLayer, ...]:
            return tuple(layers[i] for i in order) if layers else ()

        return replace(
            self,
            structures=tuple(structures),
            mmse=sorted_as(self.mmse),
            sigma=sorted_as(self.sigma),
            samples=sorted_as(self.samples),
        )

    def sample_array(self) -> NDArray[np.float32] | None:
        """Stack the samples (K, C, T, Z, Y, X) without the missing axes; None without samples."""
        if not self.samples:
            return None
        order = [0, *(1 + self.axes.index(a) for a in AXES if a in self.axes)]
        arrays = [np.asarray(full_resolution(x), np.float32) for x in self.samples]
        return np.stack([a.transpose(order) for a in arrays], axis=1)

    def samples_like_mmse(self) -> NDArray[np.float32] | None:
        """Stack the samples with the axes of `mmse_image` behind K."""
        samples = self.sample_array()
        if samples is None:
            return None
        axes = "".join(a for a in AXES if a in self.axes + "C")
        return np.moveaxis(samples, 1, 1 + axes.index("C"))

    def as_in_viewer(self, data: NDArray[Any]) -> NDArray[Any]:
        """Give an array in the order of T, Z, Y, X the order of the layers."""
        stored = [a for a in AXES if a in self.axes]
        return data.transpose([stored.index(a) for a in self.axes])

    def keywords(self) -> dict[str, Any]:
        """Where a layer of the same axes lies."""
        return self.place.keywords(self.axes)


def full_resolution(layer: Any) -> Any:
    """Return the pixels of a layer, of one with several resolutions the finest; nothing is read."""
    return plain_array(layer.data[0] if layer.multiscale else layer.data)


def kind_of(layer: Any) -> str:
    """Return what a layer of a split or of the Trust widget shows; empty for any other layer."""
    return str(_record(layer).get("kind", ""))


def split_groups(layers: Iterable[Any]) -> tuple[SplitGroup, ...]:
    """Find every split whose MMSE is among the layers, the newest first."""
    images = [x for x in layers if isinstance(x, ImageLayer)]
    found: dict[str, dict[str, dict[str, ImageLayer]]] = {}
    for layer in images:
        record = _record(layer)
        kind, structure = record.get("kind"), record.get("structure")
        if kind in ("MMSE", "sigma", "samples") and structure is not None:
            key = _making(record) + repr(_shape(layer, kind))
            found.setdefault(key, {}).setdefault(kind, {})[str(structure)] = layer
    groups = [_group(kinds) for kinds in found.values() if "MMSE" in kinds]
    return tuple(group for group in reversed(groups) if group is not None)


def hide_results(viewer: Any, group: SplitGroup) -> None:
    """Hide whatever shows the same split: layers that are added up show neither."""
    for layer in viewer.layers:
        if _record(layer).get("input") == group.name:
            layer.visible = False


def show_image(
    viewer: Any, group: SplitGroup, title: str, data: NDArray[Any], kind: str, **keywords: Any
) -> None:
    """Add an image layer, or bring the one of an earlier run up to date.

    Parameters
    ----------
    viewer
        Of napari.
    group
        The split that it is about.
    title
        What it shows, for its name.
    data
        Its pixels.
    kind
        The same in a word, for its metadata.
    keywords
        As of `add_image`; scale and translate among them.
    """
    name, about = f"{group.name} · {title}", {"kind": kind, "input": group.name}
    for layer in viewer.layers:
        if layer.name == name and layer.metadata.get("denoisplit") == about:
            layer.data, layer.visible = data, keywords.get("visible", True)
            layer.scale, layer.translate = keywords["scale"], keywords["translate"]
            return
    viewer.add_image(data, name=name, metadata={"denoisplit": about}, **keywords)


def _group(kinds: dict[str, dict[str, ImageLayer]]) -> SplitGroup | None:
    layers = kinds["MMSE"]
    names = list(layers)
    names.reverse()  # the viewer lists the first structure last, so that it lies on top
    structures = tuple(sorted(names, key=lambda name: _record(layers[name]).get("channel", 0)))
    first = kinds["MMSE"][structures[0]]
    try:
        axes = possible_axes(first)[0]
    except ImageError:
        return None

    def of_all(kind: str) -> tuple[ImageLayer, ...]:
        layers = kinds.get(kind, {})
        return tuple(layers[s] for s in structures) if set(layers) >= set(structures) else ()

    record = _record(first)
    return SplitGroup(
        name=str(record.get("input", first.name)),
        structures=structures,
        axes=axes,
        place=place_of_layer(first, axes),
        mmse=of_all("MMSE"),
        sigma=of_all("sigma"),
        samples=of_all("samples"),
        record=record,
    )


def _shape(layer: ImageLayer, kind: str) -> tuple[int, ...]:
    shape = full_resolution(layer).shape
    return tuple(shape[1:] if kind == "samples" else shape)


def _record(layer: ImageLayer) -> dict[str, Any]:
    record = layer.metadata.get("denoisplit")
    return record if isinstance(record, dict) else {}


def _making(record: dict[str, Any]) -> str:
    rest = {key: value for key, value in record.items() if key not in _OWN}
    return json.dumps(rest, sort_keys=True, default=str)
