"""Images out of napari layers, and where their results lie in the viewer."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import AXES, Image, sliceable
from napari_denoisplit.images.place import AXIS_NAMES, Place
from napari_denoisplit.images.units import normal_unit

if TYPE_CHECKING:
    from napari.layers import Image as ImageLayer
    from napari.viewer import Viewer
    from numpy.typing import NDArray

_LETTERS = {name: letter for letter, name in AXIS_NAMES.items()} | {
    "t": "T",
    "c": "C",
    "channels": "C",
}

ViewerRef = Callable[[], "Viewer | None"]


def viewer_reference(viewer: Viewer) -> ViewerRef:
    """Hold a viewer weakly, so that closing it is not kept from freeing it.

    napari hands out a proxy that nobody else keeps; the viewer behind it is what lives.
    """
    return weakref.ref(getattr(viewer, "__wrapped__", viewer))


def possible_axes(layer: ImageLayer, *, with_channels: bool = False) -> tuple[str, ...]:
    """Every meaning the axes of a layer may have, the likeliest first.

    Parameters
    ----------
    layer
        An image layer; its axis labels decide where they are set.
    with_channels
        Only meanings with a channel axis.

    Raises
    ------
    ImageError
        The layer is a colour photograph or has more axes than T, C, Z, Y, X.
    """
    if layer.rgb:
        raise ImageError(
            f"{layer.name!r} is a colour (RGB) picture: right-click it and choose 'Split RGB'."
        )
    if not 2 <= layer.ndim <= len(AXES):
        raise ImageError(
            f"{layer.name!r} has {layer.ndim} axes; images here have 2 to {len(AXES)}: {AXES}."
        )
    shape = full_resolution(layer).shape
    guesses = ["".join(lead) + "YX" for lead in permutations("TZC", layer.ndim - 2)]
    guesses.sort(key=lambda axes: _unlikely(axes, shape, with_channels))
    labelled = "".join(_LETTERS.get(str(label).lower(), "?") for label in layer.axis_labels)
    if _is_meaning(labelled):
        guesses = [labelled, *(axes for axes in guesses if axes != labelled)]
    return tuple(axes for axes in guesses if "C" in axes or not with_channels)


def _is_meaning(axes: str) -> bool:
    return set("YX") <= set(axes) <= set(AXES) and len(set(axes)) == len(axes)


def _unlikely(axes: str, shape: tuple[int, ...], with_channels: bool) -> tuple[Any, ...]:
    """Sort key: channels only where asked for, on the shortest axis; Z before T; T outermost."""
    channels = shape[axes.index("C")] if "C" in axes else 0
    lone_time = "T" in axes and "Z" not in axes
    return (
        ("C" in axes) != with_channels,
        channels == 1,
        channels,
        lone_time,
        [AXES.index(axis) for axis in axes],
    )


def image_of_layer(layer: ImageLayer, axes: str) -> Image:
    """Take a layer's data as an image in the order of T, C, Z, Y, X; nothing is read or copied.

    Raises
    ------
    ImageError
        The axes do not fit the data.
    """
    data = sliceable(full_resolution(layer))
    place = place_of_layer(layer, axes)
    order = [axis for axis in AXES if axis in axes]
    if len(axes) == data.ndim:  # otherwise Image says what is wrong
        data = data.transpose([axes.index(axis) for axis in order])
    return Image(
        data=data,
        axes="".join(order),
        pixel_size={
            axis: step for axis, step in place.scale.items() if step != 1 or axis in place.units
        },
        units=place.units,
        name=layer.name,
        origin={axis: start for axis, start in place.translate.items() if start},
    )


def full_resolution(layer: Any) -> Any:
    """Return the pixels of a layer, of one with several resolutions the finest; nothing is read."""
    return layer.data[0] if layer.multiscale else layer.data


def place_of_layer(layer: ImageLayer, axes: str) -> Place:
    """Where a layer lies."""
    units = {a: normal_unit(str(unit)) for a, unit in zip(axes, layer.units, strict=False)}
    labels = [str(label) for label in layer.axis_labels]
    named = [not label.lstrip("-").isdigit() for label in labels]
    return Place(
        axes=axes,
        scale={a: float(step) for a, step in zip(axes, layer.scale, strict=False)},
        translate={a: float(step) for a, step in zip(axes, layer.translate, strict=False)},
        units={axis: unit for axis, unit in units.items() if unit},
        labels={a: label for a, label, own in zip(axes, labels, named, strict=False) if own},
        affine=_affine(layer) if len(axes) == layer.ndim else None,
    )


def _affine(layer: ImageLayer) -> NDArray[np.float64] | None:
    """Rotation, shear and affine of a layer in one, behind its scale and shift; None without."""
    pixels = np.vstack([np.zeros(layer.ndim), np.eye(layer.ndim)])
    zero, *others = (np.asarray(layer.data_to_world(pixel)) for pixel in pixels)
    found = np.eye(layer.ndim + 1)
    found[:-1, :-1] = (np.array(others) - zero).T / np.asarray(layer.scale)
    found[:-1, -1] = zero - found[:-1, :-1] @ np.asarray(layer.translate)
    return None if np.allclose(found, np.eye(layer.ndim + 1), rtol=0, atol=1e-9) else found
